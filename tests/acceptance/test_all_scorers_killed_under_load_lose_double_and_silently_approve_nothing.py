"""`kill -9` of all scorers at once under load: no payment lost, doubled or silently approved.

The live pack approves everything and its fallback is to decline, so a payment that no scorer decided shows. Every such decision is
flagged in the answer and in its record, is the pack's fallback, and is counted in /metrics.
"""

import asyncio
import contextlib
import time
from pathlib import Path

import psutil

from actors.database import embedded
from actors.database.connection import connect
from actors.records.codes import Code
from rules.decisions.decision import Action
from tests.acceptance.deciding import Deciding, metric
from tests.acceptance.running import REPLACED_WITHIN_S, RunningSwitch, running_switch, shardpay

SCORERS = 2
ROUNDS = 2
FALLBACKS = "shardpay_fallbacks_total"
CAREFUL = "name: careful\nfallback: decline\nrules: []\n"


def _all_scorers(switch: RunningSwitch) -> list[psutil.Process]:
    """Once those killed before are replaced."""
    deadline = time.monotonic() + REPLACED_WITHIN_S
    while len(found := switch.find("scorer")) < SCORERS:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def _kill_all_scorers(switch: RunningSwitch) -> None:
    victims = _all_scorers(switch)
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):  # a scorer that has ended of itself
            victim.kill()
    psutil.wait_procs(victims, timeout=10)


def _now(load: Deciding) -> int:
    """A moment from which on payments are begun."""
    load.moment += 1
    return load.moment


async def _while_load_runs(load: Deciding, what: str, fallback: bool, since: int = 0) -> None:
    """Until a payment begun since a moment, or from now on, was decided by the fallback, or by a scorer."""
    since = since or _now(load)
    async with asyncio.timeout(60):
        while not any(begun >= since and ("fallback" in d) == fallback for begun, d in load.decided.values()):
            await asyncio.sleep(0.05)
    print(f"{what}: {len(load.decided)} payments decided")


async def _killed_under_load(switch: RunningSwitch, seed: int) -> tuple[Deciding, float]:
    async with Deciding(switch.url, seed) as load:
        await load.prepare()
        deployed = await load.publish("careful", CAREFUL, "live")
        assert deployed["scorers"]["active"] == SCORERS
        before = await asyncio.to_thread(metric, switch.url, FALLBACKS)
        paying = asyncio.create_task(load.run())
        await _while_load_runs(load, "scorers decide", fallback=False)
        for number in range(ROUNDS):
            alive = _now(load)  # others are there within a second: what waits for the dead is decided by the fallback
            await asyncio.to_thread(_kill_all_scorers, switch)
            await _while_load_runs(load, f"round {number}, all scorers are dead", fallback=True, since=alive)
            async with load.unhurried():
                await _while_load_runs(load, f"round {number}, scorers decide again", fallback=False)
                await asyncio.to_thread(_all_scorers, switch)
            await _while_load_runs(load, f"round {number}, scorers decide all payments", fallback=False)
        load.stop()
        async with asyncio.timeout(60):
            await paying
        await load.check()
        counted = await asyncio.to_thread(metric, switch.url, FALLBACKS) - before
        return load, counted


async def _recorded(url: str) -> tuple[int, int]:
    """Records of the pack with the flag, and those among them that were declined."""
    connection = await connect(url, name="test")
    try:
        row = await connection.fetchrow(
            "SELECT count(*) AS flagged, count(*) FILTER (WHERE decision = $1 AND code = $2) AS declined"
            " FROM journal_record JOIN rule_pack ON number = pack"
            " WHERE rule_pack.name = 'careful' AND 'fallback' = ANY (flags)",
            int(Action.DECLINE),
            int(Code.DECLINED),
        )
        return row["flagged"], row["declined"]
    finally:
        await connection.close()


def test_all_scorers_killed_under_load_lose_double_and_silently_approve_nothing(server_place: Path) -> None:
    data = server_place / "data"
    with running_switch(data, "--shards", "2", "--scorers", str(SCORERS)) as switch:
        load, counted = asyncio.run(_killed_under_load(switch, 5))
        switch.stop()
    decisions = [decision for _, decision in load.decided.values()]
    fallen = [decision for decision in decisions if "fallback" in decision]
    print(f"{len(decisions)} payments, {len(fallen)} decided by the fallback, answers by status {load.statuses}")
    assert {decision["pack"] for decision in decisions} == {"careful@1"}
    assert {decision["action"] for decision in fallen} == {"decline"}
    assert {decision["action"] for decision in decisions if "fallback" not in decision} == {"approve"}
    # Whoever got 503 asks again and gets the recorded result; only first answers are counted.
    assert len(fallen) - load.statuses.get(503, 0) <= counted <= len(fallen)
    server = embedded.start(data)
    try:
        assert asyncio.run(_recorded(server.url)) == (len(fallen), len(fallen))
    finally:
        server.stop()
    audit = shardpay("audit", "--data", str(data), "--json")
    assert audit.returncode == 0, audit.stdout + audit.stderr
