"""What spans say: of a request, and of what was done for it."""

import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

_log = logging.getLogger(__name__)

TRANSFER_ID: Final = "shardpay.transfer_id"
REQUEST_ID: Final = "shardpay.request_id"


@contextlib.contextmanager
def harmless() -> Iterator[None]:
    """A fault of what is written down about a payment is no fault of the payment, whose money has moved."""
    try:
        yield
    except Exception:
        _log.exception("a span was not written")


class Request:
    """The span of one request."""

    def __init__(self, span: Span, route: str, request_id: str) -> None:
        self._span = span
        self._route = route
        self._request_id = request_id
        self._began = time.monotonic()
        self._status = 0

    def answered(self, status: int) -> str:
        """With this status. Gives what an answer's header `traceresponse` says: by which trace it can be found, "" where there is none."""
        self._status = status
        context = self._span.get_span_context()
        if not context.is_valid:
            return ""
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self) -> None:
        """With a line in the log, if the request is recorded."""
        span = self._span
        if not span.is_recording():
            return
        if self._request_id:
            span.set_attribute(REQUEST_ID, self._request_id)
        if self._status:
            span.set_attribute("http.response.status_code", self._status)
        if self._status == 0 or self._status >= 500:  # the caller may have gone away
            span.set_status(Status(StatusCode.ERROR))
        attributes: Any = getattr(span, "attributes", None) or {}
        _log.info(
            "%s %d %.1f ms transfer_id=%s request_id=%s",
            self._route,
            self._status,
            1e3 * (time.monotonic() - self._began),
            attributes.get(TRANSFER_ID, "-"),
            self._request_id or "-",
        )
        span.end()


def child(tracer: Tracer, parent: Span, name: str, begun_ns: int, ended_ns: int, **attributes: Any) -> Span:
    """A span that is over, below another; times in nanoseconds since 1970."""
    context = trace.set_span_in_context(parent)
    span = tracer.start_span(name, context, SpanKind.INTERNAL, attributes, start_time=begun_ns)
    span.end(ended_ns)
    return span
