"""An orderly end of a node."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from switch.cluster import Cluster, _Watched


class _Actor:
    """In place of a handle of Ray: `drain.remote()`."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self.drain = self
        self.remote = work


async def test_shards_are_drained_after_the_doors_and_at_once_and_a_dead_one_keeps_no_other_from_it() -> None:
    heard: list[str] = []
    both = asyncio.Barrier(2)

    async def door() -> None:
        heard.append("door")

    async def shard() -> None:
        heard.append("shard")
        await both.wait()
        heard.append("drained")

    async def dead() -> None:
        raise RuntimeError("the actor died")

    spec: Any = None
    cluster = Cluster(spec, None)
    cluster.doors = [_Watched(_Actor(dead)), _Watched(_Actor(door))]
    cluster.shards = {number: _Watched(_Actor(work)) for number, work in enumerate((dead, shard, shard))}
    async with asyncio.timeout(5):
        await cluster.drain()
    assert heard == ["door", "shard", "shard", "drained", "drained"]
