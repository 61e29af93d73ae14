"""Find the leg of a movement between shards, in the journal of the payee's shard.

No index leads from a movement to its leg. It lands milliseconds after the movement's commit, so it is looked for from that time on, in so
many blocks: one that came much later, after its shard was away, is not found, and the statement of its wallet still has it.
"""

from typing import Final

import numpy as np

from actors.database.pool import Pool
from actors.records.addresses import record_address
from actors.records.blocks import records_of
from actors.records.layout import Kind

SEARCHED_BLOCKS: Final = 20_000
"""160 MB, a fraction of a second, where a leg has not landed; where it has, some dozen blocks."""
CLOCKS_DIFFER_MS: Final = 5_000
"""By so much, and no more, do clocks of shards differ: beyond it /readyz warns."""
FOUND_MAX: Final = 4
"""Blocks that hold the bytes of the movement's address: those of the leg, and what has them by chance."""


async def leg_of(pool: Pool, shard: int, movement: int, time_ms: int) -> int | None:
    """Address of the LEG record of a movement that was recorded at a time, in a shard's journal. Raises StoreUnavailable."""
    first = await pool.fetchval("block_since", shard, time_ms - CLOCKS_DIFFER_MS)
    if first is None:
        return None
    named = movement.to_bytes(8, "little")
    for row in await pool.fetch("blocks_naming", shard, first, first + SEARCHED_BLOCKS - 1, named, FOUND_MAX):
        records = records_of(row["records"])
        found = np.flatnonzero((records["kind"] == Kind.LEG) & (records["reference"] == movement))
        if len(found):
            return int(record_address(shard, row["block"], int(found[0])))
    return None
