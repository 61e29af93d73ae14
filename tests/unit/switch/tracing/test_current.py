"""Log lines name the trace of the request that they are written for, and of none that is over."""

import logging

import pytest

from switch.tracing.current import CURRENT, TraceInLogs
from tests.extra import needs

needs("opentelemetry")

from opentelemetry.sdk.trace import TracerProvider  # noqa: E402 - not where it is not installed


@pytest.fixture
def record() -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "x.py", 1, "a line", (), None)


def test_a_line_of_a_traced_request_names_its_trace(record: logging.LogRecord) -> None:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("x").start_span("a")
    token = CURRENT.set(span)
    try:
        assert TraceInLogs().filter(record)
        context = span.get_span_context()
        assert vars(record)["trace"] == f" trace_id={context.trace_id:032x} span_id={context.span_id:016x}"
    finally:
        CURRENT.reset(token)


@pytest.mark.parametrize("over", [True, False])
def test_a_line_of_no_request_or_of_one_that_is_over_names_none(over: bool, record: logging.LogRecord) -> None:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("x").start_span("a")
    span.end()
    token = CURRENT.set(span if over else None)
    try:
        assert TraceInLogs().filter(record) and not hasattr(record, "trace")
    finally:
        CURRENT.reset(token)
