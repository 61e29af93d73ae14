"""Records of the journal by address.

Where many of a block are wanted the whole block is read, else only the bytes of each record.

A block is 8 KB, a record 160 bytes: one record each of 20,000 blocks is 3 MB and would be 160. But what is asked for alone costs more
than a record of a whole block.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.records.header import HEADER_BYTES
from actors.records.layout import RECORD, Records, joined

WHOLE_FROM: Final = 4
"""Records asked for of a block, on average, from which on whole blocks are read."""
BLOCKS_MAX: Final = 512
"""Whole blocks read at once: 4 MB."""
ALONE_MAX: Final = 8_192
"""Records read alone at once: 1.3 MB."""

PLACE_SHIFT: Final = 8
"""A record's address without its slot is its block's place: shard and number."""

FoundBlocks = Sequence[tuple[int, bytes]]


async def records_at(
    addresses: NDArray[np.int64],
    blocks: Callable[[NDArray[np.int64]], Awaitable[FoundBlocks]],
    alone: Callable[[NDArray[np.int64]], Awaitable[FoundBlocks]] | None = None,
) -> Records:
    """RECORD rows (n,) at addresses (n,), ascending, zeros where there is none. `blocks` gives whole blocks by place, as many as there are,
    ascending, at most BLOCKS_MAX; `alone`, if it is worth it, the bytes of at most ALONE_MAX records by address, ascending."""
    places = np.unique(addresses >> PLACE_SHIFT)
    records = np.zeros(len(addresses), RECORD)
    if alone is not None and len(addresses) < WHOLE_FROM * len(places):
        for start in range(0, len(addresses), ALONE_MAX):
            part = addresses[start : start + ALONE_MAX]
            found = await alone(part)
            at = np.searchsorted(part, np.fromiter((address for address, _ in found), np.int64, len(found)))
            records[start + at] = joined([data for _, data in found], RECORD)
        return records
    for start in range(0, len(places), BLOCKS_MAX):
        part = places[start : start + BLOCKS_MAX]
        first, end = np.searchsorted(addresses, (part[0] << PLACE_SHIFT, (part[-1] + 1) << PLACE_SHIFT))
        _pick(records[first:end], addresses[first:end], await blocks(part))
    return records


def _pick(records: Records, addresses: NDArray[np.int64], found: FoundBlocks) -> None:
    """Fill records (n,) at addresses (n,) from these blocks, as far as they have them."""
    if not found:
        return
    parts = [data[HEADER_BYTES:] for _, data in found]
    counts = np.array([len(part) // RECORD.itemsize for part in parts], np.int64)
    places = np.fromiter((place for place, _ in found), np.int64, len(found))
    at = np.minimum(np.searchsorted(places, addresses >> PLACE_SHIFT), len(found) - 1)
    slots = addresses & (1 << PLACE_SHIFT) - 1
    there = (places[at] == addresses >> PLACE_SHIFT) & (slots < counts[at])
    starts = np.cumsum(counts) - counts
    records[there] = joined(parts, RECORD)[(starts[at] + slots)[there]]
