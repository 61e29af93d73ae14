"""Reads are gathered."""

import asyncio
from typing import Any

import numpy as np
import pytest

from actors.records.layout import WALLET
from actors.rpc.interface import ShardUnavailable
from switch.gateway.read_queue import QUEUE_ADDRESSES_MAX, Reader


class Shard:
    """Gives wallets whose held amount is their address."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def wallets(self, addresses: Any) -> Any:
        self.calls.append(addresses.tolist())
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        rows = np.zeros(len(addresses), WALLET)
        rows["held"] = addresses
        return rows


async def test_reads_share_calls_and_get_their_own_rows() -> None:
    shard = Shard()
    reader = Reader(shard.wallets, 5.0)
    waiting = []
    for i in range(6):
        waiting.append(asyncio.create_task(reader.read(np.array([i, i + 100]))))
        for _ in range(4):
            await asyncio.sleep(0)
    shard.gate.set()
    rows = await asyncio.gather(*waiting)
    assert [each["held"].tolist() for each in rows] == [[i, i + 100] for i in range(6)]
    assert [len(call) for call in shard.calls] == [2, 2, 8]
    await reader.close()


async def test_a_lost_or_late_read_fails_all_that_wait_for_it() -> None:
    shard = Shard()
    reader = Reader(shard.wallets, 0.02)
    with pytest.raises(ShardUnavailable):
        await reader.read(np.array([1]))
    shard.gate.set()
    shard.error = ShardUnavailable(True)
    reads = (reader.read(np.array([i])) for i in range(3))
    outcomes = await asyncio.gather(*reads, return_exceptions=True)
    assert all(isinstance(outcome, ShardUnavailable) for outcome in outcomes)
    await reader.close()


async def test_the_queue_is_bounded() -> None:
    reader = Reader(Shard().wallets, 5.0)
    with pytest.raises(ShardUnavailable) as refused:
        await reader.read(np.zeros(QUEUE_ADDRESSES_MAX + 1, np.int64))
    assert refused.value.not_sent
