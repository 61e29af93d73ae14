"""What a route of the API is: its path, who may call it, what goes in and out, and how it can fail.

Each module of handlers exports its ROUTES. Access, metrics labels, the reference in docs/ and the tests read this table.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from aiohttp import web

from actors.records.codes import Code, is_untried
from actors.stores.scopes import ADMINISTRATIVE
from switch.api.services import Services
from switch.http.access import Access
from switch.http.call import JSON, Call

_PARAMETER: Final = re.compile(r"\{(\w+)(?::[^}]*)?\}")
"""A part of a path that each call has its own of."""

Handler = Callable[[Services, Call], Awaitable[web.StreamResponse]]
OpenHandler = Callable[[Services], Awaitable[web.Response]]


class Route(NamedTuple):
    """A call of the API: a key needs one of `scopes`.

    `access`: what a bound account gets. `answer`: its type, or several. `query`: the parameters it takes, `needed`: those that must be
    there. `bodies`: the type of its JSON body, and other media types that it takes. `problems`: codes that it can end with beside those
    of every call. `media`: media types of its answer. `long`: it takes long by its nature, so long work of others does not rest until it
    is answered. `four_eyes`: with these on, it is made when a second account approves it. `asks`: it only asks, and is a POST since its
    body is long. `body_kept`: the log of administrators keeps its body as text: it says nothing of persons, or of the wallet in the path.
    `journalled`: the record that it makes names who called and has a digest of the body, so that log has no entry of it.
    """

    method: str
    path: str
    summary: str
    scopes: frozenset[str]
    access: Access
    handler: Handler
    answer: Any
    bodies: tuple[Any, ...] = ()
    query: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    problems: frozenset[str] = frozenset()
    media: tuple[str, ...] = (JSON,)
    long: bool = False
    four_eyes: bool = False
    asks: bool = False
    body_kept: bool = False
    journalled: bool = False

    @property
    def logged(self) -> bool:
        """Whether its calls leave an entry in the log of administrators: what takes an administrative scope and
        changes something, unless the journal alone says who did what."""
        changes = self.method != "GET" and not self.asks and not self.journalled
        return changes and bool(self.scopes & set(ADMINISTRATIVE))

    def resource(self, params: Mapping[str, str]) -> str:
        """The path of a call with these parameters."""
        return _PARAMETER.sub(lambda found: quote(params[found[1]], safe=":,"), self.path)

    @property
    def all_problems(self) -> frozenset[str]:
        """Every code that a call of this route can end with."""
        return ALWAYS | self.problems | ({"approval_needed"} if self.four_eyes else set())

    @property
    def keyed(self) -> bool:
        """Whether a call takes an Idempotency-Key: a retry under the same one gets the first answer."""
        return self.problems >= {"idempotency_mismatch", "invalid_idempotency_key"}


class OpenRoute(NamedTuple):
    """A path that is answered without a key: it tells nothing about wallets. `answer`: its type, or the media type of what is no JSON of
    ours."""

    path: str
    summary: str
    handler: OpenHandler
    answer: Any
    problems: frozenset[str] = frozenset()


def named(*codes: IntEnum) -> frozenset[str]:
    """The problems that outcome codes of the ledger become."""
    return frozenset(code.name.lower() for code in codes)


ALWAYS: Final = frozenset(
    {
        "database_unavailable",
        "forbidden",
        "internal_error",
        "invalid_query",
        "malformed_request",
        "expectation_failed",
        "overloaded",
        "timeout",
        "too_many_connections",
        "too_many_requests",
        "unauthenticated",
    }
)
"""What every call can end with."""
BODY: Final = frozenset(
    {
        "invalid_field",
        "malformed_json",
        "payload_too_large",
        "request_timeout",
        "too_many_bodies",
        "unsupported_media_type",
    }
)
"""Of calls with a body."""
KEY: Final = frozenset({"invalid_idempotency_key", "invalid_shardpay_time"})
"""Of calls that take an Idempotency-Key and a Shardpay-Time."""
KEY_NEEDED: Final = KEY | {"missing_idempotency_key"}
WRITE: Final = (
    BODY
    | named(*(code for code in Code if is_untried(code)))
    | named(
        Code.IDEMPOTENCY_MISMATCH,
        Code.INVALID_REQUEST,
        Code.EFFECTIVE_TIME_IN_FUTURE,
        Code.EFFECTIVE_TIME_WENT_BACK,
    )
)
"""Of calls that write to the ledger."""
