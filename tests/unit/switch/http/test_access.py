"""Whose wallets are whose: one row for each way in which an account stands to a transfer."""

from typing import Any

import numpy as np
import pytest

from actors.stores.api_keys import Bound, Principal
from switch.http.access import BOTH, NEITHER, Sides, WalletAccess, may_ask, may_void, sides_of

MINE, OWNERS, STRANGERS, NONE = 70_001, 70_002, 70_003, 0
ACCOUNT, OTHER = 5, 6
BOUND = Bound(frozenset({MINE}), frozenset({"ann"}), frozenset({"hotel"}))
ALONE = Bound(frozenset({MINE}), frozenset())
OWNER_OF = {OWNERS: "ann", STRANGERS: "bob"}


class Owners:
    """The table of owners; keeps what was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def find(self, addresses: list[int]) -> dict[int, str]:
        self.asked.append(addresses)
        return {address: OWNER_OF[address] for address in addresses if address in OWNER_OF}


def access() -> tuple[WalletAccess, Owners]:
    owners = Owners()
    return WalletAccess(owners.find, lambda: 0.0), owners


def principal(*scopes: str, bound: Bound | None = BOUND) -> Principal:
    return Principal(ACCOUNT, frozenset(scopes), bound)


def record(payer: int, payee: int, code: int = 0, caller: int = OTHER) -> dict[str, Any]:
    return {"payer": payer, "payee": payee, "code": code, "caller": caller}


@pytest.mark.parametrize(
    ("bound", "address", "own"),
    [
        (None, STRANGERS, True),
        (BOUND, MINE, True),
        (BOUND, OWNERS, True),
        (BOUND, STRANGERS, False),
        (BOUND, NONE, False),
        (ALONE, OWNERS, False),
    ],
)
async def test_an_account_owns_the_wallets_it_is_bound_to_and_those_of_its_owners(
    bound: Bound | None, address: int, own: bool
) -> None:
    assert await access()[0].owns(bound, address) is own


async def test_who_is_bound_to_no_owner_asks_no_database() -> None:
    wallets, owners = access()
    assert not await wallets.owns(ALONE, STRANGERS) and not (await wallets.own(ALONE, np.array([OWNERS]))).any()
    assert owners.asked == []


async def test_many_wallets_are_asked_about_once_each_and_answered_row_by_row() -> None:
    wallets, owners = access()
    rows = np.array([MINE, STRANGERS, OWNERS, NONE, OWNERS, MINE])
    assert (await wallets.own(BOUND, rows)).tolist() == [True, False, True, False, True, True]
    assert owners.asked == [[OWNERS, STRANGERS]]


@pytest.mark.parametrize(
    ("payer", "payee", "code", "sides"),
    [
        (MINE, STRANGERS, 0, Sides(True, False)),
        (STRANGERS, OWNERS, 0, Sides(False, True)),
        (MINE, OWNERS, 0, BOTH),
        (STRANGERS, STRANGERS, 0, NEITHER),
        (MINE, STRANGERS, 100, Sides(True, False)),
        (STRANGERS, MINE, 100, NEITHER),
        (MINE, MINE, 100, Sides(True, False)),
    ],
)
async def test_what_was_declined_concerns_who_would_have_paid_and_nobody_else(
    payer: int, payee: int, code: int, sides: Sides
) -> None:
    assert await access()[0].sides(principal("read"), record(payer, payee, code)) == sides
    assert sides_of(record(payer, payee, code), payer != STRANGERS, payee != STRANGERS) == sides


async def test_an_account_that_is_not_bound_stands_on_both_sides() -> None:
    assert await access()[0].sides(principal("read", bound=None), record(STRANGERS, STRANGERS, 100)) == BOTH


@pytest.mark.parametrize(
    ("scopes", "caller", "sides"),
    [
        (("pay",), ACCOUNT, BOTH),
        (("pay",), OTHER, NEITHER),
        (("read",), OTHER, BOTH),
        (("admin",), OTHER, BOTH),
        ((), OTHER, NEITHER),
    ],
)
async def test_who_may_only_pay_sees_only_what_it_did_itself(
    scopes: tuple[str, ...], caller: int, sides: Sides
) -> None:
    assert await access()[0].seen(principal(*scopes), record(MINE, OWNERS, caller=caller)) == sides


@pytest.mark.parametrize(
    ("sides", "caller", "may"),
    [
        (Sides(False, True), OTHER, True),
        (Sides(True, False), ACCOUNT, True),
        (Sides(True, False), OTHER, False),
        (NEITHER, ACCOUNT, False),
    ],
)
def test_a_hold_is_voided_by_whom_it_would_pay_or_by_who_made_it_of_its_own_money(
    sides: Sides, caller: int, may: bool
) -> None:
    assert may_void(sides, record(MINE, STRANGERS, caller=caller), ACCOUNT) is may


def test_a_merchants_key_asks_in_its_scenarios() -> None:
    assert may_ask(principal("merchant"), "hotel") and not may_ask(principal("merchant"), "car")
    assert may_ask(principal("merchant", bound=None), "car")


@pytest.mark.parametrize(
    ("scopes", "address", "holds"),
    [(("holder",), MINE, True), (("holder",), STRANGERS, False), (("read",), MINE, False)],
)
async def test_a_holders_key_speaks_for_its_wallets(scopes: tuple[str, ...], address: int, holds: bool) -> None:
    assert await access()[0].holds(principal(*scopes), address) is holds
