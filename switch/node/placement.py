"""Place actors on a given Ray cluster.

A front door on each node, shards and scorers spread evenly, nothing on a node that is gone.

Left to itself Ray packs actors that ask for no processors onto few nodes, none perhaps where `serve` runs, and takes some 20 s to see
that a node is gone. Meanwhile calls to its actors fail, but Ray does not start them elsewhere. So nodes are checked here, by connecting
to their raylets. A node that was only out of reach does no harm: whoever took over owns the journal.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from switch.node.reach import Reach

log = logging.getLogger(__name__)

LIST_EVERY_S: Final = 5.0


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the cluster: where its raylet listens."""

    id: str
    host: str
    port: int


Listing = Callable[[], Sequence[Node]]


class Placement:
    """The nodes, this process's own first, and what runs on which. `listing` says which nodes there are; it may block."""

    def __init__(self, listing: Listing, clock: Callable[[], float] = time.monotonic) -> None:
        self._listing = listing
        self._clock = clock
        self._nodes: dict[str, Node] = {}
        self._reach: dict[str, Reach] = {}
        self._where: dict[tuple[str, int], str] = {}
        self._alive: set[str] = set()
        self._listed = clock()
        self._take(listing())

    @property
    def nodes(self) -> list[str]:
        """Ids of the nodes that are within reach."""
        return [node for node in self._nodes if not self._is_gone(node)]

    def choose(self, role: str, number: int) -> str:
        """A node for an actor: one with the fewest of its role, of these one with the fewest actors; the own node when none is in reach."""
        self._where.pop((role, number), None)
        of_role = Counter(node for (other, _), node in self._where.items() if other == role)
        of_all = Counter(self._where.values())
        nodes = self.nodes or list(self._nodes)[:1]
        chosen = min(nodes, key=lambda node: (of_role[node], of_all[node]))
        self._where[role, number] = chosen
        return chosen

    def without(self, role: str) -> list[str]:
        """Nodes within reach on which no actor of a role was placed: one that joined, or came back under another id."""
        taken = {node for (other, _), node in self._where.items() if other == role}
        return [node for node in self.nodes if node not in taken]

    def forget(self, role: str, number: int) -> None:
        """An actor is given up and comes up nowhere else."""
        self._where.pop((role, number), None)

    def is_lost(self, role: str, number: int) -> bool:
        """Whether an actor's node is gone, and there is another for it."""
        node = self._where.get((role, number))
        return node is not None and self._is_gone(node) and bool(self.nodes)

    async def look(self) -> None:
        """Try to reach every node once, and see now and then which there are."""
        if self._clock() - self._listed > LIST_EVERY_S:
            self._listed = self._clock()
            self._take(await asyncio.to_thread(self._listing))
        await asyncio.gather(*(reach.look() for reach in list(self._reach.values())))

    def _is_gone(self, node: str) -> bool:
        """Out of reach, or not in Ray's list any more: a node that came back at once may listen where the one before it did."""
        return node not in self._alive or self._reach[node].gone

    def _take(self, nodes: Sequence[Node]) -> None:
        if not nodes:
            return  # the list cannot be had, for this process is on a node itself
        self._alive = {node.id for node in nodes}
        for node in nodes:
            if node.id not in self._nodes:
                log.info("node %s at %s:%d", node.id, node.host, node.port)
                self._nodes[node.id] = node
                self._reach[node.id] = Reach(f"node {node.id}", node.host, node.port, self._clock)
        used = self._alive | set(self._where.values())
        for left in self._nodes.keys() - used:
            del self._nodes[left], self._reach[left]


def ray_nodes() -> list[Node]:
    """The nodes that Ray takes for alive, the one of this process first."""
    import ray

    own = ray.get_runtime_context().get_node_id()
    known: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    alive = [each for each in known if each["Alive"]]
    nodes = [Node(id=n["NodeID"], host=n["NodeManagerAddress"], port=n["NodeManagerPort"]) for n in alive]
    return sorted(nodes, key=lambda node: node.id != own)
