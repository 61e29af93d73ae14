"""Payer and payee after a payment: shown to a key that may read, of wallets that are its own, with what the payment changed."""

from collections.abc import Iterable
from typing import Any, cast

import pytest

from actors.stores.api_keys import Bound, Principal
from rules.vocabulary.encodings import WalletKind
from switch.api.resulting_balances import asks_for_balances, balances_after
from switch.http.access import WalletAccess
from switch.problems.table import ProblemError
from switch.views.representations import Balance, BalanceAfter, Balances

USER, SHOP, BANK, CLOSED = 70_001, 70_002, 1_024, 70_009


def balance(kind: WalletKind, posted: int, held: int = 0, floor: int = 0) -> Balance:
    return Balance(currency=978, kind=int(kind), status=1, tier=0, posted=posted, held=held, floor=floor, opened=1)


class Services:
    """Two wallets of people, one of an operator; keeps what was asked for."""

    def __init__(self) -> None:
        async def owners(addresses: list[int]) -> dict[int, str]:
            return {}

        self.access = WalletAccess(owners, lambda: 0.0)
        self.asked: list[set[int]] = []

    async def balances(self, addresses: Iterable[int]) -> dict[int, Balance]:
        self.asked.append(set(addresses))
        known = {
            USER: balance(WalletKind.USER, 1_000, 300, -50),
            SHOP: balance(WalletKind.MERCHANT, 20),
            BANK: balance(WalletKind.EXTERNAL, -5_000),
        }
        return {address: known[address] for address in self.asked[-1] if address in known}


def principal(*scopes: str, wallets: Iterable[int] | None = None) -> Principal:
    return Principal(5, frozenset(scopes), None if wallets is None else Bound(frozenset(wallets), frozenset()))


async def after(who: Principal, *wallets: int, **more: Any) -> tuple[Balances, set[int]]:
    services = Services()
    shown = await balances_after(cast(Any, services), who, wallets, **more)
    return shown, services.asked[0]


async def test_a_wallet_has_available_what_is_neither_held_nor_below_its_floor() -> None:
    shown, _ = await after(principal("read"), USER, SHOP)
    assert shown.payer == BalanceAfter(posted=1_000, held=300, available=750)
    assert shown.payee == BalanceAfter(posted=20, held=0, available=20)


async def test_nothing_is_available_in_an_operators_wallet() -> None:
    shown, _ = await after(principal("admin"), BANK, CLOSED)
    assert shown == Balances(payer=BalanceAfter(posted=-5_000, held=0, available=None), payee=None)


async def test_a_preview_shows_what_the_payment_would_change() -> None:
    shown, _ = await after(principal("read"), USER, SHOP, changes=((0, 100), (25, 0)))
    assert shown.payer == BalanceAfter(posted=1_000, held=400, available=650)
    assert shown.payee == BalanceAfter(posted=45, held=0, available=45)


@pytest.mark.parametrize(
    ("who", "asked"), [(principal("pay"), set()), (principal("read", wallets=[SHOP]), {SHOP})], ids=["pays", "bound"]
)
async def test_a_wallet_that_the_key_may_not_read_is_not_even_asked_for(who: Principal, asked: set[int]) -> None:
    shown, found = await after(who, USER, SHOP)
    assert shown.payer is None and (shown.payee is not None) is bool(asked) and found == asked


class Call:
    """A query and who asks."""

    def __init__(self, who: Principal, **query: str) -> None:
        self.principal = who
        self.query = lambda: query


def test_balances_are_asked_for_in_the_query_by_who_may_read() -> None:
    assert asks_for_balances(cast(Any, Call(principal("read"), balances="true")))
    assert not asks_for_balances(cast(Any, Call(principal("pay"))))
    assert not asks_for_balances(cast(Any, Call(principal("pay"), balances="false")))


@pytest.mark.parametrize(
    ("who", "text", "code"), [(principal("read"), "yes", "invalid_query"), (principal("pay"), "true", "forbidden")]
)
def test_a_wrong_word_and_a_key_that_may_not_read_are_refused(who: Principal, text: str, code: str) -> None:
    with pytest.raises(ProblemError) as raised:
        asks_for_balances(cast(Any, Call(who, balances=text)))
    assert raised.value.code == code
