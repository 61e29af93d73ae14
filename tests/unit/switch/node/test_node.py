"""An orderly end of a node."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ray.exceptions import RayActorError

from actors.process.ray_cluster import RayOptions, RayRuntime
from actors.rpc.members import Members
from switch.node.front_door_actor import FrontDoorStatus
from switch.node.node import ORPHAN_EXIT, Cluster, _run, _Watched
from switch.node.settings import Settings
from switch.node.spec import NodeSpec
from tests.logged import messages


class _Actor:
    """In place of a handle of Ray: `drain.remote()` and `connect.remote(members)`."""

    def __init__(self, work: Callable[..., Awaitable[None]]) -> None:
        self.drain = self.connect = self
        self.remote = work


async def test_shards_are_drained_after_the_doors_and_at_once_and_a_dead_one_keeps_no_other_from_it() -> None:
    heard: list[str] = []
    both = asyncio.Barrier(2)

    async def front_door() -> None:
        heard.append("door")

    async def shard() -> None:
        heard.append("shard")
        await both.wait()
        heard.append("drained")

    async def dead() -> None:
        raise RuntimeError("the actor died")

    spec: Any = None
    cluster = Cluster(spec, None)
    cluster.front_doors = {0: _Watched(_Actor(dead)), 1: _Watched(_Actor(front_door))}
    cluster.shards = {number: _Watched(_Actor(work)) for number, work in enumerate((dead, shard, shard))}
    async with asyncio.timeout(60):
        await cluster.drain()
    assert heard == ["door", "shard", "shard", "drained", "drained"]


async def test_a_status_that_fails_for_another_reason_than_a_death_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures: list[Exception] = [RayActorError(), ValueError("a bug"), ValueError("a bug"), ValueError("another")]

    async def status() -> None:
        raise failures.pop(0)

    spec: Any = None
    cluster = Cluster(spec, None)
    while failures:
        await cluster._spawn("status", status())
    assert messages(caplog, "switch.node.node") == ["status failed"] * 2


async def test_leaving_is_told_to_all_as_a_new_version_of_the_whole_state() -> None:
    shown: list[Members] = []

    async def connect(members: Members) -> None:
        shown.append(members)

    spec: Any = None
    cluster = Cluster(spec, None)
    actor = _Actor(connect)
    cluster.front_doors, cluster.shards = {0: _Watched(actor), 1: _Watched(actor)}, {0: _Watched(actor)}
    cluster.front_doors[0].heard = cluster.shards[0].heard = True
    before = cluster._members()
    cluster.leave()
    await asyncio.gather(*cluster._tasks)
    assert not before.leaving and [members.leaving for members in shown] == [True, True]
    assert {members.version for members in shown} == {before.version + 1}


async def test_a_process_that_sends_is_made_with_the_first_endpoint_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec: Any = None
    cluster, made = Cluster(spec, None), list[int]()
    monkeypatch.setattr(cluster, "_new_webhook_sender", made.append)
    cluster.front_doors = {0: _Watched(None), 1: _Watched(None)}
    cluster._send_webhooks()
    cluster.front_doors[0].status = FrontDoorStatus(version=1)
    cluster._send_webhooks()
    assert cluster.webhooks is None and made == []
    cluster.front_doors[1].status = FrontDoorStatus(version=1, webhooks=True)
    for _ in range(2):
        cluster._send_webhooks()
    assert cluster.webhooks is not None and made == [0]
    assert [name for name, *_ in cluster._everyone()][-1] == "webhook sender"


async def test_a_node_whose_supervisor_died_while_ray_started_ends(tmp_path: Path) -> None:
    nobody = "postgresql://nobody@127.0.0.1:9/none"
    spec = NodeSpec(settings=Settings(data=tmp_path), url=nobody, secret=bytes(16), shards=1, supervisor=os.getpid())
    ray = RayRuntime(RayOptions(data_dir=tmp_path, num_cpus=1), None, [])
    assert await _run(spec, ray) == ORPHAN_EXIT, "its parent is another process"
    with pytest.raises(OSError):
        await _run(msgspec.structs.replace(spec, supervisor=os.getppid()), ray)
