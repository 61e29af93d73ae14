"""Everything that touches aiohttp's internals.

How an answer is written, connections counted, requests dispatched, a server run.

An answer leaves in one write, head and body joined, or in two where it is large; a stream bit by bit. A caller that takes nothing for
too long is hung up on.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from http import HTTPStatus
from time import time
from typing import Any, Final

import msgspec
from aiohttp import HttpVersion10, StreamReader, web
from aiohttp.http_writer import StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest
from multidict import CIMultiDict

from switch.fairness.connections import Connections, FailedKeys
from switch.fairness.shares import BodyRoom
from switch.http.handshake import Handshake
from switch.problems.table import PROBLEMS, ProblemError, from_status, problem_body

_log = logging.getLogger(__name__)

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
RETRY_AFTER_S: Final = "1"
TAKEN_WITHIN_S: Final = 30.0
"""So long may a caller take nothing of an answer."""
TAKEN_RATE_MIN: Final = 16 << 10
"""Bytes a second that it takes on average of a large one; the same as for bodies."""
JOINED_BYTES_MAX: Final = 32 << 10
"""A body beyond it leaves as it is: what many wait for is in memory once, and no copy is made to save a write."""
_FIRST_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
HEADER_BYTES_MAX: Final = 8_190
HEADERS_MAX: Final = 64
"""Browsers send some 20, proxies and tracing add as many."""
HEAD_BYTES_MAX: Final = 32 << 10
"""Of all of a request but its body. aiohttp bounds each header alone, and keeps each twice until the head is whole."""
READ_BYTES: Final = 64 << 10
"""Of a body, twice as much is kept for whoever reads it, and a sixteenth of it chunks are taken apart in one step: some milliseconds."""
FIRST_HEAD_WITHIN_S: Final = 10.0
"""From the connection to the end of its first request's head."""


class Answer(web.Response):
    """A response that is whole when it is made: aiohttp's own, made for streams, cookies and compression, costs three times as much."""

    def __init__(
        self, body: bytes, status: int = 200, headers: dict[str, str] | None = None, content_type: str = JSON
    ) -> None:
        given = CIMultiDict[str](headers or ())
        given["Content-Type"] = content_type
        web.StreamResponse.__init__(self, status=status, _real_headers=given)
        self._body = body
        self._counted: tuple[BodyRoom, int] | None = None

    def count(self, room: BodyRoom, caller: int) -> None:
        """While it waits to be taken, it counts as this caller's."""
        self._counted = room, caller

    async def prepare(self, request: BaseRequest) -> Any:
        """As of `StreamResponse`."""
        self._req = request
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive

    async def write_eof(self, data: bytes = b"") -> None:
        """As of `StreamResponse`: head and body go out."""
        request, body = self._req, self._body
        assert request is not None and isinstance(body, bytes) and not data
        lines = [f"{name}: {value}\r\n" for name, value in self._headers.items()]
        if not self._keep_alive:
            lines.append("Connection: close\r\n")
        elif request.version == HttpVersion10:
            lines.append("Connection: keep-alive\r\n")
        head = f"{_FIRST_LINES[self._status]}{''.join(lines)}Content-Length: {len(body)}\r\nDate: {_date()}\r\n\r\n"
        self._eof_sent = True
        writer = request.writer
        assert isinstance(writer, StreamWriter)
        if request.method == "HEAD" or len(body) > JOINED_BYTES_MAX:
            await writer.write(head.encode(), drain=False)
            if request.method != "HEAD":
                await writer.write(body, drain=False)
        else:
            await writer.write(head.encode() + body, drain=False)
        if request.protocol.writing_paused:
            await self._taken(request, writer, len(body))

    async def _taken(self, request: BaseRequest, writer: StreamWriter, size: int) -> None:
        """Wait until the caller has taken most of what was written. Raises ConnectionError when it does not, or has too much to take."""
        held = 0
        try:
            if self._counted is not None:
                room, caller = self._counted
                room.take(caller, size)
                held = size
            async with asyncio.timeout(TAKEN_WITHIN_S + size / TAKEN_RATE_MIN):
                await writer.drain()
        except (TimeoutError, ProblemError):
            _hang_up(request)
            raise ConnectionResetError("the caller does not take its answer") from None
        finally:
            if held:
                room.give_back(caller, held)


class Stream(web.StreamResponse):
    """A response that is written bit by bit."""

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """As of `StreamResponse`, but raises ConnectionError when the caller takes nothing for too long."""
        await self._in_time(super().write(data))

    async def write_eof(self, data: bytes = b"") -> None:
        """As of `StreamResponse`, in the same way."""
        await self._in_time(super().write_eof(data))

    async def _in_time(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await work
        except TimeoutError:
            if self._req is not None:
                _hang_up(self._req)
            raise ConnectionResetError("the caller does not take what is streamed") from None


def _hang_up(request: BaseRequest) -> None:
    """At once: an orderly end would wait for the caller as well."""
    if request.transport is not None:
        request.transport.abort()


_now: tuple[int, str] = 0, ""


def _date() -> str:
    """The Date header, made once a second."""
    global _now
    second = int(time())
    if _now[0] != second:
        _now = second, formatdate(second, usegmt=True)
    return _now[1]


def problem_response(problem: ProblemError) -> web.Response:
    """A problem as an HTTP answer."""
    status = PROBLEMS[problem.code].status
    headers = dict(problem.headers)
    if status in (429, 503):
        headers.setdefault("Retry-After", RETRY_AFTER_S)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="shardpay"'
    if problem.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Answer(msgspec.json.encode(problem_body(problem)), status, headers, PROBLEM)


async def invite(request: web.Request) -> web.Response | None:
    """Answer `Expect: 100-continue` with an invitation, other expectations with a problem."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        return problem_response(ProblemError("expectation_failed"))
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0
    return None


class Connection(RequestHandler):
    """Requests that are no valid HTTP get a problem too; connections are counted, and so are bytes of a head that is not whole yet."""

    __slots__ = ("_all", "_body", "_first", "_head_bytes", "_resumes", "failed_keys")

    def __init__(self, connections: Connections, server: web.Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._all = connections
        self._body: StreamReader = EMPTY_PAYLOAD
        self._head_bytes = 0
        self._resumes = False
        self._first: asyncio.TimerHandle | None = None
        self.failed_keys = FailedKeys()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As of `RequestHandler`."""
        super().connection_made(transport)
        self._first = asyncio.get_running_loop().call_later(FIRST_HEAD_WITHIN_S, self.close_now)
        self._all.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """As of `RequestHandler`."""
        self._forget_first()
        self._all.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As of `RequestHandler`. What comes while a body is missing bytes, or while enough requests wait, belongs to no head yet."""
        of_head, requests = not self._buffer_paused and self._body.is_eof(), self._request_count
        super().data_received(data)
        if self._request_count != requests:
            self._forget_first()
            self._head_bytes = 0
            self._body = self._messages[-1][1]
        elif of_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.close_now()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """As of `RequestHandler`, but the parser goes on a turn of the event loop later.

        It may have kept so much, in chunks of a byte, that whoever reads a body would never wait.
        """
        if not (resume_parser and self._reading_paused):
            super().resume_reading(resume_parser)
        elif not self._resumes:
            self._resumes = True
            self._loop.call_soon(self._resume)

    def _resume(self) -> None:
        self._resumes = False
        if self._reading_paused and self.transport is not None:
            super().resume_reading()

    def _forget_first(self) -> None:
        if self._first is not None:
            self._first.cancel()
            self._first = None

    def close_now(self) -> None:
        """Hang up, whatever is under way."""
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        if status >= 500:
            _log.error("a request failed outside its handler", exc_info=exc)
        response = problem_response(from_status(status))
        response.force_close()
        return response


def found_by(request: web.Request, route: web.AbstractRoute, params: dict[str, str]) -> None:
    """The router need not look: a request is for this route, with these parameters in its path."""
    request._match_info = web.UrlMappingMatchInfo(params, route)


def arrived(body: StreamReader) -> bytes:
    """All of a body of which nothing is missing and nothing was read. To read it makes aiohttp look for more, which takes as long as to
    parse the request, so that is done only where it had stopped to take in any."""
    if type(body) is StreamReader and not body._protocol._reading_paused:
        return b"".join(body._buffer)
    return body.read_nowait(-1)


def connection_of(request: BaseRequest) -> Connection:
    connection = request.protocol
    assert isinstance(connection, Connection)
    return connection


class _Server(web.Server):
    def __init__(self, handler: Any, connections: Connections, **options: Any) -> None:
        super().__init__(handler, **options)
        self.all = connections

    def __call__(self) -> RequestHandler:
        return Connection(self.all, self, loop=self._loop, **self._kwargs)


class Site(web.TCPSite):
    """Where a front door listens; with TLS, whoever does not say what it wants is hung up on soon."""

    async def start(self) -> None:
        """As of `TCPSite`, which neither counts nor limits handshakes."""
        await web.BaseSite.start(self)
        server, context = self._runner.server, self._ssl_context
        assert isinstance(server, _Server)
        self._server = await asyncio.get_running_loop().create_server(
            server if context is None else lambda: Handshake(server.all, server, context),
            self._host,
            self._port,
            backlog=self._backlog,
            reuse_port=self._reuse_port,
        )


class Runner(web.AppRunner):
    """Runs the application over `dispatch`, which gets aiohttp's own router; `cleanup` drains it."""

    def __init__(
        self,
        app: web.Application,
        connections: Connections,
        dispatcher: Callable[[Any], Any],
        *,
        idle_timeout_s: float,
        linger_s: float,
        drain_timeout_s: float,
    ) -> None:
        super().__init__(
            app,
            access_log=None,
            keepalive_timeout=idle_timeout_s,
            lingering_time=linger_s,
            shutdown_timeout=drain_timeout_s,
            auto_decompress=False,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            max_headers=HEADERS_MAX,
            read_bufsize=READ_BYTES,
        )
        self._connections = connections
        self._dispatcher = dispatcher

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        handler = self._dispatcher(server.request_handler)
        return _Server(handler, self._connections, request_factory=server.request_factory, **server._kwargs)
