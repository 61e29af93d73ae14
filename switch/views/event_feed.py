"""Where events come from: pages of the journal, and one look at its heads that all streams share."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.database.pool import Pool, StoreUnavailable
from actors.records.addresses import block_of, block_start, record_address, shard_of
from actors.records.layout import BLOCK_RECORDS_MAX, RECORD, joined
from switch.fairness.scheduling import Scheduler, single
from switch.gateway.encode import details_of
from switch.views.events import EventPage, FoundEvent, InOrder, ReadBlock, in_order, page_of, referred, types_of

log = logging.getLogger(__name__)

READ_BLOCKS_MAX: Final = 256
"""Blocks that one query reads over all shards, 2 MB of records, but of each shard at least READ_BLOCKS_MIN."""
READ_BLOCKS_MIN: Final = 2
"""Of the first a part may have been taken before; the second is new, so every query gets on."""
DETAILS_BYTES_MAX: Final = 16 << 20
"""Of details that one query reads over all shards, but of each shard the first block with any: 0.2 s on a link of 100 MB/s."""
PAGE_BYTES_MAX: Final = 2 * DETAILS_BYTES_MAX
"""With the records, and the blocks that go beyond."""
RECORDS_AT_ONCE: Final = 8_192
"""Records that one statement reads by their addresses at most: 1.3 MB."""
GROWTH: Final = 4
"""A page asks for few blocks first, since 50 records may lie in each, then for more: under light load there is one in each."""
SEARCHED_BLOCKS: Final = 20_000
"""Of each shard, for a reference: there is no index of them, so this bounds the search; 1.2 s of reading at 10 kB of details a block."""
HOLDING_BLOCKS_MAX: Final = 64
"""Of each shard, of those that hold it."""
APPENDED_MEANWHILE: Final = 16
"""Blocks of a shard that may be appended between the look at its head and the read up to it; of more the newest come with the next read."""
LOOK_EVERY_S: Final = 0.1
"""How late a stream may notice a commit; one small query for all streams of the process."""

Own = Callable[[NDArray[np.int64]], Awaitable[NDArray[np.bool_]]]
"""Which wallets (n,) are the reader's own."""

START: Final = 0
"""The place before a shard's first record."""


class EventFeed:
    """Reads of the journal in order, and waits for more of it."""

    def __init__(self, pool: Pool, shards: int, scheduler: Scheduler) -> None:
        self._pool = pool
        self._scheduler = scheduler
        self._shards = list(range(shards))
        self._blocks_max = max(READ_BLOCKS_MIN, READ_BLOCKS_MAX // shards)
        self._heads: dict[int, int] = {}
        self._waiting = 0
        self._looking: asyncio.Task[None] | None = None
        self._looked: asyncio.Future[None] | None = None
        self._stopped = False

    async def page(
        self, caller: int, places: Sequence[int], limit: int, types: NDArray[np.uint8], own: Own | None = None
    ) -> EventPage:
        """Up to `limit` events after `places`, for a caller; `own`: whose wallets they are must be the reader's own. It may be empty though
        `has_more`: so much was read, and nothing of it is wanted."""
        events: list[FoundEvent] = []
        each = min(self._blocks_max, READ_BLOCKS_MIN + limit // BLOCK_RECORDS_MAX)
        while True:
            page = await self._read(caller, places, limit - len(events), types, own, each)
            events += page.events
            if not page.has_more or len(events) == limit or each == self._blocks_max:
                return EventPage(events, page.places, page.has_more)
            places, each = page.places, min(each * GROWTH, self._blocks_max)

    async def last(self, caller: int, limit: int, types: NDArray[np.uint8], own: Own | None = None) -> EventPage:
        """The newest `limit` events, fewer where those of so many blocks as one query reads are not as many; later ones follow the page."""
        ends = [block_of(place) for place in await self.end()]
        each = READ_BLOCKS_MIN + limit // BLOCK_RECORDS_MAX
        while True:
            places = [record_address(0, max(end - each, 0), 0) for end in ends]
            blocks = each + APPENDED_MEANWHILE
            page = await self._read(caller, places, blocks * len(ends) * BLOCK_RECORDS_MAX, types, own, blocks)
            if len(page.events) >= limit or each == self._blocks_max or not any(map(block_of, places)):
                return EventPage(page.events[-limit:], page.places, page.has_more)
            each = min(each * GROWTH, self._blocks_max)

    async def with_reference(
        self, caller: int, reference: str, limit: int, types: NDArray[np.uint8], own: Own | None = None
    ) -> EventPage:
        """The newest `limit` events of payments that carry a reference, among the newest SEARCHED_BLOCKS of each shard; later ones follow
        the page."""
        ends = await self.end()
        rows = await self._pool.fetch(
            "event_blocks_holding",
            self._shards,
            SEARCHED_BLOCKS,
            reference.encode(),
            HOLDING_BLOCKS_MAX,
            back=PAGE_BYTES_MAX,
        )
        if not rows:
            return EventPage([], tuple(ends), False)
        blocks = sorted((ReadBlock(*row) for row in rows), key=lambda block: (block.shard, block.number))
        page = await self._page(caller, blocks, frozenset(), [START] * len(ends), types, own)
        named = [each for each in page.events if details_of(each.details).reference == reference]
        return EventPage(named[-limit:], tuple(ends), False)

    async def _read(
        self, caller: int, places: Sequence[int], limit: int, types: NDArray[np.uint8], own: Own | None, each: int
    ) -> EventPage:
        """One query: at most `each` blocks of each shard."""
        starts = [block_of(place) for place in places]
        details = DETAILS_BYTES_MAX // len(self._shards)
        rows = await self._pool.fetch("event_blocks", self._shards, starts, each, details, back=PAGE_BYTES_MAX)
        if not rows:
            return EventPage([], tuple(places), False)
        blocks = sorted((ReadBlock(*row[:4]) for row in rows), key=lambda block: (block.shard, block.number))
        counts = np.bincount([block.shard for block in blocks], minlength=len(self._shards))
        cut = frozenset(row["shard"] for row in rows if row["there"] == each or counts[row["shard"]] < row["there"])
        return await self._page(caller, blocks, cut, places, types, own, limit)

    async def _page(
        self,
        caller: int,
        blocks: Sequence[ReadBlock],
        cut: frozenset[int],
        places: Sequence[int],
        types: NDArray[np.uint8],
        own: Own | None,
        limit: int | None = None,
    ) -> EventPage:
        """The events in blocks: up to `limit`, or all."""
        read = await self._scheduler.run(caller, single(partial(in_order, blocks, cut, places, types)))
        return await self._seen(caller, read, places, own, limit)

    async def at(self, caller: int, addresses: Sequence[int], own: Own | None = None) -> list[FoundEvent]:
        """The events at addresses of records, ascending, of those that are there and the reader may see. `own` as in `page`."""
        found: list[FoundEvent] = []
        left = sorted(set(addresses))
        while left:
            rows = await self._pool.fetch("events_at", left[:RECORDS_AT_ONCE], DETAILS_BYTES_MAX, back=PAGE_BYTES_MAX)
            left = left[len(rows) :]
            found += await self._at(caller, rows, own)
        return found

    async def _at(self, caller: int, rows: Sequence[Any], own: Own | None) -> list[FoundEvent]:
        """Those of rows of one statement."""
        there = [row for row in rows if len(row["record"] or b"") == RECORD.itemsize]
        if not there:
            return []
        found = np.array([row["address"] for row in there], np.int64)
        starts, owners = np.unique(block_start(found), return_inverse=True)
        details = {block_start(row["address"]): row["details"] for row in reversed(rows)}
        blocks = [ReadBlock(shard_of(start), block_of(start), b"", details[start]) for start in starts.tolist()]
        records, order = joined([row["record"] for row in there], RECORD), np.arange(len(there))
        read = InOrder(blocks, frozenset(), records, order, found, found + 1, types_of(records), owners)
        return (await self._seen(caller, read, [START] * len(self._shards), own, None)).events

    async def _seen(
        self, caller: int, read: InOrder, places: Sequence[int], own: Own | None, limit: int | None
    ) -> EventPage:
        """What the reader may see of records: up to `limit`, or all."""
        payers = payees = np.ones(len(read.order), np.bool_)
        if own is not None:
            sides = np.concatenate([read.records["payer"][read.order], read.records["payee"][read.order]])
            payers, payees = np.split(await own(np.where(np.tile(read.types, 2) != 0, sides, 0)), 2)
        most = len(read.order) if limit is None else limit
        return await self._scheduler.run(caller, single(partial(page_of, read, places, most, payers, payees)))

    async def ahead(self, places: Sequence[int]) -> bool:
        """Whether places are of a journal that was longer than it is now."""
        found: bool = await self._pool.fetchval(
            "event_places_ahead", self._shards, [block_of(place) for place in places]
        )
        return found

    async def times(self, found: Sequence[FoundEvent]) -> dict[int, int]:
        """Record times, by address, of what these events refer to."""
        addresses = referred(found)
        if not addresses:
            return {}
        return {row["address"]: row["time"] for row in await self._pool.fetch("event_times", addresses)}

    async def end(self) -> list[int]:
        """The places behind all that is committed now."""
        heads = await self._read_heads()
        return [record_address(0, heads[shard] + 1, 0) if shard in heads else START for shard in self._shards]

    async def grown(self, places: Sequence[int], timeout_s: float, gone: Callable[[], bool]) -> bool:
        """Wait until there is something at `places`; False when the time is up, the process stops, or who waits is `gone`."""
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout_s):
                while not self._stopped and not gone():
                    if any(self._heads.get(shard, -1) >= block_of(place) for shard, place in enumerate(places)):
                        return True
                    await asyncio.shield(self._look())
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1
        return False

    def stop(self) -> None:
        """Let all that wait go."""
        self._stopped = True
        if self._looked is not None and not self._looked.done():
            self._looked.set_result(None)

    def _look(self) -> asyncio.Future[None]:
        """The next look at the heads; looks go on while somebody waits."""
        if self._looked is None or self._looked.done():
            self._looked = asyncio.get_running_loop().create_future()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._keep_looking())
        return self._looked

    async def _keep_looking(self) -> None:
        while self._waiting and not self._stopped:
            try:
                self._heads = await self._read_heads()
            except StoreUnavailable:
                pass  # the database is away; who waits keeps its connection and goes on afterwards
            except Exception as error:
                log.exception("the heads of the journals cannot be read")
                if self._looked is not None and not self._looked.done():
                    self._looked.set_exception(error)
                    self._looked.exception()  # nobody may wait any more
                return
            if self._looked is not None and not self._looked.done():
                self._looked.set_result(None)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _read_heads(self) -> dict[int, int]:
        return {row["shard"]: row["block"] for row in await self._pool.fetch("event_heads", self._shards)}
