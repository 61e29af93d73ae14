"""Versions of a pack made live one after the other under load, three scorers: no payment is lost, and each carries exactly the version
that decided it.

Version n gives 100 + n points, so a decision that names another version than the one that made it shows. Once the publisher was told that
all scorers have a version, no older one decides any more; none decides before it was published.
"""

import asyncio
from pathlib import Path

import pytest

from tests.acceptance.deciding import Deciding
from tests.acceptance.running import RunningSwitch, running_switch, shardpay

SCORERS = 3
VERSIONS = 6


def _text(version: int) -> str:
    rule = f"rules:\n  - id: all\n    when: amount >= 1\n    action: approve\n    points: {100 + version}\n"
    return f"name: swapped\nfallback: decline\n{rule}"


async def _published_under_load(switch: RunningSwitch, seed: int) -> Deciding:
    async with Deciding(switch.url, seed) as load:
        await load.prepare()
        await load.publish("swapped", _text(1), "live")
        load.moment = 1
        paying = asyncio.create_task(load.run())
        for version in range(2, VERSIONS + 1):
            before = len(load.decided)
            async with asyncio.timeout(60):
                while len(load.decided) < before + 100:
                    await asyncio.sleep(0.05)
            deployed = await load.publish("swapped", _text(version), "live")
            assert (deployed["version"], deployed["scorers"]["active"]) == (version, SCORERS)
            load.moment = version
        load.stop()
        async with asyncio.timeout(60):
            await paying
        await load.check()
        return load


@pytest.mark.slow
def test_packs_published_under_load_lose_and_misattribute_nothing(server_place: Path) -> None:
    data = server_place / "data"
    with running_switch(data, "--shards", "2", "--scorers", str(SCORERS)) as switch:
        load = asyncio.run(_published_under_load(switch, 6))
        switch.stop()
        audit = shardpay("audit", "--data", str(data), "--json")
        assert audit.returncode == 0, audit.stdout + audit.stderr
    versions = {decision["pack"] for _, decision in load.decided.values()}
    assert versions >= {f"swapped@{version}" for version in range(1, VERSIONS)}
    print(f"{len(load.decided)} payments decided by {sorted(versions)}")
    for begun, decision in load.decided.values():
        version = int(decision["pack"].removeprefix("swapped@"))
        assert decision["points"] == 100 + version
        assert begun <= version
        assert "fallback" not in decision
