"""A statement of account: opening balance, lines oldest first, closing balance.

It is for programs, for spreadsheets and to print. JSON has minor units, as all of the API. CSV and the page are for people: amounts are
in the currency's unit, signed as they change the balance. A text that a spreadsheet would take for a formula begins with an apostrophe
there.
"""

import csv
import html
import io
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from switch.views.statement import Entry

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet computes."""
CSV_COLUMNS: Final = (
    "effective_at",
    "created_at",
    "id",
    "type",
    "kind",
    "counterparty",
    "reference",
    "amount",
    "balance_after",
    "currency",
)


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """One movement. `amount` is signed: what it changes the balance by."""

    id: str
    type: str
    of: str | UnsetType = UNSET
    counterparty: str
    amount: int
    kind: str
    balance_after: int
    suspense: bool | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    created_at: str
    effective_at: str


class AccountStatement(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """What happened on a wallet from a time to a time. `opening` and the lines add up to `closing`."""

    wallet: str
    external_id: str | None
    owner: str | None
    currency: str
    decimals: int | None
    since: str
    until: str
    opening: int
    paid_in: int
    paid_out: int
    closing: int
    lines: list[StatementLine]


def line_of(entry: Entry) -> StatementLine:
    """A line of account from an entry of the wallet's list."""
    out = entry.direction == "out"
    return StatementLine(
        id=entry.id,
        type=entry.type,
        of=entry.of,
        counterparty=entry.payee if out else entry.payer,
        amount=-entry.amount if out else entry.amount,
        kind=entry.kind,
        balance_after=entry.balance_after,
        suspense=entry.suspense,
        reference=entry.reference,
        created_at=entry.created_at,
        effective_at=entry.effective_at,
    )


def amount_text(amount: int, decimals: int | None) -> str:
    """An amount in the currency's unit: 1250 with 2 decimals is 12.50."""
    if not decimals:
        return str(amount)
    whole, rest = divmod(abs(amount), 10**decimals)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:0{decimals}}"


def as_csv(statement: AccountStatement) -> bytes:
    """RFC 4180, with opening and closing balance as lines of their own."""
    out = io.StringIO()
    write = csv.writer(out).writerow
    write(CSV_COLUMNS)
    decimals, currency = statement.decimals, statement.currency

    def balance(time: str, name: str, amount: int) -> None:
        write([time, "", "", name, "", "", "", "", amount_text(amount, decimals), currency])

    balance(statement.since, "opening", statement.opening)
    for line in statement.lines:
        amounts = amount_text(line.amount, decimals), amount_text(line.balance_after, decimals)
        texts = line.effective_at, line.created_at, line.id, line.type, line.kind, line.counterparty
        write([*texts, _inert("" if line.reference is UNSET else line.reference), *amounts, currency])
    balance(statement.until, "closing", statement.closing)
    return out.getvalue().encode()


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Statement of {wallet}</title>
<style>
  body {{ font: 11pt/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; color: #111; background: #fff; }}
  table {{ border-collapse: collapse; width: 100%; }}
  th, td {{ text-align: left; padding: .25em .5em; border-bottom: 1px solid #ccc; vertical-align: top; }}
  .amount {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
  .id {{ font: 8pt ui-monospace, monospace; overflow-wrap: anywhere; }}
  thead {{ display: table-header-group; }}
  tr {{ break-inside: avoid; }}
  @page {{ size: A4; margin: 15mm; }}
  @media print {{ body {{ margin: 0; max-width: none; }} }}
</style>
<h1>Statement of account</h1>
<dl>
{facts}
</dl>
<table>
<thead><tr><th scope="col">Time (UTC)</th><th scope="col">What</th><th scope="col">Counterparty</th><th scope="col">Reference</th>
<th scope="col" class="amount">Amount</th><th scope="col" class="amount">Balance</th></tr></thead>
<tbody>
{lines}
</tbody>
</table>
</html>
"""


def as_page(statement: AccountStatement) -> bytes:
    """A page to print, or to keep as PDF by printing. It loads nothing."""
    decimals = statement.decimals
    facts: list[tuple[str, str]] = [
        ("Wallet", statement.wallet),
        *(("Name", each) for each in (statement.external_id, statement.owner) if each is not None),
        ("From", statement.since),
        ("To", statement.until),
        ("Currency", statement.currency),
        ("Opening balance", amount_text(statement.opening, decimals)),
        ("Paid in", amount_text(statement.paid_in, decimals)),
        ("Paid out", amount_text(statement.paid_out, decimals)),
        ("Closing balance", amount_text(statement.closing, decimals)),
    ]
    shown = "\n".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in facts)
    rows = [_row(statement.since, ("Opening balance", "", ""), "", amount_text(statement.opening, decimals))]
    rows += [_row_of(line, decimals) for line in statement.lines]
    rows.append(_row(statement.until, ("Closing balance", "", ""), "", amount_text(statement.closing, decimals)))
    return _PAGE.format(wallet=html.escape(statement.wallet), facts=shown, lines="\n".join(rows)).encode()


def _row_of(line: StatementLine, decimals: int | None) -> str:
    what = f"{line.type}, {line.kind}" + (", on suspense" if line.suspense is True else "")
    texts = what, line.counterparty, "" if line.reference is UNSET else line.reference
    return _row(line.effective_at, texts, amount_text(line.amount, decimals), amount_text(line.balance_after, decimals))


def _row(time: str, texts: Iterable[str], amount: str, balance: str) -> str:
    what, counterparty, reference = map(html.escape, texts)
    return (
        f'<tr><td>{time}</td><td>{what}</td><td class="id">{counterparty}</td><td>{reference}</td>'
        f'<td class="amount">{amount}</td><td class="amount">{balance}</td></tr>'
    )
