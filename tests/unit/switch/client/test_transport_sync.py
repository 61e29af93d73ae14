"""One call over urllib3 does what one over aiohttp does."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest
from aiohttp import web

from switch.client.calls import Call, Lost, NoStream, Reply
from switch.client.transport_sync import Transport, _lines
from tests.unit.switch.client.serving import cut, redirect, serving, slow_lines

POST = Call("POST", "/v1/transfers?x=a%20b", b'{"a":1}', key="once")
GET = Call("GET", "/v1/wallets/w")


@contextlib.contextmanager
def transport(url: str) -> Iterator[Transport]:
    opened = Transport(url, "secret", 4)
    try:
        yield opened
    finally:
        opened.close()


async def test_a_call_arrives_as_it_was_made_and_its_reply_comes_whole() -> None:
    async def busy(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, body=b"x" * 100_000, headers={"Retry-After": "7"})

    async with serving(busy) as heard:
        with transport(heard.url) as opened:
            assert await asyncio.to_thread(opened.send, POST, 5.0) == Reply(503, b"x" * 100_000, 7.0)
    assert heard.calls == [("POST", POST.path, POST.body)], "a refusal is not tried again here"
    assert heard.headers[0]["Authorization"] == "Bearer secret" and heard.headers[0]["Idempotency-Key"] == "once"


async def test_a_redirect_is_a_reply_and_a_payment_goes_nowhere_else() -> None:
    async with serving(redirect) as heard:
        with transport(heard.url) as opened:
            assert (await asyncio.to_thread(opened.send, POST, 5.0)).status == 302
            with pytest.raises(NoStream):
                await asyncio.to_thread(list, opened.lines(GET, 5.0))
    assert len(heard.calls) == 2


async def test_a_connection_that_breaks_may_have_carried_the_call() -> None:
    async with serving(cut) as heard:
        with transport(heard.url) as opened, pytest.raises(Lost) as lost:
            await asyncio.to_thread(opened.send, POST, 5.0)
    assert lost.value.was_sent


def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:{1}".format(*free.getsockname())
        with transport(url) as opened, pytest.raises(Lost) as lost:
            opened.send(POST, 5.0)
    assert not lost.value.was_sent and str(lost.value) == f"no connection to {url}: Connection refused"


async def test_an_answer_that_does_not_come_in_time_is_lost() -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async with serving(silent) as heard:
        with transport(heard.url) as opened, pytest.raises(Lost, match=r"^no answer in time$") as lost:
            await asyncio.to_thread(opened.send, POST, 0.05)
    assert lost.value.was_sent


async def test_lines_come_whole_and_the_end_of_a_stream_is_a_loss() -> None:
    lines: list[bytes] = []

    def read(opened: Transport) -> None:
        for line in opened.lines(GET, 5.0):
            lines.append(line)

    async with serving(slow_lines) as heard:
        with transport(heard.url) as opened, pytest.raises(Lost, match="ended"):
            await asyncio.to_thread(read, opened)
    assert lines == [b"id: 1\n", b"data: {}\n", b"\n", b"rest"]


class _Pieces:
    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def stream(self) -> Iterator[bytes]:
        return iter(self._pieces)


@pytest.mark.parametrize("size", range(1, 9))
def test_lines_are_the_same_however_the_network_cuts_them(size: int) -> None:
    text = b"a\n\nbc\r\nd"
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert list(_lines(_Pieces(*pieces))) == [b"a\n", b"\n", b"bc\r\n", b"d"]  # type: ignore[arg-type]
