"""Legs are looked for in the journals of their shards, from the times of their movements on."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from actors.records.ids import decode_transfer
from switch.views.legs import LOOKS, Sought, legs_of
from tests.front_door import RunningSwitch, running_switch
from tests.integration.switch.api.test_transfer_events import apart, landed


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_legs_are_looked_for_from_their_time_on_all_at_once(switch: RunningSwitch) -> None:
    ann, shop = await apart(switch)
    paid = [(await switch.pay(ann, shop, amount)).json["id"] for amount in (700, 701, 702)]
    pages = [await landed(switch, each, 2) for each in paid]
    credits = [page["data"][0]["legs"][1] for page in pages]
    shard = credits[0]["shard"]
    secret = switch.services.secret
    movements = [decode_transfer(secret, each) for each in paid]
    expected = {movement: decode_transfer(secret, leg["id"]) for movement, leg in zip(movements, credits, strict=True)}
    asked: list[str] = []

    async def fetch(name: str, *values: Any, **more: Any) -> Any:
        asked.append(name)
        return await switch.pool.fetch(name, *values, **more)

    pool: Any = SimpleNamespace(fetch=fetch)
    assert await legs_of(pool, [Sought(each, 0, shard) for each in movements]) == expected
    assert asked == ["blocks_since", "legs_in"], "two statements for all of them"
    for lost in (Sought(movements[0], 2**61, shard), Sought(movements[1] + 1, 0, shard)):
        asked.clear()
        assert await legs_of(pool, [lost]) == {} and len(asked) == 2 * len(LOOKS)
    asked.clear()
    assert await legs_of(pool, [Sought(movements[0], 0, 99)]) == {} and asked == ["blocks_since"], "an empty journal"
    assert await legs_of(pool, []) == {} and len(asked) == 1


async def test_where_a_journal_is_at_a_time_is_found_by_halves(switch: RunningSwitch) -> None:
    await apart(switch)
    heads = {row["shard"]: row["block"] for row in await switch.pool.fetch("event_heads", [0, 1])}
    rows = await switch.pool.fetch("blocks_since", [0, 1, 0, 99], [0, 1, 2**62, 0])
    assert [(row["shard"], row["block"]) for row in rows] == [(0, 1), (1, 1), (0, heads[0] + 1)]
