"""Calls to a shard that carry rows of traced requests.

Each of these gets spans of its wait, of the call, of scoring and of the commit.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from opentelemetry.trace import Span, Tracer

from actors.records.ids import transfer_id
from actors.records.layout import Requests, Results
from actors.records.secret import Secret
from actors.rpc.interface import BatchTimes
from switch.tracing.current import CURRENT, TracedRows
from switch.tracing.spans import TRANSFER_ID, child, harmless

WAITING_MAX: Final = 4_096
"""Requests whose spans wait to be written, some MB; then the oldest are lost. A front door takes in so many in a second."""
ANSWERS_LEAVE_S: Final = 0.002
"""Four spans take 0.1 ms: for a call of 64 payments several times as long as each of them waits."""


class SubmitsTimed(Protocol):
    """A shard that tells when it did what."""

    async def submit_timed(self, rows: Requests, details: dict[int, bytes]) -> tuple[Results, BatchTimes]:
        """As `ShardClient.submit_timed`."""


class _Call(NamedTuple):
    """A call that is over, as spans tell it."""

    times: BatchTimes
    begun: int
    ended: int


class ShardCalls:
    """Those of one shard; a `TracedCalls`."""

    def __init__(self, tracer: Tracer, client: SubmitsTimed, shard: int, secret: Secret) -> None:
        self._tracer = tracer
        self._client = client
        self._shard = shard
        self._secret = secret
        self._waiting: deque[tuple[TracedRows, _Call]] = deque(maxlen=WAITING_MAX)
        self._loop = asyncio.get_running_loop()

    @staticmethod
    def current() -> Span | None:
        """That of the request whose rows are queued now."""
        return CURRENT.get()

    async def submit(self, rows: Requests, details: dict[int, bytes], traced: Sequence[TracedRows]) -> Results:
        """As `ShardClient.submit`. Spans are written when the answers have left, one request's in a turn of the event loop."""
        begun = time.time_ns()
        results, times = await self._client.submit_timed(rows, details)
        call = _Call(times, begun, time.time_ns())
        with harmless():
            for part in traced:
                self._name(part, results)
            if not self._waiting:
                self._loop.call_later(ANSWERS_LEAVE_S, self._write_next)
            self._waiting.extend((part, call) for part in traced)
        return results

    def _name(self, part: TracedRows, results: Results) -> None:
        """The request's own span says which transfer it made."""
        if part.end - part.first == 1 and results[part.first]["address"] > 0:
            row = results[part.first]
            made = transfer_id(self._secret, int(row["record_time"]), int(row["address"]))
            part.span.set_attribute(TRANSFER_ID, made)

    def _write_next(self) -> None:
        with harmless():
            self._write(*self._waiting[0])
        self._waiting.popleft()
        if self._waiting:
            self._loop.call_soon(self._write_next)

    def _write(self, part: TracedRows, call: _Call) -> None:
        times = call.times
        child(self._tracer, part.span, "queue", call.begun - round(part.queued_s * 1e9), call.begun)
        about = {"shardpay.shard": self._shard, "shardpay.rows": part.end - part.first}
        shard = child(self._tracer, part.span, "shard", call.begun, call.ended, **about)
        if times.scored_from:
            child(self._tracer, shard, "score", times.scored_from, times.scored_until)
        if times.stored_from:
            child(self._tracer, shard, "commit", times.stored_from, times.stored_until)
