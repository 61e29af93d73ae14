"""The journal in memory: the same promises as the one in PostgreSQL.

It lives as long as the process.

Journals that share a `MemoryDatabase` are sessions on one database, as two writers of a shard have them.
"""

import bisect
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.journal.interface import (
    Block,
    BlockConflict,
    ClockReading,
    JournalRewound,
    ScannedBlock,
    StoredBlock,
    check_append,
)
from actors.journal.records import records_at
from actors.records.layout import Records

PAGE_BLOCKS = 2_000


class MemoryDatabase:
    """The tables `journal`, with its key in order, `reference` and `review`, (time, status) by record."""

    def __init__(self) -> None:
        self.blocks: dict[int, dict[int, Block]] = defaultdict(dict)
        self.numbers: dict[int, list[int]] = defaultdict(list)
        self.references: dict[int, list[int]] = defaultdict(list)
        self.reviews: dict[int, tuple[int, int]] = {}
        self.timeline = 1


def _system_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class MemoryJournal:
    def __init__(self, database: MemoryDatabase, *, clock_ms: Callable[[], int] = _system_clock_ms) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._timeline = database.timeline

    async def timeline(self) -> int:
        return self._timeline

    async def append(self, blocks: Sequence[Block]) -> None:
        check_append(blocks)
        if self._database.timeline != self._timeline:
            raise JournalRewound(f"timeline {self._timeline} ended, {self._database.timeline} began")
        stored = self._database.blocks[blocks[0].shard]
        for block in blocks:
            if block.number in stored:
                raise BlockConflict(f"block {block.number} of shard {block.shard} is taken")
        for block in blocks:
            stored[block.number] = msgspec.structs.replace(
                block, references=(), anchors=(), reviews=(), suspended=(), late=(), credit=()
            )
            bisect.insort(self._database.numbers[block.shard], block.number)
            for target, record in block.references:
                bisect.insort(self._database.references[target], record)
            for record, time_ms, status in block.reviews:
                known = self._database.reviews.get(record, (time_ms, status))
                self._database.reviews[record] = (known[0], status)

    async def head(self, shard: int) -> StoredBlock | None:
        numbers = self._database.numbers[shard]
        return await self.block(shard, numbers[-1]) if numbers else None

    async def block(self, shard: int, number: int) -> StoredBlock | None:
        found = self._database.blocks[shard].get(number)
        return None if found is None else StoredBlock(found.number, found.records)

    async def read(self, shard: int, first: int, limit: int) -> list[StoredBlock]:
        return [StoredBlock(block.number, block.records) for block in self._page(shard, first, limit)]

    async def records(self, addresses: NDArray[np.int64]) -> Records:
        async def read(places: NDArray[np.int64]) -> list[tuple[int, bytes]]:
            asked = [(place, await self.block(place >> 44, place & (1 << 44) - 1)) for place in places.tolist()]
            return [(place, block.records) for place, block in asked if block is not None]

        return await records_at(addresses, read)

    def _page(self, shard: int, first: int, limit: int) -> list[Block]:
        numbers = self._database.numbers[shard]
        start = bisect.bisect_left(numbers, first)
        return [self._database.blocks[shard][number] for number in numbers[start : start + limit]]

    async def scan(
        self, shard: int, first: int, last: int | None = None, *, details: bool = False
    ) -> AsyncGenerator[Sequence[ScannedBlock], None]:
        while page := self._page(shard, first, PAGE_BLOCKS):
            blocks = [
                (b.number, b.records, b.details if details else None) for b in page if last is None or b.number <= last
            ]
            if not blocks:
                return
            yield blocks
            first = page[-1].number + 1

    async def references(self, target: int) -> list[int]:
        return list(self._database.references.get(target, ()))

    async def reviews(self, status: int) -> list[int]:
        rows = sorted((time_ms, record, s) for record, (time_ms, s) in self._database.reviews.items())
        return [record for _, record, s in rows if s == status]

    async def clock(self, elapsed_ns: Callable[[], int]) -> ClockReading:
        sent_ns = elapsed_ns()
        return ClockReading(sent_ns=sent_ns, database_ms=self._clock_ms(), received_ns=elapsed_ns())

    async def takeover(self, shard: int, writer: int) -> None:
        """Nothing to end: a session in memory holds no locks."""

    async def close(self) -> None:
        """Nothing to give back."""
