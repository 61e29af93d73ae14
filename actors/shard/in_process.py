"""All shards of a switch in one event loop, without Ray.

It serves tests, and benchmarks of everything but Ray.

The shards, the journal and the pack are the real ones; only the carrying between them is a function call.
"""

import asyncio
import secrets
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from actors.journal.interface import Journal
from actors.ledger.bounds import REVIEW_SECONDS, Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.blocks import Writer
from actors.rpc.interface import Condition
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from actors.shard.host import ShardHost
from actors.shard.neighbours import Peer, Scorer, Segments
from rules.builtin import PACK
from rules.decisions.decision import INITIAL_FALLBACK, Decisions, Fallback
from rules.decisions.pack import Decider

SMALL = Capacity(segments=32, segment_map=1 << 15, keys=1_000_000, payers=100_000, attempts=2_000_000, profiles=100_000)


class InlineScorer:
    """The pack, called in place."""

    def __init__(self) -> None:
        self._decider = Decider(PACK)

    async def decide(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        """As `ScorerPool.decide`."""
        return self._decider.decide(columns), INITIAL_FALLBACK

    async def preview(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        """As `ScorerPool.preview`."""
        return self._decider.decide(columns), INITIAL_FALLBACK

    def condition(self) -> Condition:
        """It always decides."""
        return Condition()


class MemorySegments:
    """The topology table in memory. `live`: the fallback of the live pack, None while nobody says which that is."""

    def __init__(self) -> None:
        self._owners: dict[int, int] = {}
        self._closed: frozenset[int] = frozenset()
        self.live: Fallback | None = None

    async def owners(self) -> dict[int, int]:
        """Owning shard by segment."""
        return dict(self._owners)

    async def closed(self) -> frozenset[int]:
        """The segments in which no wallet is opened any more."""
        return self._closed

    def close_all(self) -> None:
        """Another timeline begins."""
        self._closed = frozenset(self._owners)

    async def claim(self, shard: int) -> None:
        """Give one more segment to a shard."""
        self._owners[len(self._owners) + 1] = shard

    async def fallback(self) -> Fallback | None:
        """What decides when no scorer answers."""
        return self.live

    async def admin_log(self) -> None:
        """Nobody administers it."""

    async def close(self) -> None:
        """Nothing to let go of."""


class ShardDied(Exception):
    """A shard asked for the end of its process."""


class LocalSwitch:
    """`shards` hosts over one journal each."""

    def __init__(
        self,
        *,
        journals: list[Journal],
        segments: Segments,
        secret: bytes,
        scored: bool = True,
        capacity: Capacity = SMALL,
        scorer: Scorer | None = None,
        review_expires_in_s: int = REVIEW_SECONDS,
    ) -> None:
        scorer = scorer or InlineScorer()
        shards = len(journals)
        peers: dict[int, Peer] = {}
        self.hosts: list[ShardHost] = []
        for shard, journal in enumerate(journals):
            config = LedgerConfig(
                shard=shard, shards=shards, secret=secret, windows=scored, review_expires_in_s=review_expires_in_s
            )
            ledger = Ledger(config, capacity)
            writer = Writer(shard, 1, secrets.randbits(63), secrets.token_bytes(16))
            core = ShardCore(ShardConfig(shard=shard, shards=shards, scored=scored), ledger, writer)
            host = ShardHost(core, journal=journal, peers=peers, scorer=scorer, segments=segments, halt=self._halt)
            peers[shard] = host
            self.hosts.append(host)
        self._tasks: list[asyncio.Task[None]] = []
        self._died: asyncio.Future[str]

    def _halt(self, reason: str) -> NoReturn:
        if not self._died.done():
            self._died.set_result(reason)
        raise ShardDied(reason)

    async def start(self) -> None:
        """Recover and open every shard. Raises ShardDied."""
        self._died = asyncio.get_running_loop().create_future()
        self._tasks = [asyncio.create_task(host.run()) for host in self.hosts]
        while not all(host.ready for host in self.hosts):
            self._check()
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Finish what is under way, then end. Raises ShardDied for a shard that died before: it finishes nothing."""
        drained = asyncio.gather(*(host.drained() for host in self.hosts))
        ends: set[asyncio.Future[Any]] = {drained, self._died}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        tasks: list[asyncio.Future[Any]] = [drained, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for host in self.hosts:
            await host.stop()
        self._check()

    def _check(self) -> None:
        if self._died.done():
            raise ShardDied(self._died.result())
