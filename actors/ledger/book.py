"""All arrays of one shard's ledger.

Made once, at their largest: untouched pages of an array cost no memory, so nothing is ever copied to grow.

Kernels take the whole `Book`; Python code outside this package takes `Ledger` (see `ledger`).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.bounds import Capacity
from actors.ledger.holds import Holds, new_holds
from actors.ledger.table import Table, find, new_table, put, remove, with_room
from actors.records.addresses import OPERATOR_SLOT_FIRST, SEGMENT_SLOTS, segment_of, segment_slot
from actors.records.layout import (
    ATTEMPT,
    ORIGINAL,
    PROFILE,
    RING,
    WALLET,
    AttemptRows,
    Originals,
    Profiles,
    RingRows,
    WalletRows,
    WalletStatus,
    zeros,
)
from models.jit import inlined, kernel
from models.prefetch import CACHE_LINE, prefetch
from rules.vocabulary.encodings import WalletKind

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
M_PROFILE_HAND: Final = 11
M_BATCH: Final = 12
M_ORIGINAL_HAND: Final = 13
M_FREE_LARGE: Final = 14
M_FREE_RING: Final = 15
M_RING_HAND: Final = 16
M_RINGS_FREE: Final = 17
M_ATTEMPTS_FREE: Final = 18
M_PROFILES_GIVEN_UP: Final = 19
M_SEGMENTS_END: Final = 20
META_SIZE: Final = 24

BATCH_NUMBERS: Final = 1 << 16
"""Batches are told apart by 16 bits in a profile: one that has the number of an earlier one only keeps some profiles longer."""

READ_AHEAD: Final = 64
"""Rows whose memory is fetched before they are handled: random reads overlap instead of queueing, and 64 rows stay in cache."""

NEVER: Final = -(2**62)
"""An effective time before all others."""


def caller_holds(capacity: Capacity) -> int:
    """Open holds that one caller may have on a shard."""
    return capacity.holds * capacity.caller_holds_percent // 100


class Book(NamedTuple):
    """`segments`: per segment 1 + its number among the local ones, 0 = not here. `owners`: per segment 1 + the shard that owns
    it, 0 = unknown. `keys`, `older_keys`: the two generations of idempotency keys."""

    wallets: WalletRows
    segments: NDArray[np.int32]
    owners: NDArray[np.int16]
    keys: Table
    older_keys: Table
    profile_table: Table
    profiles: Profiles
    rings: RingRows
    attempts: AttemptRows
    holds: Holds
    original_table: Table
    originals: Originals
    meta: NDArray[np.int64]


def new_book(capacity: Capacity) -> Book:
    """An empty book. Segment 0, the operators', is local from the start, and suspense wallets are there."""
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
    _build_in_suspense(book.wallets)
    return book


def _build_in_suspense(wallets: WalletRows) -> None:
    """Each shard has a stripe of each currency's suspense wallet, whether or not money ever lay on it: it can be paid on from any shard."""
    numbers = np.arange(1, OPERATOR_SLOT_FIRST)
    wallets["currency"][numbers] = numbers
    wallets["kind"][numbers], wallets["status"][numbers] = WalletKind.SUSPENSE, WalletStatus.OPEN


@inlined
def local_row(book, address):
    """Row of a wallet that lives here and was opened, else -1."""
    segment = segment_of(address)
    if segment < 0 or segment >= len(book.segments) or book.segments[segment] == 0:
        return np.int64(-1)
    row = (np.int64(book.segments[segment]) - 1) * SEGMENT_SLOTS + segment_slot(address)
    if book.wallets[row]["currency"] == 0:
        return np.int64(-1)
    return np.int64(row)


@inlined
def owner_of(book, address):
    """1 + the shard that owns the segment of an address, 0 = unknown; -1 when no user wallet can have that address."""
    segment = segment_of(address)
    if segment <= 0 or segment >= len(book.owners):
        return np.int64(-1)
    return np.int64(book.owners[segment])


@inlined
def fetch_row(book, address):
    """Bring a local wallet's row, if there is one, into the cache: called for many wallets before they are used, the reads overlap."""
    segment = segment_of(address)
    if 0 <= segment < len(book.segments) and book.segments[segment] != 0:
        row = (np.int64(book.segments[segment]) - 1) * SEGMENT_SLOTS + segment_slot(address)
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
def next_batch(book):
    """Profiles that the last batch needed are not needed any more; those that are looked up from now on are, until the next call."""
    book.meta[M_BATCH] = (book.meta[M_BATCH] + 1) % BATCH_NUMBERS


@inlined
def need_profile(book, row):
    """The batch under way needs this profile until it is applied."""
    book.profiles[row]["used"] = 1
    book.profiles[row]["batch"] = book.meta[M_BATCH]


@kernel
def _give_up_profile(book):
    """Free the row of a profile that no payment asked for lately (second chance: Corbato 1968). -1: the batch under way needs all."""
    row = book.meta[M_PROFILE_HAND]
    for _ in range(2 * len(book.profiles)):
        row = row + 1 if row + 1 < len(book.profiles) else 0
        kept = book.profiles[row]
        if kept["batch"] == book.meta[M_BATCH]:
            continue
        if kept["used"] == 0:
            book.meta[M_PROFILE_HAND] = row
            book.meta[M_PROFILES_GIVEN_UP] += 1
            hi, lo = address_words(kept["address"])
            remove(book.profile_table, hi, lo)
            kept["address"] = 0
            return np.int64(row)
        kept["used"] = 0
    return np.int64(-1)


@kernel
def store_profile(book, profile):
    """Keep or renew a profile; when the table is full another makes room. False, and it is not kept, when the batch under way needs all."""
    address = profile["address"]
    row = profile_row(book, address)
    if row < 0:
        row = book.meta[M_PROFILES]
        if row < len(book.profiles):
            book.meta[M_PROFILES] = row + 1
        else:
            row = _give_up_profile(book)
        hi, lo = address_words(address)
        if row < 0 or not put(book.profile_table, hi, lo, row + 1):
            return False
        book.profiles[row]["used"] = 0
        book.profiles[row]["batch"] = (book.meta[M_BATCH] - 1) % BATCH_NUMBERS
    kept = book.profiles[row]
    kept["address"] = address
    kept["opened"] = profile["opened"]
    kept["currency"] = profile["currency"]
    kept["status"] = profile["status"]
    kept["kind"] = profile["kind"]
    kept["tier"] = profile["tier"]
    return True


def with_profile_room(book: Book, profiles: int) -> Book:
    """The same book if it takes so many further profiles and gives none up, else one with more room."""
    used = int(book.meta[M_PROFILES])
    if used + profiles <= len(book.profiles):
        return book
    rows = zeros(2 * (used + profiles), PROFILE)
    rows[:used] = book.profiles[:used]
    return book._replace(profiles=rows, profile_table=with_room(book.profile_table, len(rows)))


@inlined
def original_row(book, address):
    """Row of a record known for its refunds, -1 if unknown here."""
    hi, lo = address_words(address)
    return find(book.original_table, hi, lo) - 1


@kernel
def _give_up_original(book, durable):
    """Free the row of an original whose refunds lie below the address `durable`: the journal, asked again, has them all. -1: there is
    none."""
    row = book.meta[M_ORIGINAL_HAND]
    for _ in range(len(book.originals)):
        row = row + 1 if row + 1 < len(book.originals) else 0
        kept = book.originals[row]
        if kept["newest"] < durable:
            book.meta[M_ORIGINAL_HAND] = row
            hi, lo = address_words(kept["address"])
            remove(book.original_table, hi, lo)
            kept["address"] = 0
            return np.int64(row)
    return np.int64(-1)


@kernel
def store_original(book, original, durable):
    """Keep what the journal says of a record and its refunds, unless that is known; when the table is full another makes room. False,
    and it is not kept, while each has a refund at or beyond the address `durable`."""
    address = original["address"]
    row = original_row(book, address)
    if row < 0:
        row = book.meta[M_ORIGINALS]
        if row < len(book.originals):
            book.meta[M_ORIGINALS] = row + 1
        else:
            row = _give_up_original(book, durable)
        hi, lo = address_words(address)
        if row < 0 or not put(book.original_table, hi, lo, row + 1):
            return False
    elif book.originals[row]["kind"] != 0:
        return True
    book.originals[row] = original
    return True
