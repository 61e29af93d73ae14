"""An audit of a journal with some of everything finds nothing, and finds each flipped byte."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from actors.audit.audit import audit_database
from actors.database.connection import connect
from tests.front_door import RunningSwitch, running_switch
from tests.payments import act, funded, group, hold, money, row


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def lively(switch: RunningSwitch) -> None:
    """Some of everything, on several shards."""
    _, payer = await funded(switch, 5_000)
    shops = [await switch.wallet("merchant") for _ in range(3)]
    fees = await switch.wallet("fee")
    for i, shop in enumerate(shops):
        held = await hold(switch, payer, shop, 300, expires_in=1 if i == 2 else 60)
        if i < 2:
            captured = (await act(switch, held["id"], "capture", f"c{i}", amount=100, final=bool(i))).json["id"]
            assert (await act(switch, captured, "refund", f"s{i}", amount=30)).status == 201
        if i == 0:
            assert (await act(switch, held["id"], "void", "v")).status == 201
        assert (await switch.pay(payer, shop, 10)).status == 201
        await group(switch, [row(payer, shop, 20, f"g{i}"), row(payer, fees, 2, f"h{i}")])
    async with asyncio.timeout(60):
        while (await money(switch, payer))[1]:
            await asyncio.sleep(0.05)


async def test_an_audit_of_everything_finds_nothing_and_then_each_flipped_byte(switch: RunningSwitch) -> None:
    await lively(switch)
    report = await audit_database(switch.database_url)
    assert report.differences == []
    assert (report.holds, report.captures, report.refunds) == (3, 2, 2)
    connection = await connect(switch.database_url, name="test")
    try:
        blocks = await connection.fetch("SELECT shard, block, length(records) AS size FROM journal ORDER BY 1, 2")
        dice = random.Random(7)
        for block in dice.sample(blocks, 25):
            byte, bit = dice.randrange(block["size"]), 1 << dice.randrange(8)
            flip = "UPDATE journal SET records = set_byte(records, $3, get_byte(records, $3) # $4) WHERE shard = $1 AND block = $2"
            place = (block["shard"], block["block"], byte, bit)
            await connection.execute(flip, *place)
            stated = (await audit_database(switch.database_url)).differences
            assert any(f"shard {block['shard']} block {block['block']}" in text for text in stated), (place, stated)
            await connection.execute(flip, *place)
        assert (await audit_database(switch.database_url)).differences == []
        for table in ("reference", "anchor"):
            await connection.execute(
                "INSERT INTO reference VALUES (5, 6)"
                if table == "reference"
                else "INSERT INTO anchor VALUES (5, 0, 1, 6)"
            )
            assert any(f"table {table}" in text for text in (await audit_database(switch.database_url)).differences)
            await connection.execute(f"DELETE FROM {table} WHERE record = 6")
    finally:
        await connection.close()
