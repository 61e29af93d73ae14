"""One shard over its journal in this process, without HTTP and without Ray.

It fills in a minute what would take HTTP an hour.

The journal is PostgreSQL's and the host the real one, so `shardpay serve` recovers afterwards what was put in here.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator

import numpy as np
from numpy.typing import NDArray

from actors.journal.postgres import PostgresJournal
from actors.ledger.bounds import Capacity
from actors.shard.host import ShardHost
from actors.shard.in_process import LocalSwitch
from actors.stores.topology import SegmentStore, cluster_facts
from bench.workload.payments import opening_rows

OPENING_ROWS = 8_192
"""Wallets come in small batches: a shard claims a further segment while there is room in the one in use."""


@contextlib.asynccontextmanager
async def lone_shard(url: str, capacity: Capacity, *, scored: bool = True) -> AsyncIterator[LocalSwitch]:
    """A switch of one shard over a migrated database, not started yet."""
    facts = await cluster_facts(url, 1)
    journal = PostgresJournal(url, shard=0, writer=secrets.randbits(63))
    segments = SegmentStore(url)
    switch = LocalSwitch(journals=[journal], segments=segments, secret=facts.secret, scored=scored, capacity=capacity)
    try:
        yield switch
    finally:
        await switch.stop()
        await journal.close()
        await segments.close()


async def open_wallets(host: ShardHost, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Addresses (count,) of new wallets that can pay without being funded."""
    parts: list[NDArray[np.int64]] = []
    missing = count
    while missing:
        results = await host.submit(opening_rows(min(OPENING_ROWS, missing), rng), {})
        parts.append(results["address"][results["code"] == 0])
        missing -= len(parts[-1])
    return np.concatenate([np.zeros(0, np.int64), *parts])
