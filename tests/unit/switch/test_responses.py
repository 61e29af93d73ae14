"""Answers as they stand on the wire."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from switch.responses import Answer


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        answer = Answer(b'{"a":1}', 201, {"Idempotent-Replayed": "true"})
        if request.path == "/last":
            answer.force_close()
        return answer

    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def _said(port: int, request: bytes, count: int = 1) -> list[bytes]:
    """Lines of the heads and bodies that come back until the server hangs up, or until `count` bodies are in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request * count)
    raw = b""
    while raw.count(b'{"a":1}') < count and (part := await reader.read(65_536)):
        raw += part
    ended = b"close" in raw and await reader.read() == b""
    writer.close()
    raw = raw.replace(b"}HTTP", b"}\r\nHTTP")
    return [*raw.split(b"\r\n"), *([b"ended"] if ended else [])]


async def test_an_answer_is_whole_and_the_connection_stays(port: int) -> None:
    lines = await _said(port, b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 3)
    assert lines.count(b"HTTP/1.1 201 Created") == 3 and lines.count(b'{"a":1}') == 3
    for line in (b"Content-Type: application/json", b"Content-Length: 7", b"Idempotent-Replayed: true"):
        assert lines.count(line) == 3
    assert sum(line.startswith(b"Date: ") and line.endswith(b" GMT") for line in lines) == 3
    assert not any(line.startswith(b"Connection") for line in lines)


async def test_the_last_answer_of_a_connection_says_so(port: int) -> None:
    lines = await _said(port, b"POST /last HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Connection: close" in lines and lines[-1] == b"ended"


async def test_an_old_client_is_told_that_the_connection_stays(port: int) -> None:
    assert b"Connection: keep-alive" in await _said(port, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert b"Connection: close" in await _said(port, b"GET / HTTP/1.0\r\n\r\n")


async def test_head_has_the_length_and_no_body(port: int) -> None:
    lines = await _said(port, b"HEAD /last HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Content-Length: 7" in lines and b'{"a":1}' not in lines
