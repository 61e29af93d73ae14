"""Batches that are sent again: the first answers, read back by page, one page under way, every batch in order."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.journal.memory import MemoryDatabase, MemoryJournal
from actors.records.codes import Code
from actors.records.layout import REQUEST, RESULT, Records, Requests, Results
from actors.shard import messages as m
from actors.shard import repeats
from actors.shard.batch import Batch, Repeats
from actors.shard.host import THREAD_ROWS_MIN, ShardHost
from actors.shard.in_process import LocalSwitch, MemorySegments
from actors.shard.intake import whole
from bench.workload.payments import opening_rows, payment_rows
from tests.unit.actors.shard.test_host import Watch

PAGE = 100


class _Journal(MemoryJournal):
    """Notes which records are read together, and looks that one page is under way."""

    def __init__(self) -> None:
        super().__init__(MemoryDatabase())
        self.pages: list[NDArray[np.int64]] = []
        self.pause: asyncio.Event | None = None
        self._reading = asyncio.Lock()

    async def records(self, addresses: NDArray[np.int64]) -> Records:
        assert not self._reading.locked(), "one page at a time"
        async with self._reading:
            self.pages.append(addresses)
            await asyncio.sleep(0.001)
            if self.pause is not None:
                await self.pause.wait()
            return await super().records(addresses)


class Served:
    """A shard with 50 wallets, and its journal."""

    def __init__(self, host: ShardHost, journal: _Journal, wallets: NDArray[np.int64]) -> None:
        self.host = host
        self.journal = journal
        self._wallets = wallets
        self._random = np.random.default_rng(2)

    def payments(self, count: int) -> Requests:
        return payment_rows(self._wallets, count, self._random)

    async def submit(self, rows: Requests) -> Results:
        return await self.host.submit(rows.copy(), {})


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    journal = _Journal()
    switch = LocalSwitch(journals=[journal], segments=MemorySegments(), secret=secrets.token_bytes(16))
    await switch.start()
    host = switch.hosts[0]
    opened = await host.submit(opening_rows(50, np.random.default_rng(1)), {})
    while opened["code"].any():  # the first ones wait until the shard has claimed a segment
        opened = await host.submit(opening_rows(50, np.random.default_rng(1)), {})
    journal.pages.clear()
    yield Served(host, journal, opened["address"])
    await switch.stop()


def _again(first: Requests) -> Requests:
    replayed = first.copy()
    replayed["replayed"] = 1
    return replayed


async def test_a_large_batch_sent_again_is_answered_by_page_beside_the_loop(served: Served) -> None:
    rows = served.payments(3 * THREAD_ROWS_MIN)
    first = await served.submit(rows)
    watch = Watch(served.host)
    assert (await served.submit(rows[::-1]) == _again(first)[::-1]).all()
    assert [len(page) for page in served.journal.pages] == [repeats.PAGE_ROWS_MAX, THREAD_ROWS_MIN]
    assert watch.of("RecordsRead") == [("RecordsRead", False)] * 2


async def test_batches_that_wait_share_every_page(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "PAGE_ROWS_MAX", PAGE)
    monkeypatch.setattr(repeats, "SHARE_ROWS_MIN", 10)
    batches = [served.payments(rows) for rows in (5 * PAGE, 2 * PAGE, 3)]
    firsts = [await served.submit(rows) for rows in batches]
    again = await asyncio.gather(*(served.submit(rows) for rows in batches))
    assert all((shown == _again(first)).all() for shown, first in zip(again, firsts, strict=True))
    places = [int(first["address"].min()) for first in firsts]
    pages = [np.searchsorted(places, page, "right") - 1 for page in served.journal.pages]
    assert [np.bincount(page, minlength=3).tolist() for page in pages[:3]] == [[100, 0, 0], [33, 33, 3], [50, 50, 0]]
    assert sum(len(page) for page in pages) == 7 * PAGE + 3 and len(pages) <= 9


async def test_what_several_ask_for_is_read_once(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, old = served.payments(300), served.payments(1)
    first = await served.submit(rows)
    await served.submit(old)
    again = await asyncio.gather(served.submit(old), *(served.submit(rows) for _ in range(3)))
    assert all((shown == _again(first)).all() for shown in again[1:])
    assert [len(page) for page in served.journal.pages] == [1, 300]


async def test_beyond_its_bound_a_repeat_is_busy_and_the_rest_of_its_batch_is_answered(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = served.payments(30), served.payments(10)
    first = await served.submit(old)
    monkeypatch.setattr(repeats, "WAITING_ROWS_MAX", 45)
    mixed = np.concatenate([old[:5], new, old[5:]])
    whole, part = await asyncio.gather(served.submit(old), served.submit(mixed))
    assert (whole == _again(first)).all()
    busy = np.zeros(len(mixed), RESULT)
    busy["code"] = Code.BUSY
    made = slice(5, 5 + len(new))
    assert not part[made]["code"].any() and not part[made]["replayed"].any()
    busy[made] = part[made]
    assert (part == busy).all()
    assert (await served.submit(mixed))["replayed"].all()


async def test_keys_used_twice_in_one_batch_are_answered_from_what_is_not_durable_yet(served: Served) -> None:
    rows = served.payments(200)
    once = await served.submit(np.concatenate([rows, rows[::-1]]))
    assert not once["code"].any()
    assert (once[200:][::-1] == _again(once[:200])).all()
    assert not served.journal.pages


async def test_whose_answers_wait_keeps_no_details(served: Served) -> None:
    rows = served.payments(3)
    await served.submit(rows)
    repeats = served.host.core._repeats
    waiting = asyncio.ensure_future(served.host.submit(rows.copy(), {0: bytes(1_000)}))
    while not repeats.page_rows:
        await asyncio.sleep(0)
    ((batch, _),) = repeats._page
    assert batch.details() == {} and batch.admitted is None
    assert (await waiting)["replayed"].all()


async def test_who_repeats_nothing_does_not_wait_for_the_repeats_of_its_batch(served: Served) -> None:
    old = served.payments(200)
    first = await served.submit(old)
    core = served.host.core
    served.journal.pause = asyncio.Event()
    core._intake.offer(m.Submit(ref=-1, rows=old.copy(), details={}), 0)
    batches = core._batches
    shown = await served.submit(served.payments(1))
    assert shown["code"][0] == Code.OK and core._batches == batches + 1 and core._repeats.page_rows == len(old)
    answered = asyncio.get_running_loop().create_future()
    served.host._answers[-1] = answered
    served.journal.pause.set()
    assert (await answered == _again(first)).all()


def test_a_page_is_bounded_and_takes_of_the_last_batch_what_finds_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "PAGE_ROWS_MAX", 4)
    monkeypatch.setattr(repeats, "SHARE_ROWS_MIN", 3)
    answers = repeats.RepeatAnswers()
    for first in (10, 20, 30):
        batch = Batch(1, [whole(m.Submit(ref=1, rows=np.zeros(3, REQUEST), details={}))], 7)
        batch.repeats = Repeats(np.arange(3), np.arange(first, first + 3))
        answers._waiting.append(batch)
    pages = []
    while answers._waiting:
        (read,) = answers._read_on()
        assert isinstance(read, m.ReadRecords) and answers.page_rows == len(read.addresses)
        pages.append(read.addresses.tolist())
        answers._page = []
    assert pages == [[10, 11, 12, 20], [21, 30, 31, 32], [22]]
