"""All arrays of one shard's ledger. Made once, at their largest: untouched pages of an array cost no memory, so nothing is
ever copied to grow.

Kernels take the whole `Book`; Python code outside this package takes `Ledger` (see `ledger`).
"""

from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.ledger.holds import Holds, new_holds
from actors.ledger.ids import SEGMENT_SLOTS
from actors.ledger.layout import ATTEMPT, ORIGINAL, PROFILE, RING, WALLET, zeros
from actors.ledger.table import Table, find, new_table, put
from models.jit import inlined, kernel
from models.prefetch import CACHE_LINE, prefetch

RING_SMALL: Final = 8
"""Attempts remembered of a payer at first; one who pays more often within the longest window gets RING_LARGE."""
RING_LARGE: Final = 64
"""The stated bound of remembered attempts a wallet: windows are exact up to it and say so beyond."""

M_RINGS: Final = 0
M_ATTEMPTS: Final = 1
M_FREE_SMALL: Final = 2
M_PROFILES: Final = 3
M_SEGMENTS: Final = 4
M_OPEN_SEGMENT: Final = 5
M_OPEN_SLOT: Final = 6
M_RECORD_TIME: Final = 7
M_SEGMENTS_STAMP: Final = 8
M_LOST_ATTEMPT: Final = 9
M_ORIGINALS: Final = 10
META_SIZE: Final = 16

READ_AHEAD: Final = 64
"""Rows whose memory is fetched before they are handled: random reads overlap instead of queueing, and 64 rows stay in cache."""

NEVER: Final = -(2**62)
"""An effective time before all others."""


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """How much a shard can hold; address space is reserved for all of it, memory is used as it fills."""

    segments: int = 512
    """Local segments of 65,536 wallets, the operator segment included: 33.5 million wallets."""
    segment_map: int = 1 << 20
    """Segments of the whole cluster, every id's segment is below it."""
    keys: int = 50_000_000
    """Idempotency keys of one generation; beyond it new transfers get 503."""
    payers: int = 4_000_000
    """Wallets with remembered attempts."""
    attempts: int = 64_000_000
    """Remembered attempts of all wallets."""
    profiles: int = 4_000_000
    """Wallets of other shards that were paid from here."""
    holds: int = 4_000_000
    """Open holds; beyond it new ones get 503."""
    caller_holds_percent: int = 25
    """How much of that the open holds of one caller, cases in review included, may be; beyond it its new ones get 429."""
    originals: int = 65_536
    """Records known for their refunds; when full and all refunds are durable, all are forgotten and read again when needed."""


def caller_holds(capacity: Capacity) -> int:
    """Open holds that one caller may have on a shard."""
    return capacity.holds * capacity.caller_holds_percent // 100


class Book(NamedTuple):
    """`segments`: per segment 1 + its number among the local ones, 0 = not here. `owners`: per segment 1 + the shard that owns
    it, 0 = unknown. `keys`, `older_keys`: the two generations of idempotency keys."""

    wallets: NDArray[Any]
    segments: NDArray[np.int32]
    owners: NDArray[np.int16]
    keys: Table
    older_keys: Table
    profile_table: Table
    profiles: NDArray[Any]
    rings: NDArray[Any]
    attempts: NDArray[Any]
    holds: Holds
    original_table: Table
    originals: NDArray[Any]
    meta: NDArray[np.int64]


def new_book(capacity: Capacity) -> Book:
    """An empty book. Segment 0, the operators', is local from the start."""
    book = Book(
        wallets=zeros(capacity.segments * SEGMENT_SLOTS, WALLET),
        segments=np.zeros(capacity.segment_map, np.int32),
        owners=np.zeros(capacity.segment_map, np.int16),
        keys=new_table(capacity.keys),
        older_keys=new_table(capacity.keys),
        profile_table=new_table(capacity.profiles),
        profiles=zeros(capacity.profiles, PROFILE),
        rings=zeros(capacity.payers, RING),
        attempts=zeros(capacity.attempts, ATTEMPT),
        holds=new_holds(capacity.holds, caller_holds(capacity)),
        original_table=new_table(capacity.originals),
        originals=zeros(capacity.originals, ORIGINAL),
        meta=np.zeros(META_SIZE, np.int64),
    )
    book.segments[0] = 1
    book.meta[M_SEGMENTS] = 1
    book.meta[M_LOST_ATTEMPT] = NEVER
    return book


@inlined
def local_row(book, address):
    """Row of a wallet that lives here and was opened, else -1."""
    segment = address >> 16
    if segment < 0 or segment >= len(book.segments) or book.segments[segment] == 0:
        return np.int64(-1)
    row = (np.int64(book.segments[segment]) - 1) * 65536 + (address & 65535)
    if book.wallets[row]["currency"] == 0:
        return np.int64(-1)
    return np.int64(row)


@inlined
def owner_of(book, address):
    """1 + the shard that owns the segment of an address, 0 = unknown; -1 when no user wallet can have that address."""
    segment = address >> 16
    if segment <= 0 or segment >= len(book.owners):
        return np.int64(-1)
    return np.int64(book.owners[segment])


@inlined
def fetch_row(book, address):
    """Bring a local wallet's row, if there is one, into the cache: called for many wallets before they are used, the reads overlap."""
    segment = address >> 16
    if 0 <= segment < len(book.segments) and book.segments[segment] != 0:
        row = (np.int64(book.segments[segment]) - 1) * 65536 + (address & 65535)
        prefetch(book.wallets, row, 0)
        prefetch(book.wallets, row, CACHE_LINE)


@inlined
def address_words(address):
    """Hash key of an address (Fibonacci hashing)."""
    hi = np.uint64(address) * np.uint64(0x9E3779B97F4A7C15)
    return hi, hi >> np.uint64(17)


@inlined
def profile_row(book, address):
    """Row of a remote wallet's profile, -1 if unknown here."""
    hi, lo = address_words(address)
    return find(book.profile_table, hi, lo) - 1


@kernel
def store_profile(book, profile):
    """Keep or renew a profile. False when the table is full."""
    address = profile["address"]
    row = profile_row(book, address)
    if row < 0:
        row = book.meta[M_PROFILES]
        if row >= len(book.profiles):
            return False
        hi, lo = address_words(address)
        if not put(book.profile_table, hi, lo, row + 1):
            return False
        book.meta[M_PROFILES] = row + 1
    kept = book.profiles[row]
    kept["address"] = address
    kept["opened"] = profile["opened"]
    kept["currency"] = profile["currency"]
    kept["status"] = profile["status"]
    kept["kind"] = profile["kind"]
    kept["tier"] = profile["tier"]
    return True


@inlined
def original_row(book, address):
    """Row of a record known for its refunds, -1 if unknown here."""
    hi, lo = address_words(address)
    return find(book.original_table, hi, lo) - 1


@kernel
def store_original(book, original):
    """Keep what the journal says of a record and its refunds, unless that is known. False when the table is full."""
    address = original["address"]
    row = original_row(book, address)
    if row < 0:
        row = book.meta[M_ORIGINALS]
        if row >= len(book.originals):
            return False
        hi, lo = address_words(address)
        if not put(book.original_table, hi, lo, row + 1):
            return False
        book.meta[M_ORIGINALS] = row + 1
    elif book.originals[row]["kind"] != 0:
        return True
    book.originals[row] = original
    return True
