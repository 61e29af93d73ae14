"""How a shard's host reads its journal when it starts: page by page, however often the journal goes away, never past a bad record."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import NoReturn

import numpy as np
import pytest

from actors.journal.interface import Block, JournalUnavailable, ScannedBlock
from actors.journal.memory import MemoryDatabase, MemoryJournal
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.blocks import GENESIS, Writer, seal
from actors.records.layout import RECORD, Kind
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from actors.shard.host import RUNS_AHEAD, ShardHost
from actors.shard.in_process import SMALL, InlineScorer, MemorySegments

PAGES = 4 * RUNS_AHEAD
BAD_KIND = 99
WRITER = Writer(0, 1, 7, bytes(16))


class _Died(Exception):
    """Stands for the end of the process."""


class _PagedJournal(MemoryJournal):
    """Gives a block a page, and is away after so many pages, once for each number in `cuts`."""

    def __init__(self, database: MemoryDatabase, cuts: Sequence[int]) -> None:
        super().__init__(database)
        self._cuts = list(cuts)

    async def scan(
        self, shard: int, first: int, last: int | None = None, *, details: bool = False
    ) -> AsyncGenerator[Sequence[ScannedBlock], None]:
        cut = self._cuts.pop(0) if self._cuts else None
        given = 0
        async for page in super().scan(shard, first, last, details=details):
            for block in page:
                if given == cut:
                    raise JournalUnavailable("cut off")
                yield [block]
                given += 1


async def _written(bad: int | None = None) -> MemoryDatabase:
    """A journal of blocks of one OPEN record each; the record of block `bad` is of no kind."""
    database = MemoryDatabase()
    previous = GENESIS
    for number in range(1, PAGES + 1):
        records = np.zeros(1, RECORD)
        records["kind"] = BAD_KIND if number == bad else Kind.OPEN
        records["record_time"] = records["effective_time"] = 1_000
        sealed, previous = seal(WRITER, first=number, previous=previous, seen=0, records=records, details={})
        await MemoryJournal(database).append(
            [Block(shard=0, number=number, records=sealed[0].data, details=sealed[0].details)]
        )
    return database


def _host(database: MemoryDatabase, cuts: Sequence[int], halt: Callable[[str], NoReturn]) -> ShardHost:
    ledger = Ledger(LedgerConfig(shard=0, shards=1, secret=bytes(range(16))), SMALL)
    core = ShardCore(ShardConfig(shard=0, shards=1), ledger, Writer(0, 1, secrets.randbits(63), bytes(16)))
    journal = _PagedJournal(database, cuts)
    return ShardHost(core, journal=journal, peers={}, scorer=InlineScorer(), segments=MemorySegments(), halt=halt)


def _halt(reason: str) -> NoReturn:
    raise AssertionError(reason)


@pytest.mark.parametrize("cuts", [[], [0], [1], [RUNS_AHEAD, 1], [PAGES - 1, 0, 0]])
async def test_a_journal_that_goes_away_while_it_is_read_is_read_on(cuts: list[int]) -> None:
    host = _host(await _written(), cuts, _halt)
    life = asyncio.create_task(host.run())
    async with asyncio.timeout(180):
        while not host.ready:
            await asyncio.sleep(0.005)
    assert host.core.writer.durable_block == PAGES + 1, "all that was written, and the block that opens"
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    await host.stop()


@pytest.mark.parametrize("cut", [None, PAGES // 2, PAGES // 2 + 1])
async def test_a_record_that_does_not_fit_ends_the_process_also_when_the_journal_goes_away_then(
    cut: int | None,
) -> None:
    shown: list[str] = []

    def halt(reason: str) -> NoReturn:
        shown.append(reason)
        raise _Died

    database = await _written(bad=PAGES // 2)
    host = _host(database, [] if cut is None else [cut], halt)
    with pytest.raises(_Died):
        await asyncio.wait_for(host.run(), 180)
    assert "contradicts the ones before it" in shown[0]
    assert not host.ready and len(database.numbers[0]) == PAGES, "nothing was written after it"
    await host.stop()
