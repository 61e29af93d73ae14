"""Which wallets a bound account sees and moves.

An account that is not bound has all; docs/reference/access.md has the rules for people.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.stores.api_keys import Bound, Principal
from switch.http.auth import READ
from switch.http.lookups import Lookups


class Access(Enum):
    """How a route keeps bound accounts to their own wallets."""

    REFUSED = "bound accounts may not call it"
    WALLET = "the wallet in the path is their own"
    PAYER = "whoever pays is their own"
    TRANSFER = "the payer or the payee of the transfer is their own"
    FILTERED = "it shows what is their own"
    PARTY = "they are a party of it, by their scope holder or merchant"
    ACCOUNT = "it shows and changes what is the account's own"
    PUBLIC = "it shows nothing of any wallet"


class Sides(NamedTuple):
    """On which sides of a transfer an account stands."""

    payer: bool
    payee: bool


BOTH: Final = Sides(True, True)
NEITHER: Final = Sides(False, False)


def sides_of(record: Mapping[str, int], payer: bool, payee: bool) -> Sides:
    """Sides of a record, told whose wallets are one's own: what was declined concerns who would have paid, nobody else."""
    return Sides(payer, payee and record["code"] == 0)


def may_ask(principal: Principal, scenario: str) -> bool:
    """Whether a merchant's key may ask in a scenario."""
    return principal.bound is None or scenario in principal.bound.scenarios


def may_void(sides: Sides, record: Mapping[str, int], account: int) -> bool:
    """Whether an account may void a hold: who gives up the money, and who made the hold. Others who pay from the payer's wallet may not
    take from the payee what it was promised."""
    return sides.payee or (sides.payer and record["caller"] == account)


class WalletAccess:
    """Knows whose wallets are whose. `owners`: owners of wallets by address."""

    def __init__(self, owners: Callable[[list[int]], Awaitable[dict[int, str]]], clock: Callable[[], float]) -> None:
        self._owners: Lookups[int, str] = Lookups(owners, clock)

    async def owns(self, bound: Bound | None, address: int) -> bool:
        """Whether a wallet is an account's own. Raises StoreUnavailable, and ProblemError overloaded."""
        if bound is None or address in bound.wallets:
            return True
        return bool(bound.owners) and address > 0 and await self._owners.get(address) in bound.owners

    async def own(self, bound: Bound, addresses: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`owns` of many wallets (n,). Raises StoreUnavailable."""
        distinct, where = np.unique(addresses, return_inverse=True)
        mine = np.isin(distinct, np.array(list(bound.wallets), np.int64))
        others = distinct[~mine & (distinct > 0)].tolist()
        if bound.owners and others:
            owners = await self._owners.many(others)
            mine |= np.isin(distinct, [address for address, owner in owners.items() if owner in bound.owners])
        found: NDArray[np.bool_] = mine[where]
        return found

    async def holds(self, principal: Principal, address: int) -> bool:
        """Whether an account speaks for the holder of a wallet."""
        return "holder" in principal.scopes and await self.owns(principal.bound, address)

    async def sides(self, principal: Principal, record: Mapping[str, int]) -> Sides:
        """On which sides of a recorded transfer an account stands."""
        bound = principal.bound
        if bound is None:
            return BOTH
        return sides_of(record, await self.owns(bound, record["payer"]), await self.owns(bound, record["payee"]))

    async def seen(self, principal: Principal, record: Mapping[str, int]) -> Sides:
        """`sides` for who asks: with the scope pay alone, an account may ask after what it did itself."""
        if not principal.scopes & READ and record["caller"] != principal.account:
            return NEITHER
        return await self.sides(principal, record)
