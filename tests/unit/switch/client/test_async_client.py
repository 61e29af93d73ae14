"""The client with an event loop: one key however often a call is sent, pages to their end, and a stream that is none ends."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from switch.client import AsyncClient, ProblemError, ShardpayError
from switch.client.calls import Call
from switch.client.schema import EventList
from tests.unit.switch.client.serving import Heard, cut, redirect, serving

POST = Call("POST", "/v1/x", b"{}", key="once")


def client(heard: Heard, retry_s: float = 5.0) -> AsyncClient:
    return AsyncClient(heard.url, "secret", retry_s=retry_s)


async def test_a_call_whose_answers_are_lost_is_sent_under_one_key_until_it_is_answered() -> None:
    answers = iter([cut, cut])

    async def third(request: web.Request) -> web.StreamResponse:
        lost = next(answers, None)
        return web.json_response({"a": 1}) if lost is None else await lost(request)

    async with serving(third) as heard, client(heard) as opened:
        assert await opened.call(POST, dict[str, int]) == {"a": 1}
    assert [each["Idempotency-Key"] for each in heard.headers] == ["once"] * 3


async def test_pages_are_read_to_the_end_with_the_cursor_of_each() -> None:
    async def events(request: web.Request) -> web.StreamResponse:
        at = int(request.query.get("after", "0"))
        return web.json_response({"data": [], "has_more": at < 2, "next": str(at + 1)})

    async with serving(events) as heard, client(heard) as opened:
        found = [page async for page in opened.pages("/v1/events", EventList, limit=7)]
    assert len(found) == 3
    assert [path for _, path, _ in heard.calls] == [
        "/v1/events?limit=7",
        "/v1/events?limit=7&after=1",
        "/v1/events?limit=7&after=2",
    ]


async def test_a_redirect_ends_a_call_and_says_nothing_of_money() -> None:
    async with serving(redirect) as heard, client(heard) as opened:
        with pytest.raises(ProblemError) as refused:
            await opened.send(POST)
    assert (refused.value.status, refused.value.money_moved, len(heard.calls)) == (302, "unknown", 1)


async def _first(events: AsyncIterator[object]) -> object:
    async for event in events:
        return event
    return None


@pytest.mark.parametrize("status", [204, 302])
async def test_what_answers_without_a_stream_of_events_is_not_asked_for_ever(status: int) -> None:
    async def none(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with serving(none) as heard, client(heard) as opened:
        with pytest.raises(ShardpayError):
            await _first(opened.stream_events())
    assert len(heard.calls) == 1


async def test_a_stream_that_is_refused_ends_with_the_refusal() -> None:
    async def forbidden(request: web.Request) -> web.StreamResponse:
        problem = {"code": "forbidden", "retryable": False, "money_moved": "no", "detail": "no", "status": 403}
        return web.Response(status=403, body=json.dumps(problem).encode(), content_type="application/problem+json")

    async with serving(forbidden) as heard, client(heard) as opened:
        with pytest.raises(ProblemError, match="forbidden"):
            await _first(opened.stream_events("now", "transfer.posted"))
    assert heard.calls[0][1] == "/v1/events?after=now&types=transfer.posted"
