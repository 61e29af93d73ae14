"""A leg is looked for in the journal of its shard, from the time of its movement on."""

from collections.abc import AsyncIterator

import pytest

from actors.records.ids import decode_transfer
from switch.views.legs import leg_of
from tests.front_door import RunningSwitch, running_switch
from tests.integration.switch.api.test_transfer_events import apart, landed


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_a_leg_is_looked_for_from_its_time_on(switch: RunningSwitch) -> None:
    ann, shop = await apart(switch)
    paid = (await switch.pay(ann, shop, 700)).json
    found = await landed(switch, paid["id"], 2)
    shard, leg = found["legs"][1]["shard"], found["legs"][1]["id"]
    movement = decode_transfer(switch.services.secret, paid["id"])
    expected = decode_transfer(switch.services.secret, leg)
    rows = await switch.pool.fetch("event_heads", [shard])
    for time_ms in (0, 1):
        assert await switch.pool.fetchval("block_since", shard, time_ms) == 1
    assert await switch.pool.fetchval("block_since", shard, 2**62) == rows[0]["block"] + 1
    assert await leg_of(switch.pool, shard, movement, 0) == expected
    assert await leg_of(switch.pool, shard, movement, 2**61) is None
    assert await leg_of(switch.pool, 99, movement, 0) is None
    assert await leg_of(switch.pool, shard, movement + 1, 0) is None
