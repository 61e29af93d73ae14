"""One payment as a collector of OpenTelemetry sees it, and payments beside a collector that hangs."""

import logging
import time
import uuid

import pytest

from switch.tracing.current import TraceInLogs
from switch.tracing.settings import TracingKeys
from tests.collector import collector, values
from tests.extra import needs
from tests.front_door import RunningSwitch, running_switch
from tests.logged import records

needs("opentelemetry")

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans leave at once, by a variable that the SDK knows."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")


async def wallets(switch: RunningSwitch) -> tuple[str, str]:
    return await switch.wallet("external"), await switch.wallet()


async def paid(switch: RunningSwitch, payer: str, payee: str, **headers: str) -> tuple[dict[str, object], str]:
    """The answer of one payment, and what it says of its trace."""
    body = {"payer": payer, "payee": payee, "amount": 100, "currency": "EUR"}
    answer = await switch.call("POST", "/v1/transfers", body, key=str(uuid.uuid4()), headers=headers)
    assert answer.status == 201
    return answer.json, answer.headers.get("traceresponse", "")


async def test_a_payment_is_a_span_of_the_callers_trace_with_scoring_and_commit_below(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(TraceInLogs())
    caplog.set_level(logging.INFO, "switch.tracing.spans")
    async with collector() as seen:
        tracing = TracingKeys(enabled=True, endpoint=seen.url, service_name="till")
        async with running_switch(database_url, tracing=tracing) as switch:
            payer, payee = await wallets(switch)
            began = time.time_ns()
            answer, response = await paid(
                switch, payer, payee, traceparent=f"00-{TRACE}-{CALLER}-01", **{"X-Request-Id": "till-17"}
            )
            ended = time.time_ns()
            (root,) = await seen.until("POST /v1/transfers")
    assert (root.trace_id.hex(), root.parent_span_id.hex(), root.kind) == (TRACE, CALLER, root.SPAN_KIND_SERVER)
    assert values(root.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/transfers",
        "url.path": "/v1/transfers",
        "http.response.status_code": 201,
        "shardpay.transfer_id": answer["id"],
        "shardpay.request_id": "till-17",
    }
    assert response == f"00-{TRACE}-{root.span_id.hex()}-01"
    queued, call = seen.below(root)["queue"], seen.below(root)["shard"]
    assert values(call.attributes)["shardpay.rows"] == 1
    steps = seen.below(call)
    assert set(steps) == {"score", "commit"}
    within = [root, queued, call, steps["score"], steps["commit"]]
    assert all(began <= span.start_time_unix_nano <= span.end_time_unix_nano <= ended for span in within)
    assert call.start_time_unix_nano <= steps["score"].start_time_unix_nano
    assert steps["score"].end_time_unix_nano <= steps["commit"].start_time_unix_nano
    assert steps["commit"].end_time_unix_nano <= call.end_time_unix_nano
    assert {span.trace_id.hex() for span in within} == {TRACE}
    assert seen.resources[0]["service.name"] == "till"
    (line,) = [each for each in records(caplog, "switch.tracing.spans") if "request_id=till-17" in each.getMessage()]
    assert f"transfer_id={answer['id']}" in line.getMessage() and "POST /v1/transfers 201" in line.getMessage()
    assert f" trace_id={TRACE} span_id={root.span_id.hex()}" == line.trace  # type: ignore[attr-defined]


async def test_without_the_section_nothing_is_sent_and_no_answer_names_a_trace(database_url: str) -> None:
    async with collector() as seen, running_switch(database_url) as switch:
        _, response = await paid(switch, *await wallets(switch), traceparent=f"00-{TRACE}-{CALLER}-01")
        assert response == "" and switch.services.tracing is None
    assert not seen.requests


@pytest.mark.parametrize("flag", ["00", "01"])
async def test_no_caller_makes_more_be_recorded_than_the_share_that_is_wanted(database_url: str, flag: str) -> None:
    """And who wants nothing recorded gets that, too."""
    async with collector() as seen:
        ratio = 0.0 if flag == "01" else 1.0
        tracing = TracingKeys(enabled=True, endpoint=seen.url, sample_ratio=ratio)
        async with running_switch(database_url, tracing=tracing) as switch:
            payer, payee = await wallets(switch)
            _, response = await paid(switch, payer, payee, traceparent=f"00-{TRACE}-{CALLER}-{flag}")
            assert response.startswith(f"00-{TRACE}-") and response.endswith("-00")
    assert not [span for span in seen.spans if span.trace_id.hex() == TRACE]


async def test_a_refusal_and_what_is_not_there_are_spans_too(database_url: str) -> None:
    async with collector() as seen:
        async with running_switch(database_url, tracing=TracingKeys(enabled=True, endpoint=seen.url)) as switch:
            assert (await switch.call("GET", "/v1/wallets/none")).status == 404
            assert (await switch.call("GET", "/nowhere")).status == 404
            assert (await switch.call("GET", "/readyz")).status == 200
            assert (await switch.call("GET", "/v1/reviews", token="sp_wrong")).status == 401
            spans = [*await seen.until("GET /v1/wallets/{id}"), *await seen.until("GET /v1/reviews")]
            spans += await seen.until("GET")
    assert "GET /readyz" not in {span.name for span in seen.spans}, "probes are none"
    assert [values(span.attributes)["http.response.status_code"] for span in spans] == [404, 401, 404]
    assert [values(span.attributes)["url.path"] for span in spans] == ["/v1/wallets/none", "/v1/reviews", "/nowhere"]


async def test_each_payment_of_a_call_has_its_own_spans_and_a_batch_one(database_url: str) -> None:
    async with collector() as seen:
        tracing = TracingKeys(enabled=True, endpoint=seen.url)
        async with running_switch(database_url, shards=1, tracing=tracing) as switch:
            payer, payee = await wallets(switch)
            rows = [
                {"payer": payer, "payee": payee, "amount": 1, "currency": "EUR", "idempotency_key": f"k{n}"}
                for n in range(5_000)
            ]
            answer = await switch.call("POST", "/v1/transfers/batch", {"transfers": rows}, key="b")
            assert {row["code"] for row in answer.json["results"]} == {"ok"}
            (batch,) = await seen.until("POST /v1/transfers/batch")
    calls = [span for span in seen.spans if span.parent_span_id == batch.span_id and span.name == "shard"]
    assert sum(values(call.attributes)["shardpay.rows"] for call in calls) == 5_000
    assert all({"score", "commit"} <= set(seen.below(call)) for call in calls)


async def test_a_collector_that_hangs_slows_no_payment_and_not_the_end(database_url: str) -> None:
    async with collector(hangs=True) as seen:
        async with running_switch(database_url, tracing=TracingKeys(enabled=True, endpoint=seen.url)) as switch:
            payer, payee = await wallets(switch)
            slowest = 0.0
            for _ in range(800):  # more spans than the SDK's queue holds
                began = time.perf_counter()
                await paid(switch, payer, payee)
                slowest = max(slowest, time.perf_counter() - began)
            assert seen.requests, "it was asked and hangs"
            assert slowest < 3.0, "far less than the exporter waits"
            ending = time.perf_counter()
        assert time.perf_counter() - ending < 6.0
    assert not seen.spans
