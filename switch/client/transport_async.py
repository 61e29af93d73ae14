"""HTTP for programs with an event loop: aiohttp."""

import contextlib
from collections.abc import AsyncGenerator, Iterator
from typing import Final

import aiohttp

from .calls import NO_ANSWER, Call, Lost, NoStream, Reply, no_connection, retry_after_s
from .settings import headers_of

_FAILURES: Final = (aiohttp.ClientError, TimeoutError, OSError)


class AsyncTransport:
    """Connections to a switch, kept alive."""

    def __init__(self, url: str, key: str | None, connections: int) -> None:
        self._url = url
        self._key = key
        self._connections = connections
        self._opened: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def send(self, call: Call, timeout_s: float) -> Reply:
        """What comes back. Raises Lost."""
        with _losses(self._url):
            async with self._request(call, aiohttp.ClientTimeout(total=timeout_s)) as response:
                return Reply(response.status, await response.read(), retry_after_s(response.headers))

    async def lines(self, call: Call, silence_s: float) -> AsyncGenerator[bytes, None]:
        """The lines of a stream. Raises NoStream when there is none, Lost when it ends."""
        with _losses(self._url):
            async with self._request(
                call, aiohttp.ClientTimeout(sock_connect=silence_s, sock_read=silence_s)
            ) as response:
                if response.status != 200:
                    raise NoStream(Reply(response.status, await response.read(), retry_after_s(response.headers)))
                while line := await response.content.readline():
                    yield line
        raise Lost("the stream ended", True)

    def _request(self, call: Call, timeout: aiohttp.ClientTimeout) -> "aiohttp.client._RequestContextManager":
        if self._opened is None:
            self._opened = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=self._connections))
        return self._opened.request(
            call.method,
            self._url + call.path,
            data=call.body,
            headers=headers_of(call, self._key),
            timeout=timeout,
            allow_redirects=False,  # a payment that is redirected would arrive as a question
        )


@contextlib.contextmanager
def _losses(url: str) -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        raise Lost(_why(url, error), not isinstance(error, aiohttp.ClientConnectorError)) from error


def _why(url: str, error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return no_connection(url, error.os_error)
    if isinstance(error, TimeoutError):
        return NO_ANSWER
    return str(error) or type(error).__name__
