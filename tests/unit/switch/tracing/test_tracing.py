"""What of the variables and of the file holds, whose trace a request belongs to, and that the end waits for no collector."""

import time
from typing import Any

import pytest

from switch.tracing.current import CURRENT
from switch.tracing.settings import TracingKeys
from tests.collector import collector, values
from tests.extra import needs

needs("opentelemetry")

from switch.tracing.tracing import CLOSE_WITHIN_S, Tracing  # noqa: E402

ROUTE = "GET /v1/wallets/{id}"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def is_recorded(stated: str) -> bool:
    """By the lowest bit of the flags; others may be set, too."""
    return bool(int(stated[-2:], 16) & 1)


async def one_request(keys: TracingKeys, *, headers: dict[str, str] | None = None, route: str = ROUTE) -> str:
    """What the answer says of its trace."""
    tracing = Tracing(keys, "front-door-0")
    with tracing.request("GET", route, "/v1/wallets/7", headers or {}) as request:
        stated = request.answered(200)
    assert CURRENT.get() is None
    await tracing.close()
    return stated


@pytest.mark.parametrize(
    ("variables", "given", "name"),
    [
        ({}, None, "shardpay"),
        ({"OTEL_SERVICE_NAME": "till"}, None, "till"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=till,team=pay"}, None, "till"),
        ({"OTEL_SERVICE_NAME": "till"}, "bank", "bank"),
    ],
)
async def test_the_file_says_the_name_else_the_variables(
    variables: dict[str, str], given: str | None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    async with collector() as seen:
        await one_request(TracingKeys(enabled=True, endpoint=f"{seen.url}/", service_name=given))
        (span,) = await seen.until(ROUTE)
    (resource,) = seen.resources
    assert (resource["service.name"], resource["service.instance.id"]) == (name, "front-door-0")
    assert resource["service.version"] and resource.get("team") == (
        "pay" if len(variables.get("OTEL_RESOURCE_ATTRIBUTES", "")) else None
    )
    assert values(span.attributes)["http.route"] == "/v1/wallets/{id}"


async def test_the_endpoint_of_the_variables_is_taken_where_the_file_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collector() as seen:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", seen.url)
        await one_request(TracingKeys(enabled=True))
        assert len(await seen.until(ROUTE)) == 1


@pytest.mark.parametrize(
    ("parent", "trace"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", ""),
        ("nonsense", ""),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", ""),
    ],
)
async def test_a_request_is_of_its_callers_trace_if_that_is_one(parent: str, trace: str) -> None:
    async with collector() as seen:
        stated = await one_request(TracingKeys(enabled=True, endpoint=seen.url), headers={"traceparent": parent})
        (span,) = await seen.until(ROUTE)
    assert stated.startswith(f"00-{span.trace_id.hex()}-{span.span_id.hex()}-") and is_recorded(stated)
    assert (span.trace_id.hex() == TRACE) == bool(trace) and bool(span.parent_span_id) == bool(trace)


@pytest.mark.parametrize("given", ["till 17", "x" * 65, "\x07", ""])
async def test_a_request_id_that_is_none_is_not_written(given: str) -> None:
    async with collector() as seen:
        await one_request(TracingKeys(enabled=True, endpoint=seen.url), headers={"X-Request-Id": given})
        (span,) = await seen.until(ROUTE)
    assert "shardpay.request_id" not in values(span.attributes)


async def test_what_no_route_has_is_called_by_its_method() -> None:
    async with collector() as seen:
        await one_request(TracingKeys(enabled=True, endpoint=seen.url), route="none")
        assert len(await seen.until("GET")) == 1


async def test_a_span_is_small_whatever_is_asked_for() -> None:
    async with collector() as seen:
        tracing = Tracing(TracingKeys(enabled=True, endpoint=seen.url), "front-door-0")
        with tracing.request("M" * 4_000, "none", "/" + "p" * 8_000, {}):
            pass
        await tracing.close()
        (span,) = await seen.until("M" * 16)
    assert span.ByteSize() < 1_000


@pytest.mark.parametrize(
    ("ratio", "variable", "flag", "recorded"),
    [
        (0.0, None, None, False),
        (0.0, None, "01", False),
        (1.0, None, "00", False),
        (1.0, None, "01", True),
        (None, "always_off", None, False),
        (1.0, "always_off", None, True),
        (None, None, None, True),
    ],
)
async def test_what_is_recorded(
    ratio: float | None, variable: str | None, flag: str | None, recorded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", variable)
    headers: dict[str, Any] = {} if flag is None else {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-{flag}"}
    async with collector() as seen:
        stated = await one_request(TracingKeys(enabled=True, endpoint=seen.url, sample_ratio=ratio), headers=headers)
    assert is_recorded(stated) == recorded == bool(seen.spans)


async def test_the_sdk_can_be_switched_off_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    async with collector() as seen:
        assert await one_request(TracingKeys(enabled=True, endpoint=seen.url)) == ""
    assert not seen.requests


async def test_the_end_waits_for_no_collector_that_hangs() -> None:
    async with collector(hangs=True) as seen:
        began = time.monotonic()
        await one_request(TracingKeys(enabled=True, endpoint=seen.url))
        assert time.monotonic() - began < CLOSE_WITHIN_S + 2.0
