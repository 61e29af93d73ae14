"""The journal: the only store of money.

An append is stored whole or not at all, and its key is the fence.

A journal holds one sequence of blocks for each shard. What is in a block is not its business: `records` and
`details` are opaque bytes. Here are the data, the errors and the interface; the stores are `journal_memory`
and `journal_postgres`, and tests/contract/test_journal.py says what each of them must do.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.records.layout import Records

# A row must fit into one 8,192-byte page with its header and, at worst, 24 bytes of details kept in the row,
# since `records` is never moved out of it.
RECORDS_BYTES_MAX = 8_092

REVIEW_OPEN = 0

ScannedBlock = tuple[int, bytes | memoryview, bytes | None]
"""Number, records and, if they were asked for, details: what a scan gives for each block."""


class StoredBlock(NamedTuple):
    """What reads give: records alone. Details may be thousands of times as long, and few ever ask for them."""

    number: int
    records: bytes


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One block of a shard's journal.

    `references` are rows (target, record) of table `reference`, `anchors` rows (wallet, chain time, record) of table `anchor`,
    `reviews` rows (record, time, status) of table `review`, new where the status is `REVIEW_OPEN`, else changed, `suspended` rows
    (movement, leg) of table `suspended`, `late` rows (wallet, effective time, record, previous record, amount) of table `late`, `credit`
    rows (wallet, record, kind, what it is about, account) of table `credit`; all are stored in the same transaction, in this order. They
    are written with a block but not read back with it: see `Journal.references`. `previous`: hash of the block before as the writer knows
    it, when it wants that compared; a new session does.
    """

    shard: int
    number: int
    records: bytes
    details: bytes | None
    references: Sequence[tuple[int, int]] = ()
    anchors: Sequence[tuple[int, int, int]] = ()
    reviews: Sequence[tuple[int, int, int]] = ()
    suspended: Sequence[tuple[int, int]] = ()
    late: Sequence[tuple[int, int, int, int, int]] = ()
    credit: Sequence[tuple[int, int, int, int, int]] = ()
    previous: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of records and details."""
        return len(self.records) + len(self.details or b"")


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """The database's clock, milliseconds since 1970 UTC, was this at some time between `sent_ns` and `received_ns`: elapsed nanoseconds
    of the reader, no wait for a session or its turn included."""

    sent_ns: int
    received_ns: int
    database_ms: int


class JournalError(Exception):
    """What can go wrong with a journal in the course of things."""


class BlockConflict(JournalError):
    """A block of that number is already there, own or another's. Nothing of this append is stored."""


class OutcomeUnknown(JournalError):
    """The session or the time ran out while committing: the append is stored whole or not at all."""


class JournalUnavailable(JournalError):
    """The journal cannot be reached or is busy. This call stored nothing; trying again can help.

    It says nothing of an earlier call whose outcome is unknown.
    """


class JournalRewound(JournalError):
    """A block that this writer stored is not there any more, or the database has another timeline: it was restored, or a failover may have
    lost commits. Nothing of this call is stored, and what the writer has in memory may be of another journal."""


class Journal(Protocol):
    """The journal as a shard uses it: appends of one writer, one at a time; reads beside them, any number."""

    async def append(self, blocks: Sequence[Block]) -> None:
        """Store blocks of one shard with contiguous numbers, durably and atomically, before returning.

        Raises BlockConflict, OutcomeUnknown or JournalUnavailable; any other error, JournalRewound among them, is a reason to stop.
        """

    async def timeline(self) -> int:
        """Which history of the database this is. It begins anew with a failover or a restore, which may have lost commits: then every
        further call raises JournalRewound, since what was read or stored before may not be there any more."""

    async def head(self, shard: int) -> StoredBlock | None:
        """The last block of the shard."""

    async def block(self, shard: int, number: int) -> StoredBlock | None: ...

    async def read(self, shard: int, first: int, limit: int) -> list[StoredBlock]:
        """Up to `limit` blocks from number `first` on, ascending."""

    async def records(self, addresses: NDArray[np.int64]) -> Records:
        """The RECORD rows (n,) at these addresses (n,), ascending, of any shards; zeros where there is none."""

    def scan(
        self, shard: int, first: int, last: int | None = None, *, details: bool = False
    ) -> AsyncGenerator[Sequence[ScannedBlock], None]:
        """All blocks from `first` to `last` (included; None: to the end), ascending, in non-empty pages."""

    async def references(self, target: int) -> list[int]:
        """The records that refer to record `target`, ascending."""

    async def reviews(self, status: int) -> list[int]:
        """The records whose review has this status, by time and record."""

    async def clock(self, elapsed_ns: Callable[[], int]) -> ClockReading:
        """Read the database's clock. Raises JournalUnavailable."""

    async def takeover(self, shard: int, writer: int) -> None:
        """End the sessions by which writers of the shard other than `writer` append.

        They may open new ones: the fence is the key, this only ends what would hold the new writer up.
        """

    async def close(self) -> None: ...


def check_append(blocks: Sequence[Block]) -> None:
    """Assert what every store relies on; an append that breaks it is a bug of the caller."""
    assert blocks, "an append has at least one block"
    shard, first = blocks[0].shard, blocks[0].number
    for index, block in enumerate(blocks):
        assert block.shard == shard, f"block of shard {block.shard} among those of shard {shard}"
        assert block.number == first + index, f"block {block.number} after {first + index - 1}"
        assert len(block.records) <= RECORDS_BYTES_MAX, f"{len(block.records)} bytes of records in one block"
