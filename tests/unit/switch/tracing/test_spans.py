"""What a request's span says when it ends, and that a fault of a span is none of the payment."""

import logging

import pytest

from tests.extra import needs

needs("opentelemetry")

from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags  # noqa: E402

from switch.tracing.spans import REQUEST_ID, TRANSFER_ID, Request, child, harmless  # noqa: E402
from tests.logged import messages, text  # noqa: E402
from tests.unit.switch.tracing.spans import Kept  # noqa: E402

ROUTE = "POST /v1/transfers"


@pytest.mark.parametrize(("status", "failed"), [(201, False), (402, False), (499, False), (500, True), (503, True)])
def test_a_request_ends_with_its_status_and_a_line(status: int, failed: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "switch.tracing.spans")
    kept = Kept()
    span = kept.tracer.start_span(ROUTE)
    request = Request(span, ROUTE, "till-17")
    span.set_attribute(TRANSFER_ID, "T")
    context = span.get_span_context()
    assert request.answered(status) == f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    request.end()
    found = kept.spans[ROUTE]
    assert found.attributes == {TRANSFER_ID: "T", REQUEST_ID: "till-17", "http.response.status_code": status}
    assert (found.status.status_code is StatusCode.ERROR) == failed
    (line,) = messages(caplog, "switch.tracing.spans")
    assert line.startswith(f"{ROUTE} {status} ") and line.endswith(" ms transfer_id=T request_id=till-17")


def test_a_request_without_an_answer_is_an_error() -> None:
    kept = Kept()
    Request(kept.tracer.start_span(ROUTE), ROUTE, "").end()
    assert kept.spans[ROUTE].status.status_code is StatusCode.ERROR
    assert not kept.spans[ROUTE].attributes


def test_a_request_that_is_not_recorded_names_its_trace_and_writes_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "switch.tracing.spans")
    request = Request(NonRecordingSpan(SpanContext(7, 8, False, TraceFlags(0))), ROUTE, "")
    assert request.answered(201) == f"00-{7:032x}-{8:016x}-00"
    request.end()
    assert not messages(caplog, "switch.tracing.spans")


def test_a_child_is_below_its_parent_at_the_times_that_are_given() -> None:
    kept = Kept()
    parent = kept.tracer.start_span("a")
    child(kept.tracer, parent, "b", 1_000, 2_000, rows=3)
    found = kept.spans["b"]
    assert found.parent == parent.get_span_context()
    assert (found.start_time, found.end_time, found.attributes) == (1_000, 2_000, {"rows": 3})


def test_a_fault_is_logged_and_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    with harmless():
        raise RuntimeError("no room")
    logged = text(caplog, "switch.tracing.spans")
    assert "a span was not written" in logged and "no room" in logged
