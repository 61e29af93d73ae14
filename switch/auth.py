"""Who may do what: a key is looked up by its hash, remembered (in memory only) for two seconds at most, and must have one of the
route's scopes."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from actors.key_store import Principal, key_hash
from actors.pool import StoreUnavailable
from switch.problems import ProblemError

CACHE_TTL_S: Final = 2.0
"""So long may a revoked key still work."""
CACHE_KEYS_MAX: Final = 10_000
"""Keys that work, and as many that do not, of which the process keeps note."""
WANTED_KEYS_MAX: Final = 4_096
"""Keys that wait for one question to the database; of those beyond it only ones that worked a moment ago may still wait."""
FIND_TIMEOUT_S: Final = 5.0
"""A question that takes longer has failed."""
KEY_CHARACTERS_MAX: Final = 512

T = TypeVar("T")
Find = Callable[[list[bytes]], Awaitable[dict[bytes, Principal]]]
_Kept = OrderedDict[str, tuple[float, T]]

_PREFIX: Final = "bearer "

WRITE_WALLETS: Final = frozenset({"admin"})
READ: Final = frozenset({"read", "admin"})
READ_DOCUMENTS: Final = frozenset({"read", "analyst", "admin"})
PUBLISH: Final = frozenset({"analyst", "admin"})
PAY: Final = frozenset({"pay"})
ANALYST: Final = frozenset({"analyst"})
IMPORT: Final = "import"


class Authenticator:
    """Asks `find` for many keys at once, one question at a time, and keeps what it found, for a short time: keys that nobody made cost
    a share of a question, and push none out that works. `clock` counts seconds, steadily."""

    def __init__(self, find: Find, clock: Callable[[], float]) -> None:
        self._find = find
        self._clock = clock
        self._known: _Kept[Principal] = OrderedDict()
        self._unknown: _Kept[None] = OrderedDict()
        self._wanted: dict[bytes, asyncio.Future[Principal | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def principal(self, authorization: str | None) -> Principal:
        """Whom an Authorization header speaks for. Raises ProblemError unauthenticated, overloaded, and what `find` raises."""
        key = _key_of(authorization)
        known = self._known.get(key)
        if known is not None and known[0] > self._clock():
            return known[1]
        unknown = self._unknown.get(key)
        if unknown is None or unknown[0] <= self._clock():
            principal = await self._looked_up(key, known is not None)
            if principal is not None:
                return principal
        raise ProblemError("unauthenticated", "The API key is not known or was revoked.")

    async def _looked_up(self, key: str, worked: bool) -> Principal | None:
        hashed = key_hash(key)
        future = self._wanted.get(hashed)
        if future is None:
            if len(self._wanted) >= WANTED_KEYS_MAX and not worked:
                raise ProblemError("overloaded")
            future = asyncio.get_running_loop().create_future()
            self._wanted[hashed] = future
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
        asked_at = self._clock()
        principal = await asyncio.shield(future)
        if principal is None:
            self._known.pop(key, None)
            _remember(self._unknown, key, asked_at + CACHE_TTL_S, None)
        else:
            _remember(self._known, key, asked_at + CACHE_TTL_S, principal)
        return principal

    async def _ask(self) -> None:
        """Ask for all keys that are wanted, until none is."""
        try:
            while self._wanted:
                asked, self._wanted = self._wanted, {}
                try:
                    async with asyncio.timeout(FIND_TIMEOUT_S):
                        found = await self._find(list(asked))
                except Exception as error:
                    failure = (
                        StoreUnavailable("keys were not found in time") if isinstance(error, TimeoutError) else error
                    )
                    for future in asked.values():
                        future.set_exception(failure)
                        future.exception()  # nobody may wait for it any more
                else:
                    for hashed, future in asked.items():
                        future.set_result(found.get(hashed))
        finally:
            self._asking = None


def _remember(kept: "_Kept[T]", key: str, until: float, value: T) -> None:
    kept[key] = until, value
    kept.move_to_end(key)
    if len(kept) > CACHE_KEYS_MAX:
        kept.popitem(last=False)


def _key_of(authorization: str | None) -> str:
    if authorization is None:
        raise ProblemError("unauthenticated", "An Authorization header with a Bearer key is missing.")
    key = authorization[len(_PREFIX) :].strip()
    if authorization[: len(_PREFIX)].lower() != _PREFIX or not key or len(key) > KEY_CHARACTERS_MAX:
        raise ProblemError("unauthenticated", "The Authorization header is not `Bearer KEY`.")
    return key


def demand(principal: Principal, scopes: frozenset[str]) -> None:
    """Raise ProblemError forbidden unless the principal has one of the scopes."""
    if not principal.scopes & scopes:
        raise ProblemError("forbidden", f"This call needs the scope {' or '.join(sorted(scopes))}.")


def demand_import(principal: Principal) -> None:
    """Raise ProblemError forbidden unless the principal may set effective times."""
    if IMPORT not in principal.scopes:
        raise ProblemError("forbidden", f"Shardpay-Time needs the scope {IMPORT}.")
