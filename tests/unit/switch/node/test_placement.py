"""Where actors run on a cluster of several nodes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from switch.node.placement import GONE_AFTER_S, GONE_AFTER_TRIES, Node, Placement


class _Cluster:
    """Three nodes whose raylets are real listeners."""

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
    assert placement.choose("shard", 3) == "fourth"
