"""Find the legs of movements between shards, in the journals of the payees' shards.

No index leads from a movement to its leg. It lands milliseconds after the movement's commit, so it is looked for from that time on: first
in few blocks, for what is not there in more. Movements are looked for together, and what one look reads is bounded whatever their number:
a leg that came much later than its movement, after its shard was away, may not be found, and the statement of its wallet still has it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from actors.database.pool import Pool
from actors.records.addresses import record_address

SEARCHED_BLOCKS: Final = 20_000
"""Of one look at most, over all movements: 160 MB, a fraction of a second."""


class _Look(NamedTuple):
    """From how long before a movement's time, and through how many blocks for each. Clocks of shards differ by milliseconds, and never by
    more than the last look begins before: beyond that /readyz warns."""

    before_ms: int
    blocks: int


LOOKS: Final = (_Look(100, 128), _Look(1_000, 2_048), _Look(5_000, SEARCHED_BLOCKS))


class Sought(NamedTuple):
    """A movement whose leg is looked for: its address and record time, and the shard that credits it."""

    movement: int
    time_ms: int
    shard: int


class Stretch(NamedTuple):
    """Blocks of a shard's journal, from the first to the last."""

    shard: int
    first: int
    last: int


async def legs_of(pool: Pool, sought: Sequence[Sought]) -> dict[int, int]:
    """Addresses of LEG records by the movements that they belong to, of those that are found: two statements a look, up to three looks.
    Raises StoreUnavailable."""
    found: dict[int, int] = {}
    for look in LOOKS:
        missing = [each for each in sought if each.movement not in found]
        if not missing:
            break
        shards, times = [each.shard for each in missing], [each.time_ms - look.before_ms for each in missing]
        firsts = [(row["shard"], row["block"]) for row in await pool.fetch("blocks_since", shards, times)]
        stretches = stretches_of(firsts, look.blocks, SEARCHED_BLOCKS)
        if not stretches:
            break
        columns = [list(column) for column in zip(*stretches, strict=True)]
        rows = await pool.fetch("legs_in", *columns, [each.movement for each in missing])
        found |= {row["movement"]: int(record_address(row["shard"], row["block"], row["slot"])) for row in rows}
    return found


def stretches_of(firsts: Sequence[tuple[int, int]], depth: int, most: int) -> list[Stretch]:
    """As many blocks from each first (shard, block) on as `depth` says, together no more than `most`: then the same number from each,
    smaller. What two have in common is read once; of more firsts than `most` the later ones are left out."""
    ordered = sorted(set(firsts))[:most]
    if not ordered:
        return []
    depths = range(1, depth + 1)
    fits = bisect_right(depths, most, key=lambda each: sum(s.last - s.first + 1 for s in _joined(ordered, each)))
    return _joined(ordered, depths[max(fits, 1) - 1])


def _joined(firsts: Sequence[tuple[int, int]], depth: int) -> list[Stretch]:
    joined: list[Stretch] = []
    for shard, first in firsts:
        last = first + depth - 1
        if joined and joined[-1].shard == shard and first <= joined[-1].last + 1:
            joined[-1] = joined[-1]._replace(last=last)
        else:
            joined.append(Stretch(shard, first, last))
    return joined
