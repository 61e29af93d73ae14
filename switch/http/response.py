"""What goes to a caller, who may not take it: an answer leaves in one write, head and body joined; a stream bit by bit. Who takes nothing
for too long is hung up on."""

import asyncio
from collections.abc import Coroutine
from email.utils import formatdate
from http import HTTPStatus
from time import time
from typing import Any, Final

import msgspec
from aiohttp import HttpVersion10, web
from aiohttp.http_writer import StreamWriter
from aiohttp.web_request import BaseRequest
from multidict import CIMultiDict

from switch.fairness.shares import BodyRoom
from switch.problems.table import PROBLEMS, ProblemError, problem_body

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
RETRY_AFTER_S: Final = "1"
TAKEN_WITHIN_S: Final = 30.0
"""So long may a caller take nothing of an answer."""
TAKEN_RATE_MIN: Final = 16 << 10
"""Bytes a second that it takes on average of a large one; the same as for bodies."""
_FIRST_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


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
        await writer.write(head.encode() + (body if request.method != "HEAD" else b""), drain=False)
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
        headers["Retry-After"] = RETRY_AFTER_S
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="shardpay"'
    if problem.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Answer(msgspec.json.encode(problem_body(problem)), status, headers, PROBLEM)
