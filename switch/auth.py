"""Who may do what: a key is looked up by its hash, remembered (in memory only) for two seconds at most, and must have one of the
route's scopes."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from actors.key_store import Principal, key_hash
from switch.problems import ProblemError

CACHE_TTL_S: Final = 2.0
"""So long may a revoked key still work."""
CACHE_KEYS_MAX: Final = 10_000
KEY_CHARACTERS_MAX: Final = 512
_PREFIX: Final = "bearer "

WRITE_WALLETS: Final = frozenset({"admin"})
READ: Final = frozenset({"read", "admin"})
READ_DOCUMENTS: Final = frozenset({"read", "analyst", "admin"})
PUBLISH: Final = frozenset({"analyst", "admin"})
PAY: Final = frozenset({"pay"})
ANALYST: Final = frozenset({"analyst"})
IMPORT: Final = "import"


class Authenticator:
    """Looks keys up through `find` and keeps what it found, for a short time. `clock` counts seconds, steadily."""

    def __init__(self, find: Callable[[bytes], Awaitable[Principal | None]], clock: Callable[[], float]) -> None:
        self._find = find
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Principal | None]] = OrderedDict()

    async def principal(self, authorization: str | None) -> Principal:
        """Whom an Authorization header speaks for. Raises ProblemError unauthenticated."""
        key = _key_of(authorization)
        known = self._known.get(key)
        if known is not None and known[0] > self._clock():
            principal = known[1]
        else:
            asked_at = self._clock()
            principal = await self._find(key_hash(key))
            self._remember(key, asked_at + CACHE_TTL_S, principal)
        if principal is None:
            raise ProblemError("unauthenticated", "The API key is not known or was revoked.")
        return principal

    def _remember(self, key: str, until: float, principal: Principal | None) -> None:
        self._known[key] = until, principal
        self._known.move_to_end(key)
        if len(self._known) > CACHE_KEYS_MAX:
            self._known.popitem(last=False)


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
