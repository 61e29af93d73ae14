"""Answers as they stand on the wire."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import EMPTY_PAYLOAD

from switch.fairness.connections import Connections
from switch.fairness.shares import BodyRoom
from switch.http import server
from switch.http.server import (
    FIRST_HEAD_WITHIN_S,
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    Answer,
    Runner,
    Stream,
    arrived,
    connection_of,
)
from switch.problems.table import ProblemError
from tests.asleep import Asleep

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def _served(handler: Handler) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        answer = Answer(b'{"a":1}', 201, {"Idempotent-Replayed": "true"})
        if request.path == "/last":
            answer.force_close()
        return answer

    async with _served(handler) as port:
        yield port


async def _answers_to(port: int, request: bytes, count: int = 1) -> list[bytes]:
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
    lines = await _answers_to(port, b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 3)
    assert lines.count(b"HTTP/1.1 201 Created") == 3 and lines.count(b'{"a":1}') == 3
    for line in (b"Content-Type: application/json", b"Content-Length: 7", b"Idempotent-Replayed: true"):
        assert lines.count(line) == 3
    assert sum(line.startswith(b"Date: ") and line.endswith(b" GMT") for line in lines) == 3
    assert not any(line.startswith(b"Connection") for line in lines)


async def test_the_last_answer_of_a_connection_says_so(port: int) -> None:
    lines = await _answers_to(port, b"POST /last HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Connection: close" in lines and lines[-1] == b"ended"


async def test_an_old_client_is_told_that_the_connection_stays(port: int) -> None:
    assert b"Connection: keep-alive" in await _answers_to(port, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert b"Connection: close" in await _answers_to(port, b"GET / HTTP/1.0\r\n\r\n")


async def test_head_has_the_length_and_no_body(port: int) -> None:
    lines = await _answers_to(port, b"HEAD /last HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Content-Length: 7" in lines and b'{"a":1}' not in lines


# Whoever takes nothing.


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TAKEN_WITHIN_S", 0.1)
    monkeypatch.setattr(server, "TAKEN_RATE_MIN", 1 << 30)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("size", [8 << 20, 4_000], ids=["one large answer", "many small ones"])
async def test_who_takes_no_answer_is_hung_up_on_and_small_ones_do_not_pile_up(size: int) -> None:
    answered = 0
    room = BodyRoom(64 << 20)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal answered
        answered += 1
        answer = Answer(bytes(size))
        answer.count(room, 1)
        return answer

    async with _served(handler) as port:
        asleep = Asleep(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1_000)
        before, quiet = 0, 0
        while quiet < 10:  # who reads before no more fits is not asleep
            await asyncio.sleep(0.05)
            quiet, before = (quiet + 1 if before == answered > 0 else 0), answered
        await asleep.is_hung_up_on()
        assert answered * size < 16 << 20
        room.take(1, 32 << 20)  # nothing counts as this caller's any more


async def test_untaken_answers_count_as_their_callers_and_beyond_its_share_it_is_hung_up_on() -> None:
    room = BodyRoom(32 << 20)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        answer = Answer(bytes(12 << 20))
        answer.count(room, 1)
        return answer

    async with _served(handler) as port:
        first = Asleep(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(60):
            while True:
                try:
                    room.take(1, 8 << 20)
                except ProblemError:
                    break
                room.give_back(1, 8 << 20)
                await asyncio.sleep(0.01)
        await Asleep(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").is_hung_up_on()
        room.take(2, 12 << 20)
        first.close()


@pytest.mark.usefixtures("impatient")
async def test_who_takes_nothing_of_a_stream_is_hung_up_on_though_it_was_ended() -> None:
    ended = asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        stream = Stream()
        await stream.prepare(request)
        with contextlib.suppress(ConnectionError):
            if request.path == "/written":
                await stream.write(bytes(8 << 20))
            else:
                assert request.transport is not None
                request.transport.write(bytes(8 << 20))
        ended.set()
        return stream

    async with _served(handler) as port:
        for path in (b"/written", b"/ended"):
            ended.clear()
            asleep = Asleep(port, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            async with asyncio.timeout(60):
                await ended.wait()
            await asyncio.sleep(0.2)
            await asleep.is_hung_up_on()


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_body_that_has_arrived_is_whole_and_reading_goes_on_where_it_had_stopped(stopped: bool) -> None:
    loop = asyncio.get_running_loop()
    resumed: list[bool] = []

    class Protocol(BaseProtocol):
        def resume_reading(self, resume_parser: bool = True) -> None:
            resumed.append(resume_parser)

    protocol = Protocol(loop)
    body = StreamReader(protocol, 1 << 16, loop=loop)
    for part in (b"one", b" and ", b"two"):
        body.feed_data(part)
    body.feed_eof()
    resumed.clear()
    protocol._reading_paused = stopped
    assert arrived(body) == b"one and two"
    assert body.is_eof() and bool(resumed) == stopped
    assert arrived(EMPTY_PAYLOAD) == b""


async def test_an_answer_that_leaves_in_two_writes_is_whole_and_head_has_its_length_alone() -> None:
    body = bytes(range(256)) * 1_024

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return Answer(body)

    async with _served(handler) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for method in (b"GET", b"HEAD", b"GET"):
            writer.write(method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Content-Length: %d\r\n" % len(body) in head
            if method == b"GET":
                assert await reader.readexactly(len(body)) == body
        writer.close()


# Heads and bodies of those who gave no key.


async def _length(request: web.BaseRequest) -> web.StreamResponse:
    return Answer(b"%d;" % len(await request.read()))


@contextlib.asynccontextmanager
async def _front(
    handler: Handler = _length,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a front door."""
    app = web.Application(client_max_size=1 << 30)
    runner = Runner(app, Connections(10), lambda _: handler, idle_timeout_s=60, linger_s=0, drain_timeout_s=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    async with asyncio.timeout(60):
        yield reader, writer
    writer.close()
    await runner.cleanup()


async def _sent_until_hung_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, part: bytes) -> int:
    """Bytes that are taken, part by part."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        while not reader.at_eof():
            writer.write(part)
            sent += len(part)
            await writer.drain()
            await asyncio.sleep(0.002)
    return sent


@pytest.mark.parametrize(
    "before", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"]
)
async def test_who_sends_a_head_without_end_is_hung_up_on(before: bytes) -> None:
    async with _front() as (reader, writer):
        if before:
            writer.write(before)
            await reader.readuntil(b";")
        writer.write(b"GET / HTTP/1.1\r\n")
        part = b"a: " + b"x" * 4_000 + b"\r\n"
        assert await _sent_until_hung_up(reader, writer, part) < 4 * HEAD_BYTES_MAX


async def test_a_head_of_many_headers_is_refused() -> None:
    async with _front() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * (HEADERS_MAX + 1) + b"\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")


async def test_who_does_not_end_its_first_head_in_time_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert FIRST_HEAD_WITHIN_S <= 10
    monkeypatch.setattr(server, "FIRST_HEAD_WITHIN_S", 0.1)
    async with _front() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""


async def test_who_ended_its_first_head_in_time_is_waited_for_no_more() -> None:
    planned: list[asyncio.TimerHandle | None] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        connection = connection_of(request)
        planned.append(connection._first)
        return Answer(b"0;")

    async with _front(handler) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"0;")
    assert planned == [None]


async def test_large_bodies_and_many_requests_at_once_are_no_heads() -> None:
    chunk = b"1000\r\n" + b"x" * 4_096 + b"\r\n"
    async with _front() as (reader, writer):
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(64):
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")
            await reader.readuntil(b"%d;" % (64 * 4_096))
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" * 4_000)
        for _ in range(4_000):
            await reader.readuntil(b"3;")


async def test_between_two_parts_of_a_body_others_have_their_turn_however_small_its_chunks_are() -> None:
    """What is left of a body after its answer is read in the same way."""
    turns, chunks = 0, 100_000
    at: list[int] = []

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        size = 0
        while part := await request.content.readany():
            at.append(turns)
            size += len(part)
        return Answer(b"%d;" % size)

    async with _front(handler) as (reader, writer):
        running = asyncio.create_task(others())
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"1\r\na\r\n" * chunks + b"0\r\n\r\n")
        await reader.readuntil(b"%d;" % chunks)
        running.cancel()
    assert len(at) > 10 and all(one < other for one, other in itertools.pairwise(at))
