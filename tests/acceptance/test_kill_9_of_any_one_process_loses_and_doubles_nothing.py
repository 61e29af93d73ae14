"""`kill -9` of any one process under load on two shards, restart, retry with the same keys: every payment exactly once."""

import asyncio
from pathlib import Path

import pytest

from tests.acceptance.load import Load
from tests.acceptance.running import RunningSwitch, audit_is_clean, running_switch

VICTIMS = ("shard", "scorer", "front door", "postgres", "raylet", "everything")
IN_SHORT = ("front door", "postgres", "everything")
"""Shards at work on batches and on orders, and scorers, are killed by tests of their own; what the death of a raylet ends is more than
the rest, less than everything."""


async def _killed_under_load(switch: RunningSwitch, victims: tuple[str, ...], seed: int, between_s: float) -> Load:
    async with Load(switch.url, seed) as load:
        await load.prepare()
        paying = asyncio.create_task(load.run())
        for victim in victims:
            before = len(load.payments)
            async with asyncio.timeout(60):
                while len(load.payments) < before + 200:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(between_s)
            await asyncio.to_thread(switch.kill, victim)
            async with load.unhurried():
                if victim in ("everything", "serve"):
                    await asyncio.to_thread(switch.start)
                await asyncio.sleep(0.2)
                await asyncio.to_thread(switch.wait_ready)
        load.stop()
        async with asyncio.timeout(60):
            await paying
        await load.check()
        print(f"{len(load.payments)} payments, answers by status {load.statuses}")
        return load


def test_kill_9_of_several_kinds_of_processes_in_turn(server_place: Path) -> None:
    with running_switch(server_place / "data", "--shards", "2") as switch:
        load = asyncio.run(_killed_under_load(switch, IN_SHORT, 1, 0.3))
        assert 0 in load.statuses, "no request was cut off: the kills came too late to prove anything"
        audit_is_clean(switch)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [*VICTIMS, "gcs", "node", "serve"])
def test_kill_9_of_one_process_again_and_again(server_place: Path, victim: str) -> None:
    with running_switch(server_place / "data", "--shards", "2") as switch:
        asyncio.run(_killed_under_load(switch, (victim,) * 5, 2, 1.0))
        audit_is_clean(switch)
