"""One attempt: a POST to a checked address, in limited time, without redirects.

The answer is not read far.
"""

import asyncio
import functools
import ssl
import time
from typing import Any, Final, NamedTuple, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

from switch.webhooks.addresses import AddressGuard, AddressRefused, UrlRefused
from switch.webhooks.names import LOOKED_UP_FOR, FairResolver, TooManyNames

ATTEMPT_S: Final = 15.0
"""From the look-up of the name to the end of the answer."""
CONNECT_S: Final = 5.0
ANSWER_BYTES_MAX: Final = 16 << 10
"""Of an answer's body: it is thrown away, and of a longer one the connection is closed."""
HEADER_BYTES_MAX: Final = 8_190
RECEIVED_BYTES_MAX: Final = ANSWER_BYTES_MAX + (16 << 10)
"""From one request to the next: heads, interim answers among them, the body, and what nobody asked for. aiohttp skips interim answers and
keeps answers without a request, as many as come."""
IDLE_S: Final = 30.0
"""A connection that is not used for so long is closed; its address was checked when it was made."""
NAMES_KNOWN_S: Final = 10
"""So long is known what a name resolves to."""
AGENT: Final = "shardpay-webhooks/1"

UNREACHABLE: Final = "the name leads to no public address"
"""Whether it does not exist or leads inside: nobody shall learn from it what is inside."""
TOO_MANY_NAMES: Final = "too many of the account's names are being looked up and do not answer"


class AttemptResult(NamedTuple):
    """What came of an attempt: the status that was answered, else why there is none. `asked_s`: how long the receiver wants to be left
    alone."""

    status: int | None
    error: str | None
    took_ms: int
    asked_s: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


class _Connection(ResponseHandler):
    """A connection to a receiver, which is aborted beyond RECEIVED_BYTES_MAX. What came until then counts: of a long answer the status."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._left = RECEIVED_BYTES_MAX

    def set_response_params(self, **params: Any) -> None:
        """As of `ResponseHandler`: a request begins."""
        self._left = RECEIVED_BYTES_MAX
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """As of `ResponseHandler`."""
        taken = data[: self._left]
        ended = len(taken) < len(data)
        self._left -= len(taken)
        transport = self.transport
        super().data_received(taken)
        if ended and transport is not None:
            transport.abort()


class Poster:
    """Connections to receivers. Made inside the running event loop."""

    def __init__(self, guard: AddressGuard, attempt_s: float = ATTEMPT_S) -> None:
        self._guard = guard
        self._attempt_s = attempt_s
        self._names = FairResolver()
        connector = aiohttp.TCPConnector(
            limit=0,  # each endpoint has a window of its own, and endpoints on one host do not wait for each other
            ttl_dns_cache=NAMES_KNOWN_S,
            keepalive_timeout=IDLE_S,
            socket_factory=guard.socket,
            resolver=self._names,
        )
        made = functools.partial(_Connection, loop=asyncio.get_running_loop())
        connector._factory = cast("functools.partial[ResponseHandler]", made)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            timeout=aiohttp.ClientTimeout(total=attempt_s, connect=min(CONNECT_S, attempt_s)),
        )

    async def post(self, account: int, url: str, headers: dict[str, str], body: bytes) -> AttemptResult:
        """Send it once, for an account."""
        began = time.monotonic()
        status: int | None = None
        error: str | None = None
        asked_s: float | None = None
        LOOKED_UP_FOR.set(account)
        try:
            self._guard.check_url(url)
            sent = {"Content-Type": "application/json", "User-Agent": AGENT, **headers}
            async with self._session.post(url, data=body, headers=sent, allow_redirects=False) as response:
                status, asked_s = response.status, _seconds(response.headers.get("Retry-After"))
                await _end(response)
        except (aiohttp.ClientError, AddressRefused, UrlRefused, OSError, ValueError, TimeoutError) as caught:
            error = None if status is not None else _reason(caught)
        return AttemptResult(status, error, round((time.monotonic() - began) * 1_000), asked_s)

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()
        await self._names.close()


async def _end(response: aiohttp.ClientResponse) -> None:
    """Read the rest of an answer, so that its connection serves again; of a long one the connection ends."""
    left = ANSWER_BYTES_MAX
    while left > 0:
        part = await response.content.read(left)
        if not part:
            return
        left -= len(part)
    response.close()


def _reason(error: BaseException) -> str:
    """Why there is no answer, in a few words without anything of the inside."""
    causes = [error, *_inside(error)]
    if any(isinstance(each, TooManyNames) for each in causes):
        return TOO_MANY_NAMES
    if any(isinstance(each, AddressRefused) for each in causes) or isinstance(error, aiohttp.ClientConnectorDNSError):
        return UNREACHABLE
    if isinstance(error, UrlRefused):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientSSLError) or any(isinstance(each, ssl.SSLError) for each in causes):
        return "TLS failed: the certificate must be valid for the host"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError | asyncio.IncompleteReadError):
        return "the connection ended without an answer"
    return "no valid HTTP answer"


def _inside(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and len(found) < 8:
        at = getattr(at, "os_error", None) or at.__cause__ or at.__context__
        if at is not None:
            found.append(at)
            found.extend(getattr(at, "exceptions", ()))
    return found


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; a date is not heeded."""
    return float(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 10 else None
