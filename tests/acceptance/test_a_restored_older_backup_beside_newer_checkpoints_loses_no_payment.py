"""An older backup restored beside checkpoints that are newer: every payment answered since then arrives, whoever was idle meanwhile.

A checkpoint keeps how far its shard has read the journals of others. Those are shorter after the restore, and go on differently.
"""

import asyncio
import shutil
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.acceptance.running import KEY, RunningSwitch, audit_is_clean, running_switch, shardpay

LOCAL_PAYMENTS = 60
ARRIVES_WITHIN_S = 20.0


class Caller:
    """Pays over HTTP, each payment under a key of its own."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": str(uuid.uuid4())}
        async with self._http.request(method, path, json=body, headers=headers) as response:
            answer = await response.json()
            assert response.status in (200, 201), answer
            return answer

    async def wallet(self, kind: str = "user") -> str:
        return str((await self.call("POST", "/v1/wallets", {"kind": kind, "currency": "EUR"}))["id"])

    async def pay(self, payer: str, payee: str, amount: int) -> None:
        body = {"payer": payer, "payee": payee, "amount": amount, "currency": "EUR"}
        assert (await self.call("POST", "/v1/transfers", body))["status"] == "posted"

    async def posted(self, wallet: str) -> int:
        return int((await self.call("GET", f"/v1/wallets/{wallet}"))["posted"])

    async def arrived(self, wallet: str, posted: int) -> None:
        """Wait until a wallet has so much."""
        async with asyncio.timeout(ARRIVES_WITHIN_S):
            while await self.posted(wallet) != posted:
                await asyncio.sleep(0.05)


async def _two_on_each_shard(caller: Caller) -> list[list[str]]:
    """Wallets by shard."""
    for _ in range(20):
        await caller.wallet()
        by_shard: dict[int, list[str]] = {0: [], 1: []}
        page = await caller.call("GET", "/v1/events?types=wallet.opened&limit=100")
        for event in page["data"]:
            if event["data"]["kind"] == "user":
                by_shard[event["shard"]].append(event["data"]["id"])
        if min(map(len, by_shard.values())) >= 2:
            return [by_shard[0], by_shard[1]]
    raise AssertionError("one shard got all wallets")


async def _before(switch: RunningSwitch, backup: Path, active: tuple[int, ...]) -> list[list[str]]:
    async with aiohttp.ClientSession(switch.url) as http:
        caller = Caller(http)
        bank, wallets = await caller.wallet("external"), await _two_on_each_shard(caller)
        for mine, others in (wallets, wallets[::-1]):
            await caller.pay(bank, mine[0], 10_000)
            await caller.pay(mine[0], others[1], 1)
        for mine in wallets:
            await caller.arrived(mine[1], 1)
        done = await asyncio.to_thread(shardpay, "backup", "--output", str(backup), "--data", str(switch.data))
        assert done.returncode == 0, done.stderr
        for _ in range(LOCAL_PAYMENTS):
            for shard in active:
                await caller.pay(wallets[shard][0], wallets[shard][1], 1)
        await asyncio.sleep(1.5)  # idle shards are sent the others' newest blocks each second
        return wallets


async def _after(switch: RunningSwitch, wallets: list[list[str]]) -> None:
    async with aiohttp.ClientSession(switch.url) as http:
        caller = Caller(http)
        for mine in wallets:
            assert await caller.posted(mine[1]) == 1, "what came after the backup is gone"
        for mine, others in (wallets, wallets[::-1]):
            for _ in range(5):
                await caller.pay(mine[0], others[1], 100)
        for mine in wallets:
            await caller.arrived(mine[1], 501)


@pytest.mark.parametrize(
    "active",
    [
        (0,),
        pytest.param((1,), marks=pytest.mark.slow),
        pytest.param((0, 1), marks=pytest.mark.slow),
        pytest.param((), marks=pytest.mark.slow),
    ],
    ids=["the first shard pays on", "the second pays on", "both pay on", "both are idle"],
)
def test_payments_after_the_restore_arrive(tmp_path: Path, active: tuple[int, ...]) -> None:
    with running_switch(tmp_path / "data", "--shards", "2", "--scorers", "0") as switch:
        wallets = asyncio.run(_before(switch, tmp_path / "backup", active))
        switch.stop()
        shutil.rmtree(switch.data / "postgres")
        restored = shardpay("restore", "--input", str(tmp_path / "backup"), "--data", str(switch.data))
        assert restored.returncode == 0, restored.stderr
        switch.start()
        asyncio.run(_after(switch, wallets))
        audit_is_clean(switch)
