"""Per-shard queue of credit requests: a few calls in flight, and what queues meanwhile forms the next.

Callers take turns. What a shard did not try, or whose answer was lost, is sent again under the same key until the request's deadline.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np

from actors.process.time_limits import TimeLimit
from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_REQUEST, CreditRequests, CreditResults
from actors.records.layout import joined
from actors.rpc.interface import ShardClient, ShardUnavailable
from switch.fairness.fair_queue import FairQueue
from switch.gateway.deadlines import Deadlines
from switch.gateway.gathering import Gathering
from switch.gateway.write_queue import Backoff

_log = logging.getLogger(__name__)

CALLS_MAX: Final = 3
GATHERED_MAX: Final = 8
"""Few in a call keep front door and shard at work at the same time. With 16 and 64 there are no more decisions, and at 3,000 a second the
99th percentile is higher."""
CALL_ROWS_MAX: Final = 2 * GATHERED_MAX
CALLER_ROWS_MAX: Final = 4
"""Of one caller in a turn of a call."""
QUEUE_ROWS_MAX: Final = 4_096
"""Requests that wait, half of them of one caller; beyond it they are answered 503."""
QUEUE_DETAIL_BYTES_MAX: Final = 16 << 20
CALL_TIMEOUT_S: Final = 30.0
"""A call that takes longer is given up, so that a shard which hangs does not keep the queue for ever."""

CreditRow = CreditRequests
"""One CREDIT_REQUEST row (1,)."""


_NAMES: Final = CREDIT_REQUEST.names or ()
_ZEROS: Final = dict.fromkeys(_NAMES, 0)
_VALUES: Final = itemgetter(*_NAMES)


class CreditAnswer(NamedTuple):
    """One CREDIT_RESULT row as Python numbers."""

    code: int
    replayed: bool
    state: int
    address: int
    transfer: int
    record_time: int


Revise = Callable[[CreditRow, CreditAnswer], Awaitable[CreditRow | CreditAnswer]]
"""What to send in place of a row that was DEFERRED."""


async def same_later(row: CreditRow, answer: CreditAnswer) -> CreditRow:
    """The same row: it waits for something that its shard asks another for."""
    if not row["deferred_at"][0]:
        row = row.copy()
        row["deferred_at"] = answer.record_time
    return row


class _Job:
    """One request on its way."""

    __slots__ = ("caller", "deadline", "detail_bytes", "details", "future", "row", "sent")
    count = 1

    def __init__(
        self, row: CreditRow, details: bytes | None, deadline: float, future: "asyncio.Future[CreditAnswer]"
    ) -> None:
        self.row = row
        self.caller = int(row["caller"][0])
        self.details = details
        self.detail_bytes = 0 if details is None else len(details)
        self.deadline = deadline
        self.future = future
        self.sent = False


class CreditQueue:
    """Queue of CREDIT_REQUEST rows for one shard."""

    def __init__(self, client: ShardClient) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._queue: FairQueue[_Job] = FairQueue(QUEUE_ROWS_MAX, QUEUE_DETAIL_BYTES_MAX)
        self._gathering = Gathering(lambda: self._queue.rows, self._start, GATHERED_MAX)
        self._deadlines = Deadlines()
        self._call_limit = TimeLimit(CALL_TIMEOUT_S)
        self._calls: set[asyncio.Task[None]] = set()

    async def one(
        self, row: CreditRow, details: bytes | None, deadline: float, revise: Revise = same_later
    ) -> CreditAnswer:
        """The result of one row. Raises DeadlineExceeded. `deadline` is a time of the event loop's clock; `revise` makes the row that is
        sent after the answer DEFERRED, under the same key, or ends it with the answer that another got meanwhile."""
        pause = Backoff(self._loop, deadline)
        while True:
            try:
                answer = await self._send(row, details, deadline)
            except ShardUnavailable as error:
                pause.lost(not_sent=error.not_sent)
            else:
                if pause.is_final(answer.code):
                    return answer
                pause.untried(answer.code)
                if answer.code == Code.DEFERRED:
                    revised = await revise(row, answer)
                    if isinstance(revised, CreditAnswer):
                        return revised
                    row = revised
            await pause.take()

    async def close(self) -> None:
        """Wait for the calls under way."""
        while self._calls:
            await asyncio.wait(self._calls)
        self._deadlines.close()

    def _send(self, row: CreditRow, details: bytes | None, deadline: float) -> "asyncio.Future[CreditAnswer]":
        job = _Job(row, details, deadline, self._loop.create_future())
        if not self._queue.fits(job.caller, 1, job.detail_bytes):
            raise ShardUnavailable(True)
        self._queue.put(job)
        self._deadlines.watch(job)
        self._wake()
        return job.future

    def _wake(self) -> None:
        if len(self._calls) < CALLS_MAX:
            self._gathering.wake()

    def _start(self) -> None:
        taken = self._queue.take(CALL_ROWS_MAX, CALLER_ROWS_MAX)
        jobs = [job for job in taken if not job.future.done()]
        for job in jobs:
            job.sent = True
        if jobs:
            self._calls.add(self._loop.create_task(self._call(jobs)))
        if self._queue:
            self._wake()

    async def _call(self, jobs: list[_Job]) -> None:
        details = {at: job.details for at, job in enumerate(jobs) if job.details is not None}
        error: BaseException = ShardUnavailable(False)
        self._gathering.left(len(jobs))
        try:
            async with self._call_limit.block():
                results = await self._client.credit(joined([job.row for job in jobs], CREDIT_REQUEST), details)
            _finish(jobs, results)
        except ShardUnavailable as lost:
            error = lost
        except TimeoutError:
            pass
        except Exception:
            _log.exception("a credit call to a shard failed")
        finally:
            for job in jobs:
                if not job.future.done():
                    job.future.set_exception(error)
            self._gathering.returned(len(jobs))
            self._calls.discard(asyncio.current_task())
            self._deadlines.forget_done()
            if self._queue:
                self._wake()


def _finish(jobs: list[_Job], results: CreditResults) -> None:
    assert len(results) == len(jobs), "a shard answers each row"
    for job, row in zip(jobs, results.tolist(), strict=True):
        if not job.future.done():
            code, replayed, state, _, address, transfer, record_time = row
            job.future.set_result(CreditAnswer(code, bool(replayed), state, address, transfer, record_time))


def row_of(fields: Mapping[str, int]) -> CreditRow:
    """A row with these fields, zeros in the others: one by one each assignment would cost as much as all together."""
    assert fields.keys() <= _ZEROS.keys()
    return np.array([_VALUES({**_ZEROS, **fields})], CREDIT_REQUEST)
