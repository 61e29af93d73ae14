"""The journal in PostgreSQL: an append is one transaction.

Only the server's answer says how it ended.

Losing the session or the patience between the first byte of an append and its answer is an unknown outcome;
the session is then thrown away, never asked again. A writer has one session for appends, one for reads so
that a read never waits behind an append, and a scan has its own.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import asyncpg
import numpy as np
from numpy.typing import NDArray

from actors.database.connection import ALONG_THE_KEY, SQL, UNAVAILABLE, check_server, connect, timeline_of, travel_s
from actors.journal.copy_stream import copy_of, stream_blocks
from actors.journal.interface import (
    RECORDS_BYTES_MAX,
    REVIEW_OPEN,
    Block,
    BlockConflict,
    ClockReading,
    JournalError,
    JournalRewound,
    JournalUnavailable,
    OutcomeUnknown,
    ScannedBlock,
    StoredBlock,
    check_append,
)
from actors.journal.records import FoundBlocks, records_at
from actors.process.shared_timer import SharedTimer
from actors.records.blocks import block_hash
from actors.records.layout import RECORD, Records

APPEND_TIMEOUT_S: Final = 5.0  # and what its bytes take over the slowest link
LOCK_SHARE: Final = 0.6  # of that time may pass waiting for a lock: such a failure is certain, a time-out is not
READ_TIMEOUT_S: Final = 5.0  # and what its bytes take
CLOSE_TIMEOUT_S: Final = 1.0
IDLE_IN_TRANSACTION_MS: Final = 10_000  # a writer that hangs between BEGIN and COMMIT must not block its successor
TAKEOVER_WAIT_MS: Final = 2_000
NUMBER_MAX: Final = 2**63 - 1

_JOURNAL_COLUMNS: Final = ("shard", "block", "records", "details")
_REFERENCE_COLUMNS: Final = ("target", "record")
_ANCHOR_COLUMNS: Final = ("wallet", "shard", "chain_time", "record")
_CREDIT_COLUMNS: Final = ("wallet", "record", "kind", "about", "account")
_REVIEW_COLUMNS: Final = ("record", "record_time", "status")
_SUSPENDED_COLUMNS: Final = ("movement", "leg")

T = TypeVar("T")


class PostgresJournal:
    """The journal of a database, with `shard` and `writer` those in whose name this object appends.

    `allow_unsafe` accepts a server that would lose commits in a crash: for tests and throw-away benchmarks.
    """

    def __init__(
        self,
        url: str,
        *,
        shard: int,
        writer: int,
        append_timeout_s: float = APPEND_TIMEOUT_S,
        allow_unsafe: bool = False,
    ) -> None:
        self._url = url
        self._shard = shard
        self._append_timeout_s = append_timeout_s
        self._allow_unsafe = allow_unsafe
        self._writer_name = writer_name(shard, writer)
        self._reader_name = f"shardpay-read-{shard}-{writer:016x}"
        self._appender: _Watched | None = None
        self._reader: Any = None
        self._reading = asyncio.Lock()
        self._appending = False
        self._newest: StoredBlock | None = None
        self._timeline: int | None = None

    # --- writing

    async def append(self, blocks: Sequence[Block]) -> None:
        check_append(blocks)
        assert blocks[0].shard == self._shard, "a writer appends to its own shard"
        assert not self._appending, "one append at a time"
        self._appending = True
        try:
            watched = await self._ready_appender(blocks[0])
            connection = watched.connection
            try:
                seconds = self._append_timeout_s + travel_s(sum(b.size for b in blocks))
                await watched.within(seconds, _store(connection, blocks))
                self._newest = StoredBlock(blocks[-1].number, blocks[-1].records)
            except BaseException as error:
                lost = _is_lost(error, connection)
                self._appender = None
                connection.terminate()
                meaning = _append_error(error, lost, blocks)
                if meaning is None:
                    raise
                raise meaning from error
        finally:
            self._appending = False

    async def _ready_appender(self, first: Block) -> "_Watched":
        if self._appender is None or self._appender.connection.is_closed():
            connection = await self._connect(
                self._writer_name,
                lock_timeout=str(int(self._append_timeout_s * LOCK_SHARE * 1000)),
                idle_in_transaction_session_timeout=str(IDLE_IN_TRANSACTION_MS),
            )
            try:
                async with asyncio.timeout(READ_TIMEOUT_S):
                    await check_server(connection, allow_unsafe=self._allow_unsafe)
                    await self._check_newest(connection)
                    await self._check_previous(connection, first)
            except BaseException as error:
                connection.terminate()
                if isinstance(error, UNAVAILABLE):
                    raise JournalUnavailable(f"cannot prepare a session: {_explained(error)}") from error
                raise
            self._appender = _Watched(connection)
        return self._appender

    async def _check_newest(self, connection: Any) -> None:
        """The newest block of this writer is still there: who lost the session may have lost commits with it, in a failover, and the key
        alone would let the next block follow a hole. Raises JournalRewound."""
        if self._newest is None:
            return
        row = await connection.fetchrow(SQL["journal_block"], self._shard, self._newest.number)
        if row is None or StoredBlock(*row) != self._newest:
            raise JournalRewound(
                f"block {self._newest.number} of shard {self._shard} was stored and is not there any more"
            )

    async def _check_previous(self, connection: Any, first: Block) -> None:
        """What a writer appends to may have been read, or found stored, through a session that is gone, too. Raises JournalRewound."""
        if first.previous is None or first.number == 1:
            return
        row = await connection.fetchrow(SQL["journal_block"], self._shard, first.number - 1)
        if row is None or block_hash(row["records"]) != first.previous:
            raise JournalRewound(
                f"block {first.number - 1} of shard {self._shard} is not the one that {first.number} follows"
            )

    async def _check_timeline(self, connection: Any) -> None:
        """All sessions of this object are on one timeline. Raises JournalRewound."""
        async with asyncio.timeout(READ_TIMEOUT_S):
            timeline = await timeline_of(connection)
        if timeline is None:
            raise JournalUnavailable("the server is a standby that was not promoted")
        self._timeline = timeline if self._timeline is None else self._timeline
        if timeline != self._timeline:
            raise JournalRewound(
                f"the database's timeline {self._timeline} has ended, and commits with it perhaps: now it is {timeline}"
            )

    async def takeover(self, shard: int, writer: int) -> None:
        prefix, own = writer_name(shard, None), writer_name(shard, writer)
        await self._read(lambda reader: reader.fetch(SQL["journal_takeover"], prefix, own, TAKEOVER_WAIT_MS))

    # --- reading

    async def timeline(self) -> int:
        await self._read(self._check_timeline)
        assert self._timeline is not None
        return self._timeline

    async def head(self, shard: int) -> StoredBlock | None:
        row = await self._read(lambda reader: reader.fetchrow(SQL["journal_head"], shard))
        return None if row is None else StoredBlock(*row)

    async def block(self, shard: int, number: int) -> StoredBlock | None:
        row = await self._read(lambda reader: reader.fetchrow(SQL["journal_block"], shard, number))
        return None if row is None else StoredBlock(*row)

    async def read(self, shard: int, first: int, limit: int) -> list[StoredBlock]:
        query, size = SQL["journal_read"], limit * RECORDS_BYTES_MAX
        rows = await self._read(lambda reader: reader.fetch(query, shard, first, NUMBER_MAX, limit), size)
        return [StoredBlock(*row) for row in rows]

    async def records(self, addresses: NDArray[np.int64]) -> Records:
        async def blocks(places: NDArray[np.int64]) -> FoundBlocks:
            query, size = SQL["journal_blocks"], len(places) * RECORDS_BYTES_MAX
            return await self._read(lambda reader: reader.fetch(query, places.tolist()), size)

        async def alone(asked: NDArray[np.int64]) -> FoundBlocks:
            query, size = SQL["journal_records"], len(asked) * RECORD.itemsize
            return await self._read(lambda reader: reader.fetch(query, asked.tolist()), size)

        return await records_at(addresses, blocks, alone)

    async def scan(
        self, shard: int, first: int, last: int | None = None, *, details: bool = False
    ) -> AsyncGenerator[Sequence[ScannedBlock], None]:
        """As in Journal; the next page is on its way while the caller works on this one."""
        end = NUMBER_MAX if last is None else last
        connection = await self._connect(f"{self._reader_name}-scan")
        try:
            more = True
            while more:  # what was stored since a COPY began comes with the next
                more = False
                blocks = stream_blocks(connection, shard, first, end, details=details)
                async with contextlib.aclosing(blocks) as pages:
                    async for page in pages:
                        more = True
                        first = page[-1][0] + 1
                        yield page
            await _close(connection)
        except UNAVAILABLE as error:
            raise JournalUnavailable(f"the scan was cut off: {_explained(error)}") from error
        finally:
            connection.terminate()

    async def references(self, target: int) -> list[int]:
        rows = await self._read(lambda reader: reader.fetch(SQL["journal_references"], target))
        return [row[0] for row in rows]

    async def reviews(self, status: int) -> list[int]:
        rows = await self._read(lambda reader: reader.fetch(SQL["journal_reviews"], status))
        return [row[0] for row in rows]

    async def clock(self, elapsed_ns: Callable[[], int]) -> ClockReading:
        """As in Journal: timed once the session is ours, so neither a wait for it nor opening one counts as network time."""

        async def timed(reader: Any) -> ClockReading:
            sent_ns = elapsed_ns()
            database_ms = await reader.fetchval(SQL["journal_clock"])
            return ClockReading(sent_ns=sent_ns, database_ms=database_ms, received_ns=elapsed_ns())

        return await self._read(timed)

    async def _read(self, query: Callable[[Any], Awaitable[T]], size: int = 0) -> T:
        """What a query gives; `size`: how many bytes that are at most, if they are many."""
        async with self._reading:
            if self._reader is None or self._reader.is_closed():
                self._reader = await self._connect(self._reader_name)
            reader = self._reader
            try:
                async with asyncio.timeout(READ_TIMEOUT_S + travel_s(size)):
                    return await query(reader)
            except BaseException as error:
                lost = _is_lost(error, reader)
                self._reader = None
                reader.terminate()
                if lost:
                    raise JournalUnavailable(f"the session was lost while reading: {_explained(error)}") from error
                raise

    # --- sessions

    async def _connect(self, name: str, **settings: str) -> Any:
        try:
            connection = await connect(self._url, name=name, **ALONG_THE_KEY, **settings)
            try:
                await self._check_timeline(connection)
            except BaseException:
                connection.terminate()
                raise
            return connection
        except UNAVAILABLE as error:
            raise JournalUnavailable(f"cannot connect to PostgreSQL: {_explained(error)}") from error

    async def close(self) -> None:
        if self._appender is not None:
            await _close(self._appender.connection)
        if self._reader is not None:
            await _close(self._reader)
        self._appender = self._reader = None


def writer_name(shard: int, writer: int | None) -> str:
    """The application name of a writer's session, or what those of all the shard's writers begin with."""
    return f"shardpay-shard-{shard}-" + ("" if writer is None else f"{writer:016x}")


async def _store(connection: Any, blocks: Sequence[Block]) -> None:
    references = [reference for block in blocks for reference in block.references]
    anchors = [(a[0], block.shard, a[1], a[2]) for block in blocks for a in block.anchors]
    reviews = [review for block in blocks for review in block.reviews]
    suspended = [entry for block in blocks for entry in block.suspended]
    late = [row for block in blocks for row in block.late]
    credit = [row for block in blocks for row in block.credit]
    if not (
        references or anchors or reviews or suspended or late or credit
    ):  # one statement is a transaction by itself, one round trip
        await _add(connection, blocks)
        return
    await connection.execute("BEGIN")
    await _add(connection, blocks)
    if references:
        await connection.copy_records_to_table("reference", columns=_REFERENCE_COLUMNS, records=references)
    if anchors:
        await connection.copy_records_to_table("anchor", columns=_ANCHOR_COLUMNS, records=anchors)
    if reviews:
        await _store_reviews(connection, reviews)
    if suspended:
        await connection.copy_records_to_table("suspended", columns=_SUSPENDED_COLUMNS, records=suspended)
    if late:
        await _store_late(connection, blocks[0].shard, late)
    if credit:
        await connection.copy_records_to_table("credit", columns=_CREDIT_COLUMNS, records=credit)
    status = await connection.execute("COMMIT")
    assert status == "COMMIT", status


async def _add(connection: Any, blocks: Sequence[Block]) -> None:
    """A block alone costs this process and the server a third less by a statement that is prepared once; many blocks cost less by COPY."""
    if len(blocks) == 1:
        (block,) = blocks
        await connection.execute(SQL["journal_add"], block.shard, block.number, block.records, block.details)
    else:
        await connection.copy_to_table("journal", source=copy_of(blocks), columns=_JOURNAL_COLUMNS, format="binary")


async def _store_late(connection: Any, shard: int, late: Sequence[tuple[int, int, int, int, int]]) -> None:
    """Late records with what is kept beside them, which goes on from what their wallets had before."""
    wallets, effective, records, previous, amounts = zip(*late, strict=True)
    await connection.execute(SQL["late_add"], shard, wallets, effective, records, previous, amounts)
    await connection.execute(SQL["late_sum_add"], shard, wallets, effective, amounts)


async def _store_reviews(connection: Any, reviews: Sequence[tuple[int, int, int]]) -> None:
    """New cases, then those that are no longer open: a case may begin and end in one append."""
    opened = [review for review in reviews if review[2] == REVIEW_OPEN]
    ended = [review for review in reviews if review[2] != REVIEW_OPEN]
    if opened:
        await connection.copy_records_to_table("review", columns=_REVIEW_COLUMNS, records=opened)
    if ended:
        await connection.execute(SQL["review_end"], [each[0] for each in ended], [each[2] for each in ended])


class _Watched:
    """A session for appends, with one watch over all of them: asyncpg may wait on for room to write when its session has ended."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._loop = asyncio.get_running_loop()
        self._timer = SharedTimer(self._look)
        self._limit: asyncio.Timeout | None = None
        self._ends_at = 0.0
        connection.add_termination_listener(self._terminated)

    async def within(self, seconds: float, work: Awaitable[None]) -> None:
        """Do this work. Raises TimeoutError after `seconds`, or once the session ends."""
        self._ends_at = self._loop.time() + seconds
        self._timer.not_after(self._ends_at)
        async with asyncio.timeout(None) as self._limit:
            try:
                await work
            finally:
                self._limit = None

    def _look(self, now: float) -> float | None:
        if self._limit is None:
            return None
        if now >= self._ends_at:
            self._limit.reschedule(now)
            return None
        return self._ends_at

    def _terminated(self, _: Any) -> None:
        self._timer.cancel()
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(self._loop.time())


def _append_error(error: BaseException, lost: bool, blocks: Sequence[Block]) -> JournalError | None:
    """What an error during an append means; None: it is none of the journal's and goes up as it is."""
    what = f"blocks {blocks[0].number} to {blocks[-1].number} of shard {blocks[0].shard}"
    if isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == "journal_pkey":
        return BlockConflict(f"{what}: {error.detail}")
    if isinstance(error, asyncpg.LockNotAvailableError):  # another session is still busy with the same key
        return JournalUnavailable(f"{what}: {error}")
    if lost:
        return OutcomeUnknown(f"{what}: {_explained(error)}")
    return None


def _explained(error: BaseException) -> str:
    return str(error) or type(error).__name__


async def _close(connection: Any) -> None:
    with contextlib.suppress(*UNAVAILABLE):
        await connection.close(timeout=CLOSE_TIMEOUT_S)


def _is_lost(error: BaseException, connection: Any) -> bool:
    """Whether an error says that the session is gone, or that the server has no room; asked before we end the session ourselves."""
    # asyncpg raises InterfaceError for a call on a closed connection, but for wrong arguments as well.
    return isinstance(error, UNAVAILABLE) or (isinstance(error, asyncpg.InterfaceError) and connection.is_closed())
