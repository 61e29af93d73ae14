"""Keys are remembered for a short time only."""

import asyncio

import pytest

from actors.database.pool import StoreUnavailable
from actors.stores.api_keys import Principal, key_hash
from switch.http.auth import KEY_TTL_S, Authenticator, demand, demand_import
from switch.http.lookups import KNOWN_MAX, REFRESH_S, WANTED_MAX
from switch.problems.table import ProblemError

PRINCIPAL = Principal(3, frozenset({"pay"}))


class Store:
    def __init__(self) -> None:
        self.keys = {key_hash("good"): PRINCIPAL}
        self.asked = 0
        self.now = 100.0
        self.gate = asyncio.Event()
        self.gate.set()

    async def find(self, hashes: list[bytes]) -> dict[bytes, Principal]:
        self.asked += 1
        await self.gate.wait()
        return {hashed: self.keys[hashed] for hashed in hashes if hashed in self.keys}


async def test_a_key_is_looked_up_once_until_it_has_to_be_again() -> None:
    store = Store()
    authenticator = Authenticator(store.find, lambda: store.now)
    for _ in range(3):
        assert await authenticator.principal("Bearer good") is PRINCIPAL
    assert store.asked == 1
    store.keys.clear()
    store.now += KEY_TTL_S
    with pytest.raises(ProblemError) as problem:
        await authenticator.principal("bearer  good")
    assert problem.value.code == "unauthenticated"


async def test_a_key_in_use_is_looked_up_before_it_has_to_be_and_nobody_waits_for_that() -> None:
    store = Store()
    authenticator = Authenticator(store.find, lambda: store.now)
    await authenticator.principal("Bearer good")
    store.now += KEY_TTL_S - REFRESH_S / 2
    store.gate.clear()
    for _ in range(3):
        assert await authenticator.principal("Bearer good") is PRINCIPAL
        await asyncio.sleep(0)
    assert store.asked == 2
    store.gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    store.now += KEY_TTL_S / 2
    store.gate.clear()
    assert await authenticator.principal("Bearer good") is PRINCIPAL


async def test_keys_that_nobody_made_share_questions_and_push_no_key_out() -> None:
    store = Store()
    authenticator = Authenticator(store.find, lambda: store.now)
    await authenticator.principal("Bearer good")
    store.gate.clear()
    flood = [asyncio.create_task(authenticator.principal(f"Bearer bad{i}")) for i in range(1_000)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    store.gate.set()
    refused = await asyncio.gather(*flood, return_exceptions=True)
    assert {error.code for error in refused if isinstance(error, ProblemError)} == {"unauthenticated"}
    assert store.asked == 2, "one for the good key, one for all others"
    for i in range(KNOWN_MAX + 1):
        with pytest.raises(ProblemError):
            await authenticator.principal(f"Bearer other{i}")
    asked = store.asked
    assert await authenticator.principal("Bearer good") is PRINCIPAL
    assert store.asked == asked


async def test_beyond_the_bound_only_a_key_that_worked_waits_for_the_database() -> None:
    store = Store()
    authenticator = Authenticator(store.find, lambda: store.now)
    await authenticator.principal("Bearer good")
    store.now += KEY_TTL_S
    store.gate.clear()
    first = asyncio.create_task(authenticator.principal("Bearer bad"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    flood = [asyncio.create_task(authenticator.principal(f"Bearer bad{i}")) for i in range(WANTED_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(ProblemError) as problem:
        await authenticator.principal("Bearer one more")
    assert problem.value.code == "overloaded"
    good = asyncio.create_task(authenticator.principal("Bearer good"))
    await asyncio.sleep(0)
    store.gate.set()
    assert await good is PRINCIPAL
    await asyncio.gather(first, *flood, return_exceptions=True)


async def test_when_the_store_is_away_each_that_waits_is_told_and_the_next_asks_again() -> None:
    store = Store()
    failing = True

    async def find(hashes: list[bytes]) -> dict[bytes, Principal]:
        if failing:
            raise StoreUnavailable("away")
        return await store.find(hashes)

    authenticator = Authenticator(find, lambda: store.now)
    shown = await asyncio.gather(*(authenticator.principal(f"Bearer {i}") for i in range(3)), return_exceptions=True)
    assert [type(error) for error in shown] == [StoreUnavailable] * 3
    failing = False
    assert await authenticator.principal("Bearer good") is PRINCIPAL


@pytest.mark.parametrize("header", [None, "", "good", "Bearer", "Bearer ", "Basic good", "Bearer " + "x" * 600])
async def test_other_headers_ask_nobody(header: str | None) -> None:
    store = Store()
    with pytest.raises(ProblemError):
        await Authenticator(store.find, lambda: store.now).principal(header)
    assert store.asked == 0


def test_a_scope_is_demanded() -> None:
    demand(PRINCIPAL, frozenset({"pay", "admin"}))
    with pytest.raises(ProblemError) as problem:
        demand(PRINCIPAL, frozenset({"read", "admin"}))
    assert problem.value.code == "forbidden"
    with pytest.raises(ProblemError):
        demand_import(PRINCIPAL)
