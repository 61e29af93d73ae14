"""An answer leaves in one write: head and body are joined here, for every answer of the switch."""

from email.utils import formatdate
from http import HTTPStatus
from time import time
from typing import Any, Final

from aiohttp import HttpVersion10, web
from aiohttp.web_request import BaseRequest
from multidict import CIMultiDict

JSON: Final = "application/json"
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
        await request.writer.write(head.encode() + (body if request.method != "HEAD" else b""))


_now: tuple[int, str] = 0, ""


def _date() -> str:
    """The Date header, made once a second."""
    global _now
    second = int(time())
    if _now[0] != second:
        _now = second, formatdate(second, usegmt=True)
    return _now[1]
