"""Of which request the code that runs is: for log lines and for calls that carry its rows.

Knows nothing of OpenTelemetry's SDK, which is loaded only where tracing is on.
"""

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from actors.records.layout import Requests, Results

if TYPE_CHECKING:
    from opentelemetry.trace import Span

CURRENT: Final[ContextVar["Span | None"]] = ContextVar("shardpay-span", default=None)
"""The span of the request that is worked on, if it is recorded."""


class TracedRows(NamedTuple):
    """Rows of one traced request within a call: from `first` to `end`, after `queued_s` in a queue."""

    span: "Span"
    first: int
    end: int
    queued_s: float


class TracedCalls(Protocol):
    """Calls to one shard that carry rows of traced requests."""

    def current(self) -> "Span | None":
        """The span of the request whose rows are queued now, if it is recorded."""

    async def submit(self, rows: Requests, details: dict[int, bytes], traced: Sequence[TracedRows]) -> Results:
        """As `ShardClient.submit`; `traced`, at least one of them, get spans."""


class TraceInLogs(logging.Filter):
    """Lines of a log that are written for a traced request name its trace."""

    def filter(self, record: logging.LogRecord) -> bool:
        """All lines pass."""
        span = CURRENT.get()
        if span is not None and span.is_recording():  # what a request started may outlive it
            context = span.get_span_context()
            record.trace = f" trace_id={context.trace_id:032x} span_id={context.span_id:016x}"
        return True
