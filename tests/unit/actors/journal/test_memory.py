"""Journals in memory that share a database are sessions on one database; what the contract does not ask of PostgreSQL too."""

import numpy as np
import pytest

from actors.journal.interface import REVIEW_OPEN, Block, JournalRewound
from actors.journal.memory import PAGE_BLOCKS, MemoryDatabase, MemoryJournal
from actors.records.addresses import record_address
from tests.journal_blocks import blocks, read, stored


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


async def test_sessions_of_one_database_see_each_others_blocks_and_those_of_another_do_not(
    database: MemoryDatabase,
) -> None:
    one, two, alone = MemoryJournal(database), MemoryJournal(database), MemoryJournal(MemoryDatabase())
    await one.append(blocks(0, 2))
    assert await two.head(1) == read(blocks(1, 1))[0] and await alone.head(1) is None
    await two.close()
    assert await stored(one) == blocks(0, 2), "what is stored outlives its session"


async def test_a_session_of_a_timeline_that_ended_appends_nothing(database: MemoryDatabase) -> None:
    before = MemoryJournal(database)
    await before.append(blocks(0, 1))
    database.timeline += 1
    with pytest.raises(JournalRewound, match="timeline 1 ended, 2 began"):
        await before.append(blocks(1, 1))
    after = MemoryJournal(database)
    assert (await before.timeline(), await after.timeline()) == (1, 2)
    await after.append(blocks(1, 1))
    assert await stored(after) == blocks(0, 2)


async def test_blocks_that_came_in_any_order_are_read_in_theirs(database: MemoryDatabase) -> None:
    journal = MemoryJournal(database)
    for first in (6, 0, 3):
        await journal.append(blocks(first, 3))
    assert [block.number for block in await journal.read(1, 0, 99)] == list(range(9))
    assert await journal.head(1) == read(blocks(8, 1))[0]
    assert [block.number for block in await journal.read(1, 7, 1)] == [7] and await journal.read(1, 0, 0) == []


async def test_references_are_not_read_back_with_their_block(database: MemoryDatabase) -> None:
    journal = MemoryJournal(database)
    block = Block(
        shard=1, number=0, records=b"x", details=b"d", references=((9, 5), (9, 3)), reviews=((5, 1, REVIEW_OPEN),)
    )
    await journal.append([block])
    assert await stored(journal) == [Block(shard=1, number=0, records=b"x", details=b"d")]
    assert await journal.references(9) == [3, 5] and await journal.reviews(REVIEW_OPEN) == [5]
    (await journal.references(9)).append(7)
    assert await journal.references(9) == [3, 5], "a copy is given"


@pytest.mark.parametrize("count", [PAGE_BLOCKS - 1, PAGE_BLOCKS, PAGE_BLOCKS + 1])
async def test_a_scan_has_no_empty_page_and_ends_at_its_last(database: MemoryDatabase, count: int) -> None:
    journal = MemoryJournal(database)
    await journal.append(blocks(0, count, size=1))
    pages = [page async for page in journal.scan(1, 0)]
    assert all(pages) and sum(map(len, pages)) == count and len(pages) == -(-count // PAGE_BLOCKS)
    short = [number async for page in journal.scan(1, 5, 5) for number, *_ in page]
    assert short == [5]


async def test_the_clock_is_the_one_it_was_given(database: MemoryDatabase) -> None:
    journal, ticks = MemoryJournal(database, clock_ms=lambda: 77), iter((3, 8))
    reading = await journal.clock(lambda: next(ticks))
    assert (reading.sent_ns, reading.database_ms, reading.received_ns) == (3, 77, 8)


async def test_records_of_absent_blocks_are_zeros(database: MemoryDatabase) -> None:
    found = await MemoryJournal(database).records(np.array([record_address(1, 1, 0), record_address(2, 1, 3)]))
    assert len(found) == 2 and not found["kind"].any()
