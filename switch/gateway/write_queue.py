"""Per-shard write queue: a few calls in flight, and what queues meanwhile forms the next.

There is no timer.

Latency when idle, batches when busy. Calls carry small requests or parts of batches, never both, since an answer waits for the whole
call. Callers take turns: while several are about, a call with batches carries one part, and one call at least is left to small requests.
A small request that comes when no call has left for a while leaves in one more. Rows that a shard did not try, or whose answer was lost,
are sent again under the same key until the request's deadline; the key makes that harmless.
"""

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.process.time_limits import TimeLimit
from actors.records.codes import Code
from actors.records.layout import FLAG_LINKED, REQUEST, RESULT, Requests, Results, offset_of, packing
from actors.rpc.interface import ShardUnavailable
from switch.fairness.fair_queue import FairQueue, UnderWay
from switch.fairness.scheduling import Callers
from switch.gateway.attempts import Attempts, RowAttempts
from switch.gateway.deadlines import Deadlines
from switch.gateway.gathering import Gathering
from switch.tracing.current import TracedCalls, TracedRows

_log = logging.getLogger(__name__)

ANSWERS_A_TURN: Final = 4
"""Answers of one call that a caller gets in a turn of the event loop while several are about. Each is written out, and followed by the
caller's next request, 0.1 ms together: with all of them at once everybody else waits for the turn to end, some ten times a payment.
"""
PAUSE_MIN_S: Final = 0.002
PAUSE_MAX_S: Final = 0.1
_WIDTH: Final = REQUEST.itemsize
_DEFERRED_AT: Final = offset_of(REQUEST, "deferred_at")
_CALLER_AT: Final = offset_of(REQUEST, "caller")
_CALLER: Final = struct.Struct("<I")
_TIME: Final = struct.Struct("<q")
_RESULT: Final = packing(RESULT, padding=("spare",))


class WriteQueueLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one queue holds at most."""

    calls_max: int = 3
    late_calls_max: int = 3
    """So many more with small requests: one with each that comes when none has left for `late_s`. Where a shard answers none of its calls
    for 8 ms, as it waits for a processor, who comes would wait for the first of them and then for a call of their own."""
    late_s: float = 0.002
    call_rows_max: int = 65_536
    """Rows of one call while one caller is about: as much as a shard takes as one batch."""
    detailed_call_rows_max: int = 4_096
    """Rows of one call while some that wait have details: to pack and to unpack so many holds both processes up for some 2 ms."""
    part_rows_max: int = 2_048
    """A batch travels in parts of so many rows, and is cut between linked groups only; a caller's turn is as long."""
    small_rows_max: int = 64
    """Rows of a small request, and of a call with some while several callers are about: 3 calls of 64 rows in 3 ms, without those
    that leave late, are five times what a front door takes in."""
    small_of_one_max: int = 16
    """Rows of small requests that one caller has under way while several callers are about, if the others do not have half as many. Beside
    128 payments of one under way another's took 10 ms in the median, beside so many 4, and 3 alone."""
    queue_rows_max: int = 262_144
    """Rows of batches that wait, and as many of small requests, half of them of one caller; beyond it requests are answered 503 at once.
    Two of the largest batches of one fit."""
    queue_detail_bytes_max: int = 128 << 20
    """Bytes of details that wait, in the same way."""
    beside_s: float = 1.0
    """So long after its last row a caller still counts as being about: one that sends a payment now and then, too."""
    call_timeout_s: float = 30.0
    """A call that takes longer is given up, so that a shard which hangs does not keep the queue for ever."""


class Result(NamedTuple):
    """One RESULT row as Python numbers."""

    code: int
    replayed: int
    action: int
    points: int
    reasons: int
    pack: int
    address: int
    record_time: int
    effective_time: int
    flags: int
    field: int


class _QueueFull(Exception):
    """The queue is full; the rows were not taken."""


class DeadlineExceeded(Exception):
    """The deadline passed, or the queue is full. `code`: the last untried code, OVERLOADED_NUMBER or, when an answer was lost,
    UNKNOWN_NUMBER; `sent`: whether the request may still happen."""

    def __init__(self, code: int, sent: bool) -> None:
        super().__init__(code, sent)
        self.code = code
        self.sent = sent


class Submits(Protocol):
    """A shard, as its write queue uses it."""

    async def submit(self, rows: Requests, details: dict[int, bytes]) -> Results:
        """As `ShardClient.submit`."""


class _Job:
    """Rows of one request on their way."""

    __slots__ = (
        "caller",
        "count",
        "deadline",
        "detail_bytes",
        "details",
        "future",
        "queued_at",
        "rows",
        "sent",
        "span",
    )

    def __init__(
        self,
        rows: bytes,
        details: dict[int, bytes] | None,
        deadline: float,
        future: asyncio.Future[bytes],
        queued_at: float,
        traced: TracedCalls | None = None,
    ) -> None:
        self.rows = rows
        self.caller: int = _CALLER.unpack_from(rows, _CALLER_AT)[0]
        self.count = len(rows) // _WIDTH
        self.details = details
        self.detail_bytes = 0 if details is None else sum(map(len, details.values()))
        self.deadline = deadline
        self.future = future
        self.queued_at = queued_at
        self.sent = False
        self.span = None if traced is None else traced.current()


class ShardWriteQueue:
    """Queue of REQUEST rows for one shard. `observe(queued_s, call_s, rows)` is told of each call; queued_s is the longest wait in it.
    `traced` carries calls with rows of traced requests."""

    def __init__(
        self,
        client: Submits,
        limits: WriteQueueLimits,
        observe: Callable[[float, float, int], None] = lambda queued_s, call_s, rows: None,
        traced: TracedCalls | None = None,
    ) -> None:
        self._client = client
        self._traced = traced
        self._limits = limits
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._small: FairQueue[_Job] = FairQueue(limits.queue_rows_max, limits.queue_detail_bytes_max)
        self._batches: FairQueue[_Job] = FairQueue(limits.queue_rows_max, limits.queue_detail_bytes_max)
        self._small_under_way = UnderWay(limits.small_of_one_max)
        self._deadlines = Deadlines()
        self._call_limit = TimeLimit(limits.call_timeout_s)
        self._callers = Callers(self._loop.time, limits.beside_s)
        self._gathering = Gathering(lambda: self.queued_rows, self._start)
        self._calls: set[asyncio.Task[None]] = set()
        self._left_at = monotonic()
        self._batch_calls = 0

    @property
    def queued_rows(self) -> int:
        """Rows that wait."""
        return self._small.rows + self._batches.rows

    # What handlers use.

    async def one(self, row: bytes, details: bytes | None, deadline: float) -> Result:
        """The result of one row (packed REQUEST). Raises Overdue. `deadline` is a time of the event loop's clock."""
        entry = None if details is None else {0: details}
        pause = Backoff(self._loop, deadline)
        while True:
            try:
                result = Result._make(_RESULT.unpack(await self._send(row, entry, deadline)))
            except ShardUnavailable as error:
                pause.lost(not_sent=error.not_sent)
            except _QueueFull:
                raise pause.over() from None
            else:
                if pause.is_final(result.code):
                    return result
                pause.untried(result.code)
                if result.code == Code.DEFERRED and row[_DEFERRED_AT : _DEFERRED_AT + 8] == bytes(8):
                    row = row[:_DEFERRED_AT] + _TIME.pack(result.record_time) + row[_DEFERRED_AT + 8 :]
            await pause.take()

    async def many(self, rows: Requests, details: dict[int, bytes], deadline: float) -> Results:
        """RESULT rows (n,) for REQUEST rows (n,). A row that has no result by the deadline keeps the code of its last answer, or
        UNKNOWN_NUMBER when that was lost and OVERLOADED_NUMBER when it was never sent."""
        known = RowAttempts(len(rows))
        open_rows = np.arange(len(rows))
        pause = Backoff(self._loop, deadline)
        while len(open_rows):
            try:
                await self._send_open(rows, details, deadline, open_rows, known)
                open_rows = known.open_rows()
                if len(open_rows):
                    await pause.take()
            except (_QueueFull, DeadlineExceeded):
                break
        return known.results

    async def _send_open(
        self,
        rows: Requests,
        details: dict[int, bytes],
        deadline: float,
        open_rows: NDArray[np.int64],
        known: RowAttempts,
    ) -> None:
        """Send rows in parts and take in what comes back. Raises _QueueFull before any is sent."""
        picked = rows if len(open_rows) == len(rows) else rows[open_rows]
        jobs = await self._jobs(picked, details, open_rows, deadline)
        self._put(jobs)
        try:
            await self._take_in(jobs, rows, open_rows, known)
        finally:
            for job in jobs:
                job.future.cancel()

    @staticmethod
    async def _take_in(jobs: list[_Job], rows: Requests, open_rows: NDArray[np.int64], known: RowAttempts) -> None:
        start = 0
        for job in jobs:
            index = open_rows[start : start + job.count]
            start += job.count
            try:
                answer = np.frombuffer(await job.future, RESULT)
            except ShardUnavailable as error:
                known.lost(index, not_sent=error.not_sent)
                continue
            known.answered(index, answer)
            first = (answer["code"] == Code.DEFERRED) & (rows["deferred_at"][index] == 0)
            rows["deferred_at"][index[first]] = answer["record_time"][first]
            await asyncio.sleep(0)

    async def _jobs(
        self, rows: Requests, details: dict[int, bytes], numbers: NDArray[np.int64], deadline: float
    ) -> list[_Job]:
        """Rows as parts of which each leaves at once; `numbers` (n,) are theirs in `details`."""
        jobs = []
        start = 0
        for end in _cuts(rows, self._limits.part_rows_max):
            entries = None
            if details:
                of_part = enumerate(numbers[start:end].tolist())
                entries = {k: details[number] for k, number in of_part if number in details} or None
            await asyncio.sleep(0)
            future: asyncio.Future[bytes] = self._loop.create_future()
            jobs.append(_Job(rows[start:end].tobytes(), entries, deadline, future, self._loop.time(), self._traced))
            start = end
        return jobs

    async def close(self) -> None:
        """Wait for the calls under way. Nothing may be sent afterwards."""
        while self._calls:
            await asyncio.wait(self._calls)
        self._deadlines.close()

    # The queue.

    def _send(self, rows: bytes, details: dict[int, bytes] | None, deadline: float) -> "asyncio.Future[bytes]":
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._put([_Job(rows, details, deadline, future, self._loop.time(), self._traced)])
        return future

    def _put(self, jobs: list[_Job]) -> None:
        """Queue jobs of one caller, all of them or, raising _QueueFull, none."""
        caller = jobs[0].caller
        rows = detail_bytes = 0
        for job in jobs:
            rows += job.count
            detail_bytes += job.detail_bytes
        queue = self._small if rows <= self._limits.small_rows_max else self._batches
        if not queue.fits(caller, rows, detail_bytes):
            raise _QueueFull
        self._callers.heard_of(caller)
        for job in jobs:
            queue.put(job)
            self._deadlines.watch(job)
        self._wake()

    def _wake(self) -> None:
        more = len(self._calls) - self._limits.calls_max
        if more < 0 or (more < self._limits.late_calls_max and self._small and self._is_late()):
            self._gathering.wake()

    def _is_late(self) -> bool:
        """Whether no call has left for a while; but batches that wait have their call first. The event loop's own clock counts whole
        milliseconds."""
        if self._batches and not self._batch_calls:
            return False
        return monotonic() - self._left_at > self._limits.late_s

    def _start(self) -> None:
        batches = self._batches_are_next()
        taken = self._parts() if batches else self._few()
        jobs = [job for job in taken if not job.future.done()]
        for job in jobs:
            job.sent = True
        if not batches:
            for job in taken:
                if not job.sent:
                    self._small_ended(job)
        if jobs:
            self._left_at = monotonic()
            self._hear_of(jobs)
            self._batch_calls += batches
            self._calls.add(self._loop.create_task(self._call(jobs, batches)))
        if taken and self.queued_rows:
            self._wake()

    def _hear_of(self, jobs: list[_Job]) -> None:
        """Whose rows leave is about, however long ago they came: the parts of one large batch may take seconds."""
        self._callers.heard_of(jobs[0].caller)
        self._callers.heard_of(jobs[-1].caller)

    def _batches_are_next(self) -> bool:
        """Small requests go first; but one call is for batches if any wait, and while several callers are about no more than one is: a
        payment whose call is under way when the next comes would keep that one waiting. A call that leaves late is for small ones."""
        if len(self._calls) >= self._limits.calls_max:
            return False
        if not self._small:
            return not self._callers.several or not self._batch_calls
        all_but_one = max(1, self._limits.calls_max - 1)
        return bool(self._batches) and len(self._calls) - self._batch_calls >= all_but_one

    def _few(self) -> list[_Job]:
        """Small requests: all that wait, but while several callers are about no more than a shard takes as one small request."""
        limits = self._limits
        if self._callers.several:
            return self._small.take(limits.small_rows_max, max(1, limits.small_rows_max // 4), self._small_under_way)
        taken = self._small.take(limits.call_rows_max, limits.part_rows_max)
        for job in taken:
            self._small_under_way.began(job.caller, job.count)
        return taken

    def _small_ended(self, job: _Job) -> None:
        """A small request that has left is answered or lost: more of its caller may leave."""
        self._small_under_way.ended(job.caller, job.count)
        if self._small:
            self._wake()

    def _parts(self) -> list[_Job]:
        limits = self._limits
        rows_max = limits.part_rows_max if self._callers.several else limits.call_rows_max
        if self._batches.detail_bytes:
            rows_max = min(rows_max, limits.detailed_call_rows_max)
        return self._batches.take(rows_max, rows_max)

    async def _call(self, jobs: list[_Job], batches: bool) -> None:
        started = self._loop.time()
        count = sum(job.count for job in jobs)
        self._gathering.left(count)
        rows = np.frombuffer(b"".join([job.rows for job in jobs]), REQUEST)
        error: ShardUnavailable | None = None
        ended = _nothing if batches else self._small_ended
        try:
            async with self._call_limit.block():
                results = await self._submitted(jobs, rows, started)
            assert len(results) == count, "a shard answers each row"
            _finish(jobs, results, ANSWERS_A_TURN if self._callers.several else count, self._loop, ended)
        except ShardUnavailable as lost:
            error = lost
        except TimeoutError:
            error = ShardUnavailable(False)
        except Exception:
            _log.exception("a call to a shard failed")
            error = ShardUnavailable(False)
        finally:
            if error is not None:
                _fail(jobs, error, ended)
            self._gathering.returned(count)
            self._batch_calls -= batches
            self._calls.discard(asyncio.current_task())
            self._deadlines.forget_done()
            if self.queued_rows:
                self._wake()
        queued_at = min(job.queued_at for job in jobs)
        self._observe(started - queued_at, self._loop.time() - started, count)

    def _submitted(self, jobs: list[_Job], rows: Requests, started: float) -> Awaitable[Results]:
        if self._traced is not None:
            traced = _traced(jobs, started)
            if traced:
                return self._traced.submit(rows, _merged(jobs), traced)
        return self._client.submit(rows, _merged(jobs))


class Backoff(Attempts):
    """What one request has seen so far, and how long it rests before the next try."""

    __slots__ = ("_deadline", "_length", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        super().__init__()
        self._loop = loop
        self._deadline = deadline
        self._length = PAUSE_MIN_S

    def over(self) -> DeadlineExceeded:
        return DeadlineExceeded(self.code, self.sent)

    async def take(self) -> None:
        """Rest; raises Overdue when the deadline would pass or, on a busy machine, has passed."""
        if self._loop.time() + self._length >= self._deadline:
            raise self.over()
        await asyncio.sleep(self._length)
        if self._loop.time() >= self._deadline:
            raise self.over()
        self._length = min(2 * self._length, PAUSE_MAX_S)


def _cuts(rows: Requests, rows_max: int) -> list[int]:
    """Where rows are cut: after `rows_max` at most, but never within a linked group."""
    if len(rows) <= rows_max:
        return [len(rows)]
    ends = np.flatnonzero(rows["flags"] & FLAG_LINKED == 0) + 1
    cuts, start = [], 0
    while start < len(rows):
        place = int(np.searchsorted(ends, start + rows_max, "right")) - 1
        start = int(ends[place] if place >= 0 and ends[place] > start else ends[place + 1])
        cuts.append(start)
    return cuts


def _merged(jobs: list[_Job]) -> dict[int, bytes]:
    merged: dict[int, bytes] = {}
    start = 0
    for job in jobs:
        if job.details is not None:
            for index, entry in job.details.items():
                merged[start + index] = entry
        start += job.count
    return merged


def _traced(jobs: list[_Job], started: float) -> list[TracedRows]:
    """Those jobs of a call that are of traced requests."""
    found, first = [], 0
    for job in jobs:
        if job.span is not None:
            found.append(TracedRows(job.span, first, first + job.count, started - job.queued_at))
        first += job.count
    return found


def _nothing(job: _Job) -> None:
    """What the end of a part of a batch leads to."""


def _finish(
    jobs: list[_Job],
    results: Results,
    a_turn: int,
    loop: asyncio.AbstractEventLoop,
    ended: Callable[[_Job], None],
) -> None:
    """Answer jobs: of each caller so many at once, the others in turn as the event loop goes round."""
    raw = results.tobytes()
    start = 0
    later: deque[tuple[_Job, bytes]] = deque()
    answered: dict[int, int] = {}
    for job in jobs:
        end = start + job.count * RESULT.itemsize
        number = answered.get(job.caller, 0)
        answered[job.caller] = number + 1
        if number >= a_turn:
            later.append((job, raw[start:end]))
        else:
            _answer(job, raw[start:end], ended)
        start = end
    if later:
        loop.call_soon(_finish_some, later, a_turn, loop, ended)


def _finish_some(
    later: deque[tuple[_Job, bytes]], a_turn: int, loop: asyncio.AbstractEventLoop, ended: Callable[[_Job], None]
) -> None:
    for _ in range(min(a_turn, len(later))):
        _answer(*later.popleft(), ended)
    if later:
        loop.call_soon(_finish_some, later, a_turn, loop, ended)


def _answer(job: _Job, answer: bytes, ended: Callable[[_Job], None]) -> None:
    if not job.future.done():
        job.future.set_result(answer)
    ended(job)


def _fail(jobs: list[_Job], error: ShardUnavailable, ended: Callable[[_Job], None]) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(ShardUnavailable(error.not_sent))
        ended(job)
