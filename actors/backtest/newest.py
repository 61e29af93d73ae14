"""Which payments are the newest of all shards.

Journals are read from their ends, no further back than it takes.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from actors.journal.interface import Journal
from actors.records.addresses import shard_of
from actors.records.blocks import addresses_of, records_of
from actors.records.layout import ATTEMPTS, BLOCK_RECORDS_MAX

READ_BLOCKS_MAX: Final = 1_024
"""Of one read: 8 MB."""


class Journals(Protocol):
    """Opens the journal of a shard."""

    def __call__(self, shard: int) -> Journal: ...


class Newest(NamedTuple):
    """The newest attempts of all shards: their addresses (n,), ascending, and of each shard that has any the number of the last block
    that was looked at."""

    addresses: NDArray[np.int64]
    ends: Mapping[int, int]

    def first_of(self, shard: int) -> int:
        """Address of the oldest of them on a shard that has any."""
        return int(self.addresses[np.searchsorted(shard_of(self.addresses), shard)])


async def newest_attempts(journals: Journals, shards: int, count: int) -> Newest:
    """The `count` attempts of the latest record times, all that there are if they are fewer. Raises JournalError."""
    found, heads = [], dict[int, int]()
    for shard in range(shards):
        journal = journals(shard)
        try:
            head = await journal.head(shard)
            if head is not None:
                heads[shard] = head.number
                found.append(await _of_shard(journal, shard, head.number, count))
        finally:
            await journal.close()
    times, addresses = np.concatenate(found, axis=1) if found else np.empty((2, 0), np.int64)
    chosen = np.sort(addresses[np.lexsort((addresses, times))[-count:]])
    there = np.unique(shard_of(chosen)).tolist()
    return Newest(chosen, {shard: heads[shard] for shard in there})


async def _of_shard(journal: Journal, shard: int, end: int, count: int) -> NDArray[np.int64]:
    """Record times and addresses (2, n) of a shard's newest attempts, `count` or as many as its blocks up to `end` have; in no order."""
    found, left = [np.empty((2, 0), np.int64)], count
    size = 1 + count // BLOCK_RECORDS_MAX
    while end > 0 and left > 0:
        first = max(1, end - min(size, READ_BLOCKS_MAX) + 1)
        for block in await journal.read(shard, first, end - first + 1):
            records = records_of(block.records)
            attempts = np.isin(records["kind"], ATTEMPTS)
            addresses = addresses_of(shard, block.number, len(records))[attempts]
            found.append(np.stack([records["record_time"][attempts], addresses]))
            left -= len(addresses)
        end, size = first - 1, 2 * size
    joined = np.concatenate(found, axis=1)
    return joined[:, np.argsort(joined[1])[max(joined.shape[1] - count, 0) :]]
