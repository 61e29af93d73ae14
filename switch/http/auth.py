"""Authenticate and authorise: a key is looked up by its hash and must have a scope of the route.

It is remembered, in memory only, for less than a second.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from actors.stores.api_keys import Principal, key_hash
from switch.http.lookups import Lookups
from switch.problems.table import ProblemError

KEY_CHARACTERS_MAX: Final = 512
KEY_TTL_S: Final = 0.9
"""So long may a key work that was revoked: within a second no front door takes it."""

Find = Callable[[list[bytes]], Awaitable[dict[bytes, Principal]]]

_PREFIX: Final = "bearer "

WRITE_WALLETS: Final = frozenset({"admin"})
READ: Final = frozenset({"read", "admin"})
READ_DOCUMENTS: Final = frozenset({"read", "analyst", "admin"})
PUBLISH: Final = frozenset({"analyst", "admin"})
PAY: Final = frozenset({"pay"})
ASK: Final = READ | PAY
"""Of a payment: with the scope pay, of those that the account itself made."""
ANALYST: Final = frozenset({"analyst"})
MERCHANT: Final = frozenset({"merchant"})
HOLDER: Final = frozenset({"holder"})
CREDIT: Final = frozenset({"credit"})
PARTIES: Final = MERCHANT | HOLDER
"""Of consents and orders: each party sees what it is a party of."""
ERASE: Final = HOLDER | WRITE_WALLETS
PUBLISH_SCENARIOS: Final = CREDIT | {"admin"}
SEE_SCENARIOS: Final = READ_DOCUMENTS | PARTIES | CREDIT
WEBHOOKS: Final = frozenset({"webhooks", "admin"})
KEYS: Final = frozenset({"keys"})
SEE_KEYS: Final = KEYS | WRITE_WALLETS
AUDIT: Final = frozenset({"audit", "admin"})
IMPORT: Final = "import"


class Authenticator:
    """Whom keys speak for. A key that nobody made costs a share of a question to the database, and pushes out none that works."""

    def __init__(self, find: Find, clock: Callable[[], float]) -> None:
        self._principals: Lookups[bytes, Principal] = Lookups(find, clock, KEY_TTL_S)

    async def principal(self, authorization: str | None) -> Principal:
        """Whom an Authorization header speaks for. Raises ProblemError unauthenticated, overloaded, and what `find` raises."""
        principal = await self._principals.get(key_hash(_key_of(authorization)))
        if principal is None:
            raise ProblemError("unauthenticated", "The API key is not known, was revoked or has expired.")
        return principal

    def forget(self) -> None:
        """Somebody's binding has changed: whoever comes next is looked up anew, in this process."""
        self._principals.forget_all()


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
