"""A real bank's year (Berka): dates carry no time, and the rows of one day are put where their balances chain.

FILE is trans.parquet or the folder that holds it; account.parquet beside it tells when accounts were opened.
"""

from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from switch.importer.history import (
    KINDS,
    History,
    ImportFileError,
    Payments,
    WalletSpec,
    concatenated,
    file_digest,
    openings,
    row_keys,
    spread,
)

NAME: Final = "berka"
CURRENCY: Final = "CZK"
DAY_MS: Final = 86_400_000
TOLERANCE: Final = 10
"""Balances in the file are rounded to 0.10 CZK."""
DAY_ROWS_SEARCHED: Final = 8
"""Orders of an account's day are searched up to this many rows; longer days stay as they are."""
EXTERNAL: Final = 0

_COLUMNS: Final = ("account_id", "date", "type", "operation", "k_symbol", "amount_minor", "balance_minor")
_CREDIT: Final = "PRIJEM"
_DEBITS: Final = ("VYDAJ", "VYBER")
_EPOCH: Final = date(1970, 1, 1)


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


def read(path: Path) -> History:
    """The history in the bank's files. Raises ImportFileError."""
    path = path / "trans.parquet" if path.is_dir() else path
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
        keys=row_keys(digest, payments.number),
        slice_ms=DAY_MS,
        tells_declines=True,
        notes=(note,) if breaks else (),
    )


def _read_bookings(path: Path) -> list[Booking]:
    if not path.is_file():
        raise ImportFileError(f"{path}: there is no such file")
    bookings = []
    for number, row in enumerate(pq.read_table(path, columns=list(_COLUMNS)).to_pylist()):
        if row["type"] != _CREDIT and row["type"] not in _DEBITS:
            raise ImportFileError(f"row {number}: type {row['type']!r} is neither a credit nor a debit")
        signed = row["amount_minor"] if row["type"] == _CREDIT else -row["amount_minor"]
        day = (row["date"] - _EPOCH).days
        bookings.append(Booking(number, row["account_id"], day, signed, row["balance_minor"], _kind(row)))
    return bookings


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
    accounts = path.parent / "account.parquet"
    if not accounts.is_file():
        return first, [path]
    table = pq.read_table(accounts, columns=["account_id", "date"])
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
