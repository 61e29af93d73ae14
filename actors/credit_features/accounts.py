"""What one pass over a shard's records keeps of each wallet, and of each pair of wallets.

Rows lie by address: a segment's wallets are neighbours, so nothing is looked up by id.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.table import Table, new_table, with_room
from actors.records.addresses import SEGMENT_SLOTS, SEGMENTS_MAX, segment_of, wallet_address
from actors.records.layout import zeros
from models.arrays import S
from models.credit.feature import MONTHS
from rules.vocabulary.encodings import Channel, Label

ACCOUNT: Final = np.dtype(
    [
        ("opened", "i8"),
        ("first", "i8"),
        ("last_payment", "i8"),
        ("balance", "i8"),
        ("night_sum", "i8"),
        ("night_min", "i8"),
        ("days_low", "u8"),
        ("days_high", "u8"),
        ("largest", "i8"),
        ("purchases", "i8"),
        ("transfers", "i8"),
        ("cash", "i8"),
        ("refunds", "i8"),
        ("asked", "i8"),
        ("uncovered", "i8"),
        ("tier_time", "i8"),
        ("day", "i4"),
        ("nights", "i4"),
        ("empty_nights", "i4"),
        ("overdrawn_nights", "i4"),
        ("attempts", "i4"),
        ("declined", "i4"),
        ("by_rules", "i4"),
        ("reviewed", "i4"),
        ("at_night", "i4"),
        ("at_weekend", "i4"),
        ("tier_changes", "i4"),
        ("freezes", "i4"),
        ("kinds", "u2"),
        ("channels", "u2"),
        ("currency", "u2"),
        ("tier", "u1"),
        ("status", "u1"),
        ("kind", "u1"),
        ("spare", "u1", (7,)),
    ]
)
"""One wallet, 192 bytes; `kind` 0: it was not opened. Times of 0: none. `days_low`, `days_high`: bit i = it paid i days ago, from 64 on in
the second. `kinds`, `channels`: bit i = label, channel i. `balance` stands since `day`."""
AccountRows = NDArray[np.void]
"""ACCOUNT rows (n,)."""

INCOME: Final = MONTHS
"""Columns of a wallet's months: paid from 0 on, received from here on; each from the newest month to the oldest."""
MONTH_COLUMNS: Final = 2 * MONTHS

PAIR: Final = np.dtype(
    [
        ("subject", "i8"),
        ("paid", "i8"),
        ("received", "i8"),
        ("row", "i4"),
        ("payments", "i4"),
        ("credits", "i4"),
        ("spare", "u4"),
    ]
)
"""A wallet, by its row, and whom it paid or was paid by in half a year; or, when the subject is a device or a country and no wallet, how
many `payments` it asked for with it."""
PairRows = NDArray[np.void]
"""PAIR rows (n,)."""

DEVICE: Final = 1 << 40
COUNTRY: Final = 1 << 41
"""Bits of subjects that are no wallets: addresses of wallets have 36 bits."""

PAIR_COUNT: Final = 0
ROWS_MIN: Final = SEGMENT_SLOTS
PAIRS_MIN: Final = 65_536
KEYS_MIN: Final = 65_536
PAIRS_A_RECORD: Final = 4
"""Payer, payee, device and country."""

assert ACCOUNT.itemsize == 192 and PAIR.itemsize == 40
assert max(Label) < 16 and max(Channel) < 16


class Accounts(NamedTuple):
    """`segments`: 1 + the first row of a segment, 0 = not of this shard; `rows` of ACCOUNT; `amounts`, `counts` (rows, MONTH_COLUMNS);
    `table`: 1 + the index of a pair by row and subject; `pairs` of PAIR; `meta`: how many pairs there are."""

    segments: NDArray[np.int32]
    rows: AccountRows
    amounts: NDArray[np.int64]
    counts: NDArray[np.int32]
    table: Table
    pairs: PairRows
    meta: NDArray[np.int64]


def new_accounts() -> Accounts:
    """No wallets."""
    return Accounts(
        zeros(SEGMENTS_MAX, np.dtype(np.int32)),
        zeros(0, ACCOUNT),
        np.zeros((0, MONTH_COLUMNS), np.int64),
        np.zeros((0, MONTH_COLUMNS), np.int32),
        new_table(KEYS_MIN),
        zeros(PAIRS_MIN, PAIR),
        np.zeros(1, np.int64),
    )


def with_segments(accounts: Accounts, segments: NDArray[np.int64]) -> Accounts:
    """The same with rows for these segments (n,), each once."""
    new = segments[accounts.segments[segments] == 0]
    if not len(new):
        return accounts
    used = SEGMENT_SLOTS * int(np.count_nonzero(accounts.segments))
    accounts.segments[new] = 1 + used + SEGMENT_SLOTS * np.arange(len(new), dtype=np.int32)
    needed = used + SEGMENT_SLOTS * len(new)
    if needed <= len(accounts.rows):
        return accounts
    size = max(needed, 2 * used, ROWS_MIN)
    return accounts._replace(
        rows=_longer(accounts.rows, used, size, ACCOUNT, 1),
        amounts=_longer(accounts.amounts, used, size, np.dtype(np.int64), MONTH_COLUMNS),
        counts=_longer(accounts.counts, used, size, np.dtype(np.int32), MONTH_COLUMNS),
    )


def with_pairs(accounts: Accounts, records: int) -> Accounts:
    """The same with room for the pairs of so many further records."""
    more = PAIRS_A_RECORD * records
    count = int(accounts.meta[PAIR_COUNT])
    table = with_room(accounts.table, more)
    if table is accounts.table and count + more <= len(accounts.pairs):
        return accounts
    size = max(count + more, 2 * len(accounts.pairs))
    return accounts._replace(table=table, pairs=_longer(accounts.pairs, count, size, PAIR, 1))


def _longer(old: NDArray[S], used: int, size: int, dtype: np.dtype[S], columns: int) -> NDArray[S]:
    new = zeros(size * columns, dtype)
    new = new.reshape(size, columns) if columns > 1 else new
    new[:used] = old[:used]
    return new


def rows_of(accounts: Accounts, wallets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows (n,) of wallets by address (n,), -1 of those of other shards."""
    starts = accounts.segments[segment_of(wallets)].astype(np.int64)
    return np.where(starts > 0, starts - 1 + (wallets & (SEGMENT_SLOTS - 1)), -1)


def addresses_of_rows(accounts: Accounts) -> NDArray[np.int64]:
    """Wallet addresses (rows,) of all rows in use."""
    segments = np.flatnonzero(accounts.segments)
    order = np.argsort(accounts.segments[segments])
    starts: NDArray[np.int64] = wallet_address(segments[order].astype(np.int64), np.zeros(1, np.int64))
    return (starts[:, None] + np.arange(SEGMENT_SLOTS)).reshape(-1)
