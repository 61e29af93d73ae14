"""Texts of payments are looked for in pages: whoever asks holds neither memory nor the front door for all of a shard at once."""

import asyncio
import time
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actors.database.connection import connect
from actors.database.pool import Pool
from actors.records.layout import Kind
from actors.stores import erasure
from actors.stores.erasure import Block, ErasureStore
from tests.journal_rows import journal, record

MINE, OTHER, SHOP = 0x31234, 0x35678, 0x39ABC
TEXT = b"\x81\xa9reference\xa4rent"


async def stored(database_url: str, blocks: int, every: int, records: int = 2) -> None:
    """A journal in whose blocks somebody pays, in each `every`th of them MINE too; all with a text."""
    connection = await connect(database_url, name="test")
    others = [record(Kind.TRANSFER, payer=OTHER, payee=SHOP, amount=1)] * records
    mine = [*others[1:], record(Kind.TRANSFER, payer=MINE, payee=SHOP, amount=1)]
    details = dict.fromkeys(range(records), TEXT)
    rows: list[tuple[Any, ...]] = []
    for number in range(1, blocks + 1):
        (sealed,) = journal(0, others if number % every else mine, details=details, first=number)
        rows.append((0, *sealed[:3]))
    await connection.copy_records_to_table("journal", columns=["shard", "block", "records", "details"], records=rows)
    await connection.close()


@asynccontextmanager
async def store(database_url: str) -> Any:
    pool = await Pool.open(database_url, name="test")
    try:
        yield ErasureStore(pool)
    finally:
        await pool.close()


async def pages(erasures: ErasureStore, newest: int) -> list[tuple[int, set[Block]]]:
    """Of each page, from which block the next goes on, and the blocks found."""
    found, first = [], 1
    while first <= newest:
        page = await erasures.payments(0, first, MINE)
        found.append((page.next, set(page.found)))
        first = page.next
    return found


async def test_a_page_has_an_end_in_blocks_looked_at_and_in_blocks_found(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "SCANNED_AT_ONCE", 12)
    monkeypatch.setattr(erasure, "BLOCKS_AT_ONCE", 3)
    await stored(database_url, blocks=30, every=3)
    async with store(database_url) as erasures:
        found = await pages(erasures, await erasures.newest_block(0))
    assert [after for after, _ in found] == [10, 19, 28, 40]
    assert [sorted(number for _, number in blocks) for _, blocks in found] == [
        [3, 6, 9],
        [12, 15, 18],
        [21, 24, 27],
        [30],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("every", [1_000, 1])
async def test_a_million_records_are_looked_through_a_page_at_a_time(database_url: str, every: int) -> None:
    await stored(database_url, blocks=20_000, every=every, records=50)
    loop, longest, places = asyncio.get_running_loop(), 0.0, []

    async def beats() -> None:
        nonlocal longest
        while True:
            before = loop.time()
            await asyncio.sleep(0.001)
            longest = max(longest, loop.time() - before)

    async with store(database_url) as erasures:
        beating = asyncio.create_task(beats())
        start = time.perf_counter()
        places = await pages(erasures, await erasures.newest_block(0))
        took = time.perf_counter() - start
        beating.cancel()
    print(
        f"in one block of {every}: {took:.2f} s, {len(places)} pages, others waited for {1_000 * longest:.0f} ms at most"
    )
    assert sum(len(blocks) for _, blocks in places) == 20_000 // every
    assert all(len(blocks) <= erasure.BLOCKS_AT_ONCE for _, blocks in places)


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (b'{"id":"a","notes":[{"text":"Ms Smith"}]}', b'{"id":"a","notes":[]}'),
        (
            b'{"content":[{"reason":"x","until":1}],"answer":null}',
            b'{"content":[{"reason":"","until":1}],"answer":null}',
        ),
        (b'{ "id": "a", "secret": "s" }', b'{ "id": "a", "secret": "s" }'),
    ],
)
def test_an_answer_keeps_its_form_and_loses_what_people_wrote(answer: bytes, left: bytes) -> None:
    assert erasure.without_words(answer) == left
