"""Where actors run on a cluster of several nodes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from switch.node import node as cluster_module
from switch.node.node import Cluster
from switch.node.placement import Node, Placement
from switch.node.reach import GONE_AFTER_S, GONE_AFTER_TRIES
from switch.node.settings import Settings
from switch.node.spec import NodeSpec


class _Cluster:
    """Three nodes whose raylets are real listeners; each look takes long enough for a node to be given up after a few."""

    def __init__(self) -> None:
        self.now = 0.0
        self.nodes: list[Node] = []
        self.servers: dict[str, asyncio.Server] = {}

    async def add(self, name: str) -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        self.servers[name] = server
        self.nodes.append(Node(id=name, host="127.0.0.1", port=server.sockets[0].getsockname()[1]))

    def placement(self) -> Placement:
        return Placement(lambda: list(self.nodes), lambda: self.now)

    async def look(self, placement: Placement, times: int) -> None:
        for _ in range(times):
            self.now += GONE_AFTER_S / 2
            await placement.look()


@pytest.fixture
async def cluster() -> AsyncIterator[_Cluster]:
    cluster = _Cluster()
    for name in ("own", "second", "third"):
        await cluster.add(name)
    yield cluster
    for server in cluster.servers.values():
        server.close()
        await server.wait_closed()


def _spread(placement: Placement, role: str, count: int) -> Counter[str]:
    return Counter(placement.choose(role, number) for number in range(count))


async def test_each_node_has_a_front_door_and_its_share_of_shards_and_scorers(cluster: _Cluster) -> None:
    placement = cluster.placement()
    assert placement.nodes == ["own", "second", "third"]
    assert _spread(placement, "shard", 4) == {"own": 2, "second": 1, "third": 1}
    assert placement.choose("scorer", 0) == "second", "where fewest actors are"
    assert _spread(placement, "front door", 3) == {"own": 1, "second": 1, "third": 1}


async def test_actors_of_a_node_that_is_gone_are_lost_and_go_to_the_others(cluster: _Cluster) -> None:
    placement = cluster.placement()
    _spread(placement, "shard", 6)
    cluster.servers["third"].close()
    await cluster.look(placement, GONE_AFTER_TRIES - 1)
    assert not any(placement.is_lost("shard", number) for number in range(6)), "too early to say"
    await cluster.look(placement, 1)
    lost = [number for number in range(6) if placement.is_lost("shard", number)]
    assert lost == [2, 5] and placement.nodes == ["own", "second"]
    assert Counter(placement.choose("shard", number) for number in lost) == {"own": 1, "second": 1}
    assert not any(placement.is_lost("shard", number) for number in range(6))


async def test_where_no_node_is_in_reach_nothing_is_moved(cluster: _Cluster) -> None:
    placement = cluster.placement()
    _spread(placement, "shard", 3)
    for server in cluster.servers.values():
        server.close()
    await cluster.look(placement, 2 * GONE_AFTER_TRIES)
    assert not any(placement.is_lost("shard", number) for number in range(3))
    assert placement.choose("shard", 2) == "own"


async def test_a_node_that_joins_is_used_for_what_is_placed_from_then_on(cluster: _Cluster) -> None:
    placement = cluster.placement()
    _spread(placement, "shard", 3)
    await cluster.add("fourth")
    await cluster.look(placement, 5)
    assert placement.without("shard") == ["fourth"]
    assert placement.choose("shard", 3) == "fourth"
    assert placement.without("shard") == []


async def test_a_node_that_came_back_where_it_was_is_another_and_what_was_on_it_is_lost(cluster: _Cluster) -> None:
    """Its raylet listens at the same place as the one before it, so only Ray's list tells them apart."""
    placement = cluster.placement()
    _spread(placement, "front door", 3)
    third = cluster.nodes.pop()
    cluster.nodes.append(Node(id="third again", host=third.host, port=third.port))
    await cluster.look(placement, 5)
    assert [placement.is_lost("front door", number) for number in range(3)] == [False, False, True]
    assert placement.nodes == ["own", "second", "third again"]
    placement.forget("front door", 2)
    assert placement.without("front door") == ["third again"]
    assert placement.choose("front door", 2) == "third again"


async def test_a_list_that_cannot_be_had_takes_no_node_away(cluster: _Cluster) -> None:
    placement = cluster.placement()
    _spread(placement, "shard", 3)
    cluster.nodes.clear()
    await cluster.look(placement, 5)
    assert placement.nodes == ["own", "second", "third"]
    assert not any(placement.is_lost("shard", number) for number in range(3))


class _Handle:
    """In place of an actor's handle of Ray: it answers, and knows its node."""

    def __init__(self, kind: type[Any], spec: Any, node: str | None) -> None:
        self.kind, self.node = kind.__name__, node
        self.status = self.connect = self

    async def remote(self, *_: Any) -> Any:
        return SimpleNamespace(version=1, webhooks=False)


async def test_a_front_door_opens_where_a_node_joins_or_comes_back_and_is_given_up_with_its_node(
    cluster: _Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    killed: list[str | None] = []
    monkeypatch.setattr(cluster_module, "_created", _Handle)
    monkeypatch.setattr("ray.kill", lambda handle: killed.append(handle.node))

    async def opened(front_doors: int | None) -> tuple[Cluster, Placement]:
        settings = Settings(data=tmp_path, ray="127.0.0.1:1", scorers=0, front_doors=front_doors)
        placement = cluster.placement()
        switch = Cluster(NodeSpec(settings=settings, url="", secret=bytes(16), shards=3, supervisor=7), None, placement)
        switch.create()
        return switch, placement

    async def front_doors(switch: Cluster, placement: Placement) -> dict[int, str]:
        for _ in range(5):
            await cluster.look(placement, 1)
            await switch.watch()
        await asyncio.gather(*switch._tasks)
        return {number: watched.actor.node for number, watched in switch.front_doors.items()}

    switch, placement = await opened(None)
    fixed, fixed_placement = await opened(2)
    assert await front_doors(switch, placement) == {0: "own", 1: "second", 2: "third"}
    third = cluster.nodes.pop()
    await cluster.add("fourth")
    assert await front_doors(switch, placement) == {0: "own", 1: "second", 2: "fourth"}
    assert killed.count("third") == 2, "the door, and the shard that moved"
    cluster.nodes.append(Node(id="third again", host=third.host, port=third.port))
    assert await front_doors(switch, placement) == {0: "own", 1: "second", 2: "fourth", 3: "third again"}
    cluster.servers["second"].close()
    assert await front_doors(switch, placement) == {0: "own", 2: "fourth", 3: "third again"}
    assert await front_doors(fixed, fixed_placement) == {0: "own", 1: "fourth"}, "their number was given"
    switch.leave()
    await cluster.add("too late")
    assert len(await front_doors(switch, placement)) == 3
