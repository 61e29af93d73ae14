"""Where a transfer's home is."""

import asyncio

import numpy as np
import pytest

from actors.database.pool import StoreUnavailable
from actors.records.addresses import home_wallet, wallet_address
from switch.gateway import routing
from switch.gateway.routing import UNKNOWN, Topology

OPERATOR, OTHER_OPERATOR = wallet_address(0, 1024), wallet_address(0, 1025)
USER, PAYEE, NOBODY = wallet_address(7, 3), wallet_address(8, 4), wallet_address(9, 1)

HOMES = [
    (USER, PAYEE, 1),
    (PAYEE, USER, 2),
    (USER, OPERATOR, 1),
    (OPERATOR, USER, 1),
    (OPERATOR, PAYEE, 2),
    (OPERATOR, OTHER_OPERATOR, OPERATOR % 3),
    (OTHER_OPERATOR, OPERATOR, OTHER_OPERATOR % 3),
    (OPERATOR, 0, OPERATOR % 3),
    (USER, 0, 1),
    (NOBODY, USER, UNKNOWN),
    (OPERATOR, NOBODY, UNKNOWN),
]


async def topology() -> Topology:
    async def load() -> dict[int, int]:
        return {7: 1, 8: 2}

    made = Topology(3, load)
    await made.refresh()
    return made


async def test_the_payer_names_the_home_unless_an_operator_pays_a_user() -> None:
    known = await topology()
    for payer, payee, home in HOMES:
        assert known.home(payer, payee) == home, (payer, payee)
        assert await known.home_of(payer, payee) == home


async def test_many_homes_are_the_homes_of_each() -> None:
    known = await topology()
    payers, payees, homes = np.array(HOMES, np.int64).T
    assert known.homes(payers, payees).tolist() == homes.tolist()


async def test_an_unknown_segment_is_looked_up_once_for_all_who_ask() -> None:
    loads = 0

    async def load() -> dict[int, int]:
        nonlocal loads
        loads += 1
        return {7: 1}

    fresh = Topology(3, load)
    assert await fresh.owner_of(USER) == 1
    assert await fresh.home_of(USER, PAYEE) == 1
    assert loads == 1
    assert await fresh.owner_of(PAYEE) == UNKNOWN
    assert loads == 3


def test_keys_are_bound_to_the_home_wallet() -> None:
    assert home_wallet(USER, OPERATOR) == USER
    assert home_wallet(OPERATOR, USER) == USER
    assert home_wallet(OPERATOR, OTHER_OPERATOR) == OPERATOR


async def test_a_segment_that_a_database_lost_and_gave_to_another_shard_is_that_shards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routing, "READ_EVERY_S", 0.001)
    kept = {7: 1, 8: 2}
    lost = asyncio.Event()

    async def load() -> dict[int, int]:
        if lost.is_set():
            lost.clear()
            raise StoreUnavailable("it fails over")
        return dict(kept)

    known = Topology(3, load)
    await known.refresh()
    following = asyncio.create_task(known.follow())
    try:
        lost.set()
        del kept[7]
        async with asyncio.timeout(60):
            while known.owner(USER) != UNKNOWN:
                await asyncio.sleep(0.001)
        kept[7] = 2
        async with asyncio.timeout(60):
            while known.home(USER, PAYEE) != 2:
                await asyncio.sleep(0.001)
        assert known.home(OPERATOR, OTHER_OPERATOR) == OPERATOR % 3
    finally:
        following.cancel()
