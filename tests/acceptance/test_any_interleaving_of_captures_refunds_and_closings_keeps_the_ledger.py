"""Captures, voids, expiries, refunds, linked groups, freezing and closing at the same time on the same wallets: no hold is spent twice, no
refund exceeds its payment, sums are zero, and the audit is clean."""

import asyncio
from pathlib import Path

import pytest

from tests.acceptance.interleaving import Interleaving
from tests.acceptance.running import RunningSwitch, audit_is_clean, running_switch

REQUESTS = 500
MANY_REQUESTS = 12_000
KILLS = 6


def _report(doing: Interleaving) -> None:
    done = {what: sum(a.what == what and a.done for a in doing.asked) for what in {a.what for a in doing.asked}}
    print(f"done {done}, not done {dict(doing.refused)}, closed {len(doing.closed)}, by status {doing.statuses}")
    assert all(done.get(what) for what in ("transfer", "hold", "capture", "void", "refund")), done


async def _interleaved(switch: RunningSwitch, seed: int, requests: int) -> None:
    async with Interleaving(switch.url, seed) as doing:
        await doing.prepare()
        await doing.run_for(requests)
        _report(doing)
        await doing.check()


async def _interleaved_and_killed(switch: RunningSwitch, seed: int) -> None:
    async with Interleaving(switch.url, seed) as doing:
        await doing.prepare()
        for _ in range(KILLS):
            busy = asyncio.create_task(doing.run_for(MANY_REQUESTS // KILLS))
            half = len(doing.asked) + MANY_REQUESTS // KILLS // 2
            while len(doing.asked) < half and not busy.done():
                await asyncio.sleep(0.02)
            await asyncio.to_thread(switch.kill, "shard")
            await busy
        assert 0 in doing.statuses or 503 in doing.statuses, "nothing was cut off: the kills proved nothing"
        _report(doing)
        await doing.check()


def test_everything_at_once_for_a_few_hundred_requests(shared_switch: RunningSwitch) -> None:
    asyncio.run(_interleaved(shared_switch, 2, REQUESTS))


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 2])
def test_everything_at_once_while_shards_are_killed(server_place: Path, shards: int) -> None:
    with running_switch(server_place / "data", "--shards", str(shards)) as switch:
        asyncio.run(_interleaved_and_killed(switch, 10 + shards))
        audit_is_clean(switch)
