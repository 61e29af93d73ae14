"""HTTP for programs without an event loop: urllib3."""

import contextlib
from collections.abc import Generator, Iterator

import urllib3

from .calls import NO_ANSWER, Call, Lost, NoStream, Reply, no_connection, retry_after_s
from .settings import headers_of


class Transport:
    """Connections to a switch, kept alive; any number of threads may use it."""

    def __init__(self, url: str, key: str | None, connections: int) -> None:
        self._url = url
        self._key = key
        self._pool = urllib3.PoolManager(maxsize=connections, block=True, retries=False)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def send(self, call: Call, timeout_s: float) -> Reply:
        """What comes back. Raises Lost."""
        with _losses(self._url):
            response = self._request(call, timeout_s, preload=True)
            return Reply(response.status, response.data, retry_after_s(response.headers))

    def lines(self, call: Call, silence_s: float) -> Generator[bytes, None, None]:
        """The lines of a stream. Raises NoStream when there is none, Lost when it ends."""
        with _losses(self._url):
            response = self._request(call, silence_s, preload=False)
            try:
                if response.status != 200:
                    raise NoStream(Reply(response.status, response.read(), retry_after_s(response.headers)))
                yield from _lines(response)
            finally:
                response.close()
        raise Lost("the stream ended", True)

    def _request(self, call: Call, timeout_s: float, *, preload: bool) -> urllib3.BaseHTTPResponse:
        return self._pool.request(
            call.method,
            self._url + call.path,
            body=call.body,
            headers=headers_of(call, self._key),
            timeout=urllib3.Timeout(total=timeout_s) if preload else urllib3.Timeout(connect=timeout_s, read=timeout_s),
            preload_content=preload,
            redirect=False,  # older urllib3 follows redirects whatever the pool's `retries` say
        )


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Lines as they come, an unfinished one at the end too."""
    rest = b""
    for piece in response.stream():
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


@contextlib.contextmanager
def _losses(url: str) -> Iterator[None]:
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError) as error:
        unsent = isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
        raise Lost(_why(url, error), not unsent) from error


def _why(url: str, error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.NewConnectionError) and isinstance(error.__cause__, OSError):
        return no_connection(url, error.__cause__)
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return NO_ANSWER
    return str(error) or type(error).__name__
