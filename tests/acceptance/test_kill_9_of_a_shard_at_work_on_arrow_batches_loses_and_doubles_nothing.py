"""`kill -9` of a shard whose core is in its thread with batches of 32,768 rows, retry with the same keys: every payment exactly once."""

import asyncio
import io
import uuid
from pathlib import Path

import aiohttp
import numpy as np
import pyarrow as pa
import pytest

from bench.workload.payments import Ids, unit_body
from tests.acceptance.load import OPENING, Load
from tests.acceptance.running import KEY, RunningSwitch, audit_is_clean, running_switch

ROWS = 32_768
SENDERS = 3
KILLS = 4
APART_S = 0.025
"""A batch takes the shard 30 to 40 ms: the moments are spread over what it does."""
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/vnd.apache.arrow.stream"}


class Batches:
    """Clients that send batch after batch, each until all of it is posted."""

    def __init__(self, load: Load, http: aiohttp.ClientSession) -> None:
        self.moved = np.zeros(load.count, np.int64)
        self.answered = self.cut_off = 0
        self.stopped = False
        self.sent = asyncio.Event()
        self._http = http
        self._ids: Ids = np.frombuffer(b"".join(uuid.UUID(w).bytes for w in load.wallets), np.uint8).reshape(-1, 16)
        self._rng = np.random.default_rng(3)

    async def queue(self) -> None:
        while not self.stopped:
            payers = self._rng.integers(0, len(self._ids), ROWS)
            payees = (payers + self._rng.integers(1, len(self._ids), ROWS)) % len(self._ids)
            self.moved += np.bincount(payees, minlength=len(self.moved)) - np.bincount(
                payers, minlength=len(self.moved)
            )
            body = unit_body(self._ids[payers], self._ids[payees])
            headers = {**HEADERS, "Idempotency-Key": str(uuid.uuid4())}
            while not await self._posted(body, headers):
                self.cut_off += 1
            self.answered += 1

    async def _posted(self, body: bytes, headers: dict[str, str]) -> bool:
        self.sent.set()
        try:
            async with self._http.post("/v1/transfers/batch", data=io.BytesIO(body), headers=headers) as response:
                answer = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False
        if response.status != 200:
            assert response.status == 503, answer
            return False
        with pa.ipc.open_stream(answer) as reader:
            codes = np.asarray(reader.read_all()["code"])
        return not codes.any()


async def _killed(switch: RunningSwitch) -> Batches:
    async with Load(switch.url, 3) as load, aiohttp.ClientSession(switch.url) as http, asyncio.timeout(120):
        await load.prepare()
        batches = Batches(load, http)
        async with asyncio.TaskGroup() as queues:
            for _ in range(SENDERS):
                queues.create_task(batches.queue())
            for number in range(KILLS):
                answered = batches.answered
                while batches.answered < answered + SENDERS:
                    batches.sent.clear()
                    await batches.sent.wait()
                await asyncio.sleep(APART_S * number)
                await asyncio.to_thread(switch.kill, "shard")
                await asyncio.to_thread(switch.wait_ready)
            batches.stopped = True
        assert list((await load.balances()).values()) == (OPENING + batches.moved).tolist()
        return batches


@pytest.mark.slow
def test_kill_9_amid_arrow_batches(server_place: Path) -> None:
    with running_switch(server_place / "data", "--shards", "1", "--scorers", "0") as switch:
        batches = asyncio.run(_killed(switch))
        print(f"{batches.answered} batches, {batches.cut_off} sent again")
        assert batches.answered > KILLS * SENDERS
        audit_is_clean(switch)
