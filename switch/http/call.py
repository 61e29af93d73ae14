"""One API call as handlers see it: caller, key, effective time, body, query.

Bodies stay within their limit.
"""

import asyncio
import os
import re
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec
from aiohttp import web

from actors.records.ids import key_bytes
from actors.stores.api_keys import Principal
from rules.vocabulary.times import time_ms
from switch.fairness.scheduling import Callers
from switch.fairness.shares import BodyRoom
from switch.http.auth import demand_import
from switch.http.schema import KEY_CHARACTERS_MAX
from switch.http.server import arrived
from switch.problems.table import ProblemError, invalid_query
from switch.tracing.request_ids import given_id

JSON: Final = "application/json"
PAGE_MAX: Final = 100
PAGE_DEFAULT: Final = 20
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL's text cannot hold, and so no name."""
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


PART_RESTS_S: Final = 0.001
"""So long does reading a body rest at most after each part of it, 128 KiB or less, while others have short requests under way."""


class Caller(msgspec.Struct, frozen=True):
    """Who asks, and for which effective time (milliseconds, 0 = now)."""

    account: int
    effective_time: int = 0


class BodyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How bodies may arrive: whole by `timeout_s`, and after `grace_s` never less than `rate_min` bytes a second on average."""

    timeout_s: float
    grace_s: float
    rate_min: int
    room: BodyRoom
    callers: Callers


class Query(NamedTuple):
    """Which query parameters a call takes, and which it needs."""

    taken: Collection[str] = ()
    needed: Collection[str] = ()


class Call:
    """One authenticated request; while a short one is worked on, long work of others rests. Whoever made it calls `close` when it is
    answered."""

    __slots__ = ("_held", "_limits", "_query", "_request_id", "_short", "on_body", "principal", "request")

    def __init__(
        self, request: web.Request, principal: Principal, limits: BodyLimits, query: Query, *, short: bool
    ) -> None:
        self.request = request
        self.principal = principal
        self._limits = limits
        self._query = query
        self._short = short
        self._held = 0
        self._request_id = ""
        self.on_body: Callable[[bytes], Awaitable[None]] | None = None
        """Hears of the body before whoever reads it."""
        if short:
            limits.callers.began(principal.account)

    def close(self) -> None:
        """Its body is needed no longer."""
        if self._short:
            self._limits.callers.ended(self.principal.account)
        if self._held:
            self._limits.room.give_back(self.principal.account, self._held)
            self._held = 0

    @property
    def content_type(self) -> str:
        """Media type without parameters, lower case; empty when not given."""
        given = self.request.headers.get("Content-Type", "")
        return given if given == JSON else given.partition(";")[0].strip().lower()

    def request_id(self) -> str:
        """By what the caller, or who passes the request on, knows it; else one of our own."""
        if not self._request_id:
            self._request_id = given_id(self.request.headers) or str(uuid.uuid4())
        return self._request_id

    def caller(self) -> Caller:
        """The caller as rows name it, with the effective time asked for."""
        text = one_header(self.request, "Shardpay-Time")
        if text is None:
            return Caller(self.principal.account)
        demand_import(self.principal)
        try:
            return Caller(self.principal.account, time_ms(text))
        except ValueError as error:
            raise ProblemError("invalid_shardpay_time", f"Shardpay-Time: {error}.") from None

    def key(self) -> bytes:
        """The 16 bytes of the mandatory idempotency key."""
        key = self.given_key()
        if key is None:
            raise ProblemError("missing_idempotency_key")
        return key

    def given_key(self) -> bytes | None:
        """The 16 bytes of the idempotency key, None when none is given."""
        text = one_header(self.request, "Idempotency-Key")
        return None if text is None else key_bytes(plain_key(text))

    def key_or_random(self) -> bytes:
        """The idempotency key, or one that nobody used before."""
        return self.given_key() or os.urandom(16)

    def json_body(self, bytes_max: int) -> Awaitable[bytes]:
        """The body of a JSON request."""
        if self.content_type not in (JSON, ""):
            raise ProblemError("unsupported_media_type", f"This call takes {JSON}.")
        return self.body(bytes_max)

    async def body(self, bytes_max: int) -> bytes:
        """The body, never more of it than `bytes_max`. Raises ProblemError."""
        request = self.request
        if "Content-Encoding" in request.headers:
            raise ProblemError("unsupported_media_type", "Encoded bodies are not taken.")
        length = request.content_length
        if length is not None and length > bytes_max:
            raise _too_large(bytes_max)
        stream = request.content
        try:
            if stream.is_eof():
                body = arrived(stream)
            elif self._short:
                body = await self._read_short(bytes_max)
            else:
                body = await self._read(bytes_max)
        except TimeoutError:
            raise ProblemError("request_timeout") from None
        except (web.RequestPayloadError, OSError) as error:
            raise ProblemError("malformed_request", "The body could not be read.") from error
        if len(body) > bytes_max:
            raise _too_large(bytes_max)
        if self.on_body is not None:
            await self.on_body(body)
        return body

    async def _read_short(self, bytes_max: int) -> bytes:
        """As `_read`; meanwhile nobody rests for it, since it may never arrive."""
        callers, account = self._limits.callers, self.principal.account
        callers.ended(account)
        try:
            return await self._read(bytes_max)
        finally:
            callers.began(account)

    async def _read(self, bytes_max: int) -> bytes:
        """A body that arrives bit by bit. It waits alone: nothing that others need is held meanwhile but room for its bytes."""
        limits, clock = self._limits, asyncio.get_running_loop().time
        began = clock()
        parts: list[bytes] = []
        size = 0
        while True:
            late = began + min(limits.timeout_s, limits.grace_s + size / limits.rate_min)
            async with asyncio.timeout_at(late):
                part = await self.request.content.readany()
            if not part:
                return b"".join(parts)
            size += len(part)
            if size > bytes_max:
                raise _too_large(bytes_max)
            limits.room.take(self.principal.account, len(part))
            self._held += len(part)
            parts.append(part)
            await limits.callers.give_way(self.principal.account, PART_RESTS_S)

    def query(self) -> dict[str, str]:
        """The query parameters. Raises ProblemError for one that the route does not have, that is given twice or is no UTF-8, or that
        it needs and is not given."""
        values: dict[str, str] = {}
        if not self.request.rel_url.raw_query_string and not self._query.needed:
            return values
        _check_text(self.request.rel_url.raw_query_string)
        for name, value in self.request.query.items():
            if name not in self._query.taken:
                raise invalid_query(name[:100], "the parameter is not known here")
            if name in values:
                raise invalid_query(name, "the parameter is given more than once")
            values[name] = value
        for name in self._query.needed:
            if name not in values:
                raise invalid_query(name, "the parameter is needed")
        return values


def _check_text(raw: str) -> None:
    """What is no text would be looked for as something else. Raises ProblemError invalid_query."""
    for part in raw.split("&") if "%" in raw else ():
        try:
            unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            raise invalid_query(part.partition("=")[0][:100], "its value is no UTF-8 text") from None


_REPEATED: Final = {
    "Authorization": "unauthenticated",
    "Idempotency-Key": "invalid_idempotency_key",
    "Shardpay-Time": "invalid_shardpay_time",
}


def one_header(request: web.Request, name: str) -> str | None:
    """The value of a header, None when it is not given. Raises ProblemError when it is given twice: two readers could take either."""
    values: list[str] = request.headers.getall(name, [])
    if len(values) > 1:
        raise ProblemError(_REPEATED[name], f"There is more than one {name} header.")
    return values[0] if values else None


def _too_large(bytes_max: int) -> ProblemError:
    return ProblemError("payload_too_large", f"This call takes bodies of up to {bytes_max} bytes.")


def plain_key(text: str) -> str:
    """An Idempotency-Key header's value: bare, or an RFC 8941 string in quotes. Raises ProblemError."""
    if text.startswith('"'):
        quoted = _QUOTED.fullmatch(text)
        if quoted is None:
            raise ProblemError("invalid_idempotency_key", "The quoted Idempotency-Key does not end properly.")
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    if not 1 <= len(text) <= KEY_CHARACTERS_MAX or not (text.isascii() and text.isprintable()):
        raise ProblemError("invalid_idempotency_key")
    return text


def name_in(query: Mapping[str, str], name: str) -> str:
    """A name that is looked for, by its parameter. Raises ProblemError invalid_query."""
    if _UNSTORABLE.search(query[name]):
        raise invalid_query(name, "characters are expected that a name can have")
    return query[name]


def time_in(query: Mapping[str, str], name: str) -> int | None:
    """A time of the query, milliseconds since 1970; None when it is not given. Raises ProblemError invalid_query."""
    if name not in query:
        return None
    try:
        return time_ms(query[name])
    except ValueError as error:
        raise invalid_query(name, str(error)) from None


def page_limit(query: dict[str, str]) -> int:
    """The parameter `limit`. Raises ProblemError."""
    text = query.get("limit", str(PAGE_DEFAULT))
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= PAGE_MAX):
        raise invalid_query("limit", f"a number from 1 to {PAGE_MAX} is expected")
    return int(text)
