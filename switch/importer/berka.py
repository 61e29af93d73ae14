"""Berka: a real bank's year.

Dates carry no time, and the rows of one day are put where their balances chain.

FILE is trans.parquet, trans.asc as it was published, or the folder that holds one; account.parquet or account.asc beside it tells when
accounts were opened.
"""

from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from switch.importer import names
from switch.importer.history import (
    KINDS,
    LINES_BELOW_HEADER,
    ROWS,
    History,
    ImportFileError,
    Payments,
    Place,
    WalletSpec,
    concatenated,
    content_keys,
    file_digest,
    openings,
    spread,
)
from switch.importer.text_tables import TextTable, is_parquet

NAME: Final = names.BERKA
CURRENCY: Final = "CZK"
DAY_MS: Final = 86_400_000
TRANSACTIONS: Final = ("trans.parquet", "trans.asc")
TOLERANCE: Final = 10
"""Balances in the file are rounded to 0.10 CZK."""
DAY_ROWS_SEARCHED: Final = 8
"""Orders of an account's day are searched up to this many rows; longer days stay as they are."""
EXTERNAL: Final = 0

_COLUMNS: Final = ("account_id", "date", "type", "operation", "k_symbol", "amount_minor", "balance_minor")
_TEXT_COLUMNS: Final = {
    **{name: (name,) for name in ("account_id", "date", "type", "operation", "k_symbol")},
    "amount_minor": ("amount",),
    "balance_minor": ("balance",),
}
"""What the published file calls them."""
_CREDIT: Final = "PRIJEM"
_DEBITS: Final = ("VYDAJ", "VYBER")
_EPOCH: Final = date(1970, 1, 1)
_A_DATE: Final = "a date like 930131"


class Booking(NamedTuple):
    """A row of the file: a signed amount and the balance that the bank wrote beside it."""

    row: int
    account: int
    day: int
    signed: int
    balance: int
    kind: str


def recognises(columns: set[str]) -> bool:
    """Whether a Parquet file with these columns is the bank's table of transactions."""
    return set(_COLUMNS) <= columns


def recognises_text(names: set[str]) -> bool:
    """Whether a text file with these columns is that table."""
    return {called for each in _TEXT_COLUMNS.values() for called in each} <= names


def transactions(path: Path) -> Path:
    """The table of transactions: the file itself, or the one in a folder. Raises ImportFileError for a folder without one."""
    if not path.is_dir():
        return path
    found = next((path / name for name in TRANSACTIONS if (path / name).is_file()), None)
    if found is None:
        raise ImportFileError(f"{path} is a folder, and one that is imported has {' or '.join(TRANSACTIONS)}")
    return found


def read(path: Path) -> History:
    """The history in the bank's files. Raises ImportFileError."""
    path = transactions(path)
    bookings = _read_bookings(path)
    ordered, opening, breaks = in_booking_order(bookings)
    accounts = sorted(opening)
    index = {account: number for number, account in enumerate(accounts, 1)}
    opened, sources = _opened(path, ordered)
    wallets = _wallets(ordered, accounts, opening, opened)
    first = openings({index[a]: opening[a] for a in accounts}, EXTERNAL, wallets)
    payments = concatenated([first, _payments(ordered, index)])
    digest = file_digest(NAME, *sources)
    note = f"{breaks} of {len(bookings)} rows do not continue their account's balance within {TOLERANCE} minor units"
    return History(
        name=NAME,
        digest=digest,
        wallets=wallets,
        payments=payments,
        keys=content_keys(NAME, wallets, payments, DAY_MS),
        keyed_by_content=True,
        slice_ms=DAY_MS,
        place=_place(path),
        notes=(note,) if breaks else (),
    )


def _read_bookings(path: Path) -> list[Booking]:
    if not path.is_file():
        raise ImportFileError(f"{path}: there is no such file")
    place = _place(path)
    table = pq.read_table(path, columns=list(_COLUMNS)) if is_parquet(path) else _text_table(path)
    bookings = []
    for number, row in enumerate(table.to_pylist()):
        if row["type"] != _CREDIT and row["type"] not in _DEBITS:
            known = ", ".join((_CREDIT, *_DEBITS))
            raise ImportFileError(f"{place.of(number)}: type: {row['type']!r} is none of {known}")
        if row["amount_minor"] <= 0:
            raise ImportFileError(f"{place.of(number)}: amount: more than 0 is expected")
        signed = row["amount_minor"] if row["type"] == _CREDIT else -row["amount_minor"]
        day = (row["date"] - _EPOCH).days
        bookings.append(Booking(number, row["account_id"], day, signed, row["balance_minor"], _kind(row)))
    return bookings


def _place(path: Path) -> Place:
    return ROWS if is_parquet(path) else LINES_BELOW_HEADER


def _text_table(path: Path) -> pa.Table:
    text = TextTable(path, _TEXT_COLUMNS, {})
    return pa.table(
        {
            "account_id": text.whole("account_id"),
            "date": _dates(text),
            **{name: text.texts(name) for name in ("type", "operation", "k_symbol")},
            "amount_minor": text.cents("amount_minor"),
            "balance_minor": text.cents("balance_minor"),
        }
    )


def _dates(text: TextTable) -> list[date]:
    """Days written as 930101, of the twentieth century."""
    days = text.whole("date", _A_DATE)
    month, day = days // 100 % 100, days % 100
    text.wrong("date", (days >= 10_101) & (month >= 1) & (month <= 12) & (day >= 1) & (days <= 991_231), _A_DATE)
    starts = (days // 10_000 + 1_900 - 1970) * 12 + month - 1
    dates = starts.astype("datetime64[M]").astype("datetime64[D]") + (day - 1)
    text.wrong("date", dates.astype("datetime64[M]").astype(np.int64) == starts, _A_DATE)
    found: list[date] = dates.astype(object).tolist()
    return found


def _kind(row: dict[str, Any]) -> str:
    if row["k_symbol"] in ("UROK", "SANKC. UROK"):
        return "interest"
    if row["k_symbol"] == "SLUZBY":
        return "fee"
    return {"VKLAD": "cash_in", "VYBER": "cash_out", "VYBER KARTOU": "cash_out"}.get(row["operation"], "transfer")


def in_booking_order(bookings: list[Booking]) -> tuple[list[Booking], dict[int, int], int]:
    """The rows with each account's day put in the order that its balances tell, in the places which that day had in the file;
    opening balances by account; and how many rows do not chain."""
    days: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place in sorted(range(len(bookings)), key=lambda i: (bookings[i].day, i)):
        days[bookings[place].account, bookings[place].day].append(place)
    ordered = list(bookings)
    opening: dict[int, int] = {}
    balance: dict[int, int] = {}
    breaks = 0
    for (account, _), places in sorted(days.items(), key=lambda entry: (entry[0][1], entry[1][0])):
        rows = [bookings[place] for place in places]
        if account not in opening:
            opening[account] = balance[account] = _opening(rows)
        found = _chain(balance[account], rows)
        for place, row in zip(places, found, strict=True):
            breaks += abs(balance[account] + row.signed - row.balance) > TOLERANCE
            balance[account] = row.balance
            ordered[place] = row
    ordered.sort(key=lambda row: row.day)
    return ordered, opening, breaks


def _opening(rows: list[Booking]) -> int:
    """What an account held before its first day: the first order that chains tells, an account that begins empty before others."""
    starts = [0, *(row.balance - row.signed for row in rows)]
    return min(starts, key=lambda start: _breaks(start, _chain(start, rows)))


def _breaks(start: int, rows: list[Booking]) -> int:
    before = [start, *(row.balance for row in rows)]
    return sum(abs(b + row.signed - row.balance) > TOLERANCE for b, row in zip(before, rows, strict=False))


def _chain(start: int, rows: list[Booking]) -> list[Booking]:
    """The order of an account's day with the fewest breaks, the earliest such in file order."""
    if len(rows) == 1 or len(rows) > DAY_ROWS_SEARCHED:
        return rows
    best, best_breaks = rows, _breaks(start, rows)

    def search(balance: int, done: list[Booking], left: list[Booking], breaks: int) -> None:
        nonlocal best, best_breaks
        if breaks >= best_breaks:
            return
        if not left:
            best, best_breaks = done, breaks
            return
        for i, row in enumerate(left):
            off = abs(balance + row.signed - row.balance) > TOLERANCE
            search(row.balance, [*done, row], left[:i] + left[i + 1 :], breaks + off)

    search(start, [], rows, 0)
    return best


def _opened(path: Path, ordered: list[Booking]) -> tuple[dict[int, int], list[Path]]:
    """Day on which each account was opened, never after its first row; and the files read."""
    first: dict[int, int] = {}
    for row in ordered:
        first.setdefault(row.account, row.day)
    accounts = path.with_stem("account")
    if not accounts.is_file():
        return first, [path]
    if is_parquet(accounts):
        table = pq.read_table(accounts, columns=["account_id", "date"])
    else:
        text = TextTable(accounts, {"account_id": ("account_id",), "date": ("date",)}, {})
        table = pa.table({"account_id": text.whole("account_id"), "date": _dates(text)})
    for row in table.to_pylist():
        if row["account_id"] in first:
            first[row["account_id"]] = min(first[row["account_id"]], (row["date"] - _EPOCH).days)
    return first, [path, accounts]


def _wallets(
    ordered: list[Booking], accounts: list[int], opening: dict[int, int], opened: dict[int, int]
) -> list[WalletSpec]:
    balance = dict(opening)
    lowest = {account: min(0, start) for account, start in opening.items()}
    for row in ordered:
        balance[row.account] += row.signed
        lowest[row.account] = min(lowest[row.account], balance[row.account])
    start = min(opened.values(), default=0) * DAY_MS
    wallets = [WalletSpec(external_id=f"{NAME}:external", kind="external", currency=CURRENCY, opened_ms=start)]
    for account in accounts:
        wallets.append(
            WalletSpec(
                external_id=f"{NAME}:account:{account}",
                kind="user",
                currency=CURRENCY,
                opened_ms=opened[account] * DAY_MS,
                floor=lowest[account],
            )
        )
    return wallets


def _payments(ordered: list[Booking], index: dict[int, int]) -> Payments:
    signed = np.array([row.signed for row in ordered], np.int64)
    account = np.array([index[row.account] for row in ordered], np.int32)
    credit = signed > 0
    return Payments(
        payer=np.where(credit, np.int32(EXTERNAL), account).astype(np.int32),
        payee=np.where(credit, account, np.int32(EXTERNAL)).astype(np.int32),
        amount=np.abs(signed),
        kind=np.array([KINDS.index(row.kind) for row in ordered], np.uint8),
        effective_ms=spread(np.array([row.day for row in ordered], np.int64) * DAY_MS, DAY_MS),
        number=np.array([row.row for row in ordered], np.int64),
        declined=np.zeros(len(ordered), np.bool_),
    )
