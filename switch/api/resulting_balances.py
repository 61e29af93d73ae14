"""Payer and payee after a payment, where its caller asks for them and may read them."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from actors.records.layout import OPERATOR_KINDS
from actors.stores.api_keys import Principal
from switch.http.access import WalletAccess
from switch.http.auth import READ
from switch.http.call import Call
from switch.problems.table import ProblemError, invalid_query
from switch.views.representations import Balance, BalanceAfter, Balances


class BalanceServices(Protocol):
    """Whose a wallet is, and how it stands."""

    access: WalletAccess

    async def balances(self, addresses: Iterable[int]) -> dict[int, Balance]:
        """`Services.balances`."""


def asks_for_balances(call: Call) -> bool:
    """Whether the query asks for balances. Raises ProblemError invalid_query, and forbidden for a key that may not read."""
    text = call.query().get("balances", "false")
    if text not in ("true", "false"):
        raise invalid_query("balances", "true or false is expected")
    if text == "true" and not call.principal.scopes & READ:
        raise ProblemError("forbidden", f"Balances need the scope {' or '.join(sorted(READ))}.")
    return text == "true"


async def balances_after(
    services: BalanceServices,
    principal: Principal,
    wallets: Sequence[int],
    changes: Sequence[tuple[int, int]] = ((0, 0),) * 2,
) -> Balances:
    """Payer and payee (addresses) as they stand, with these changes of what is posted and held; None for one that the key may not read.
    Raises ProblemError timeout."""
    reads = bool(principal.scopes & READ)
    seen = [reads and await services.access.owns(principal.bound, wallet) for wallet in wallets]
    found = await services.balances({wallet for wallet, shown in zip(wallets, seen, strict=True) if shown})
    payer, payee = (
        _changed(found[wallet], *change) if shown and wallet in found else None
        for wallet, shown, change in zip(wallets, seen, changes, strict=True)
    )
    return Balances(payer=payer, payee=payee)


def _changed(balance: Balance, posted: int, held: int) -> BalanceAfter:
    posted, held = balance.posted + posted, balance.held + held
    available = None if balance.kind in OPERATOR_KINDS else posted - held - balance.floor
    return BalanceAfter(posted=posted, held=held, available=available)
