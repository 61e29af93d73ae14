"""What a journal promises, whatever keeps it; what only PostgreSQL can break is in tests/integration/actors/journal/test_postgres.py."""

import asyncio
import random
import time
from collections.abc import Callable

import numpy as np
import pytest

from actors.journal.interface import (
    RECORDS_BYTES_MAX,
    REVIEW_OPEN,
    Block,
    BlockConflict,
    Journal,
    OutcomeUnknown,
)
from actors.process.elapsed import elapsed_ns
from actors.records.addresses import record_address
from actors.records.blocks import GENESIS, Writer, seal
from actors.records.layout import RECORD
from tests.journal_blocks import NEW, OLD, blocks, read, stored

OpenJournal = Callable[[int, int], Journal]


async def test_an_empty_shard_has_no_head_and_no_blocks(open_journal: OpenJournal) -> None:
    journal = open_journal(1, OLD)
    assert await journal.head(1) is None
    assert await journal.block(1, 0) is None
    assert await stored(journal) == []
    assert [page async for page in journal.scan(1, 0)] == []


async def test_what_was_appended_is_read_back(open_journal: OpenJournal) -> None:
    journal = open_journal(1, OLD)
    written = blocks(0, 3) + blocks(3, 2, details=b"\x00details\xff")
    await journal.append(written[:1])
    await journal.append(written[1:])
    assert await stored(journal) == written
    assert await journal.head(1) == read(written)[-1]
    assert await journal.block(1, 2) == read(written)[2]
    assert await journal.block(1, 5) is None
    assert await journal.read(1, 1, 2) == read(written)[1:3]
    assert await journal.read(1, 5, 10) == []


async def test_shards_do_not_see_each_other(open_journal: OpenJournal) -> None:
    one, two = open_journal(1, OLD), open_journal(2, OLD)
    await one.append(blocks(0, 2))
    await two.append(blocks(0, 1, shard=2, mark=b"t"))
    assert await one.head(2) == read(blocks(0, 1, shard=2, mark=b"t"))[0]
    assert await stored(two, 1) == blocks(0, 2)


@pytest.mark.parametrize("details_bytes", [None, 0, 20, 23, 24, 25, 40, 126, 127, 128, 3_000, 100_000])
async def test_a_full_block_fits_whatever_its_details(open_journal: OpenJournal, details_bytes: int | None) -> None:
    journal = open_journal(1, OLD)
    details = None if details_bytes is None else random.Random(1).randbytes(details_bytes)
    written = blocks(0, 2, size=RECORDS_BYTES_MAX, details=details)
    await journal.append(written)
    assert await stored(journal) == written


async def test_a_taken_block_refuses_the_whole_append(open_journal: OpenJournal) -> None:
    journal = open_journal(1, OLD)
    await journal.append(blocks(2, 1))
    late = [Block(shard=1, number=number, records=b"x", details=None, references=((7, number),)) for number in range(4)]
    with pytest.raises(BlockConflict):
        await journal.append(late)
    assert await stored(journal) == blocks(2, 1)
    assert await journal.references(7) == []
    await journal.append(blocks(3, 1))
    assert await journal.head(1) == read(blocks(3, 1))[0]


async def test_the_same_bytes_again_are_taken_too(open_journal: OpenJournal) -> None:
    journal = open_journal(1, OLD)
    await journal.append(blocks(0, 2))
    with pytest.raises(BlockConflict):
        await journal.append(blocks(0, 2))
    assert await stored(journal) == blocks(0, 2)


async def test_of_two_writers_one_gets_the_block(open_journal: OpenJournal) -> None:
    writers = [open_journal(1, OLD), open_journal(1, NEW)]
    for number in range(20):
        outcomes = await asyncio.gather(
            *(writer.append(blocks(number, 1, mark=mark)) for writer, mark in zip(writers, (b"a", b"b"), strict=True)),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes if outcome is not None] == [BlockConflict]
        winner = b"b" if outcomes[0] is not None else b"a"
        assert await writers[0].block(1, number) == read(blocks(number, 1, mark=winner))[0]


async def test_references_are_stored_with_their_block(open_journal: OpenJournal) -> None:
    journal = open_journal(1, OLD)
    first = Block(shard=1, number=0, records=b"x", details=None, references=((500, 9), (400, 8), (500, 7)))
    await journal.append([first, *blocks(1, 1)])
    await journal.append([Block(shard=1, number=2, records=b"y", details=None, references=((500, 8),))])
    assert await journal.references(500) == [7, 8, 9]
    assert await journal.references(400) == [8]
    assert await journal.references(1) == []
    assert [block.number for block in await stored(journal)] == [0, 1, 2]


async def test_reviews_are_stored_and_changed_with_their_block(open_journal: OpenJournal) -> None:
    journal = open_journal(1, OLD)
    opened = ((30, 7, REVIEW_OPEN), (10, 9, REVIEW_OPEN), (20, 7, REVIEW_OPEN))
    await journal.append([Block(shard=1, number=0, records=b"x", details=None, reviews=opened)])
    assert await journal.reviews(REVIEW_OPEN) == [20, 30, 10]
    both = ((40, 10, REVIEW_OPEN), (40, 0, 3), (20, 0, 1))
    await journal.append([Block(shard=1, number=1, records=b"y", details=None, reviews=both)])
    assert [await journal.reviews(status) for status in range(4)] == [[30, 10], [20], [], [40]]


async def test_an_append_that_fails_changes_no_review(open_journal: OpenJournal) -> None:
    journal = open_journal(1, OLD)
    await journal.append([Block(shard=1, number=0, records=b"x", details=None, reviews=((5, 1, REVIEW_OPEN),))])
    with pytest.raises(BlockConflict):
        await journal.append([Block(shard=1, number=0, records=b"y", details=None, reviews=((5, 0, 2), (6, 1, 0)))])
    assert await journal.reviews(REVIEW_OPEN) == [5]


async def test_a_scan_gives_every_block_once_in_order(open_journal: OpenJournal) -> None:
    journal = open_journal(1, OLD)
    written = blocks(0, 4_500, size=8)
    await journal.append(written)
    everything = [block async for page in journal.scan(1, 0) for block in page]
    assert everything == [(b.number, b.records, None) for b in written]
    part = [number async for page in journal.scan(1, 7, 2_345) for number, _, _ in page]
    assert part == list(range(7, 2_346))
    assert [page async for page in journal.scan(1, 4_500)] == []


async def test_a_scan_can_be_left_early(open_journal: OpenJournal) -> None:
    journal = open_journal(1, OLD)
    await journal.append(blocks(0, 2_500, size=8))
    scan = journal.scan(1, 0)
    page = await anext(scan)
    assert page[0][0] == 0
    await scan.aclose()
    assert await journal.head(1) == read(blocks(2_499, 1, size=8))[0]


@pytest.mark.parametrize("details", [False, True])
async def test_a_scan_of_many_pages_gives_details_if_asked_and_what_was_stored_meanwhile(
    open_journal: OpenJournal, details: bool
) -> None:
    journal = open_journal(1, OLD)
    written = blocks(0, 400, size=8_000, details=b"d" * 300) + blocks(400, 300, size=8_000, details=b"")
    await journal.append(written)
    scan = journal.scan(1, 0, details=details)
    found = list(await anext(scan))
    late = blocks(700, 1, size=1)
    await journal.append(late)
    found += [block async for page in scan for block in page]
    assert found == [(b.number, b.records, b.details if details else None) for b in written + late]


@pytest.mark.parametrize("share", [0.002, 0.5, 1])
async def test_records_are_found_by_address_in_any_shard_and_zeros_where_there_are_none(
    open_journal: OpenJournal, share: float
) -> None:
    chance = np.random.default_rng(4)
    wanted: dict[int, bytes] = {}
    for shard in (1, 2):
        records = np.frombuffer(bytearray(chance.bytes(30_017 * RECORD.itemsize)), RECORD)
        records["kind"], records["flags"] = 10, 0
        written, _ = seal(
            Writer(shard, 1, 7, bytes(16)), first=1, previous=GENESIS, seen=0, records=records, details={}
        )
        stored_blocks = [Block(shard=shard, number=b.number, records=b.data, details=b"d") for b in written]
        await open_journal(shard, OLD).append(stored_blocks)
        wanted |= {
            record_address(shard, 1 + i // 50, i % 50): records[i].tobytes()
            for i in np.flatnonzero(chance.random(len(records)) < share).tolist()
        }
    absent = [record_address(1, 601, 17), record_address(1, 602, 0), record_address(2, 7, 50), record_address(3, 1, 0)]
    addresses = np.array(sorted([*wanted, *absent]), np.int64)
    found = await open_journal(1, OLD).records(addresses)
    expected = [wanted.get(address, bytes(RECORD.itemsize)) for address in addresses.tolist()]
    assert [record.tobytes() for record in found] == expected


async def test_the_clock_is_in_milliseconds_of_now(open_journal: OpenJournal) -> None:
    reading = await open_journal(1, OLD).clock(elapsed_ns)
    assert abs(reading.database_ms - time.time() * 1000) < 5_000
    assert reading.sent_ns < reading.received_ns <= elapsed_ns()


async def test_a_takeover_leaves_what_is_stored_and_lets_the_new_writer_append(
    open_journal: OpenJournal,
) -> None:
    old, new = open_journal(1, OLD), open_journal(1, NEW)
    await old.append(blocks(0, 1))
    await new.takeover(1, NEW)
    await new.append(blocks(1, 1))
    with pytest.raises((BlockConflict, OutcomeUnknown)):
        await old.append(blocks(1, 1, mark=b"o"))
    assert await stored(new) == blocks(0, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        blocks(0, 1) + blocks(2, 1),
        blocks(0, 1) + blocks(1, 1, shard=2),
        blocks(0, 1, size=RECORDS_BYTES_MAX + 1),
    ],
    ids=["empty", "gap", "two shards", "too long"],
)
async def test_a_malformed_append_is_a_bug(open_journal: OpenJournal, wrong: list[Block]) -> None:
    journal = open_journal(1, OLD)
    with pytest.raises(AssertionError):
        await journal.append(wrong)
    assert await stored(journal) == []
