"""One call over aiohttp: what comes back comes whole, what does not says whether it may have arrived, and nothing goes elsewhere."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from switch.client.calls import Call, Lost, NoStream, Reply
from switch.client.transport_async import AsyncTransport
from tests.unit.switch.client.serving import cut, redirect, serving, slow_lines

POST = Call("POST", "/v1/transfers?x=a%20b", b'{"a":1}', key="once")
GET = Call("GET", "/v1/wallets/w")


@contextlib.asynccontextmanager
async def transport(url: str) -> AsyncIterator[AsyncTransport]:
    opened = AsyncTransport(url, "secret", 4)
    try:
        yield opened
    finally:
        await opened.close()


async def test_a_call_arrives_as_it_was_made_and_its_reply_comes_whole() -> None:
    async def busy(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, body=b"x" * 100_000, headers={"Retry-After": "7"})

    async with serving(busy) as heard, transport(heard.url) as opened:
        assert await opened.send(POST, 5.0) == Reply(503, b"x" * 100_000, 7.0)
    assert heard.calls == [("POST", POST.path, POST.body)]
    assert heard.headers[0]["Authorization"] == "Bearer secret" and heard.headers[0]["Idempotency-Key"] == "once"


async def test_a_redirect_is_a_reply_and_a_payment_goes_nowhere_else() -> None:
    async with serving(redirect) as heard, transport(heard.url) as opened:
        assert (await opened.send(POST, 5.0)).status == 302
        with pytest.raises(NoStream):
            _ = [line async for line in opened.lines(GET, 5.0)]
    assert len(heard.calls) == 2


async def test_a_connection_that_breaks_may_have_carried_the_call() -> None:
    async with serving(cut) as heard, transport(heard.url) as opened:
        with pytest.raises(Lost) as lost:
            await opened.send(POST, 5.0)
    assert lost.value.was_sent


async def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:{1}".format(*free.getsockname())
        async with transport(url) as opened:
            with pytest.raises(Lost) as lost:
                await opened.send(POST, 5.0)
    assert not lost.value.was_sent and str(lost.value) == f"no connection to {url}: Connection refused"


async def test_an_answer_that_does_not_come_in_time_is_lost_and_has_a_reason() -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async with serving(silent) as heard, transport(heard.url) as opened:
        with pytest.raises(Lost, match=r"^no answer in time$") as lost:
            await opened.send(POST, 0.05)
    assert lost.value.was_sent


async def test_lines_come_whole_and_the_end_of_a_stream_is_a_loss() -> None:
    lines = []
    async with serving(slow_lines) as heard, transport(heard.url) as opened:
        with pytest.raises(Lost, match="ended"):
            async for line in opened.lines(GET, 5.0):
                lines.append(line)
    assert lines == [b"id: 1\n", b"data: {}\n", b"\n", b"rest"]


async def test_a_closed_transport_opens_again_when_it_is_used() -> None:
    async def fine(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"{}")

    async with serving(fine) as heard, transport(heard.url) as opened:
        for _ in range(2):
            assert (await opened.send(GET, 5.0)).body == b"{}"
            await opened.close()
