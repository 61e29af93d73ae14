"""The host lets its core work in a thread when there is much to do, and nobody notices but by the time it takes."""

import asyncio
import gc
import secrets
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest

from actors.journal.interface import Block
from actors.journal.memory import MemoryDatabase, MemoryJournal
from actors.records.addresses import record_address
from actors.records.codes import Code
from actors.records.header import HEADER_BYTES
from actors.records.layout import RECORD, Kind
from actors.rpc.interface import NotReady
from actors.shard import messages as m
from actors.shard.chain_heads import Heads
from actors.shard.host import THREAD_ROWS_MIN, ShardHost
from actors.shard.in_process import LocalSwitch, MemorySegments
from bench.workload.payments import opening_rows, payment_rows
from rules.decisions.decision import Action, Fallback


class Watch:
    """Notes which messages the core is given, and in which threads; `hold`, when set, is waited for in the next thread."""

    def __init__(self, host: ShardHost) -> None:
        self.seen: list[tuple[str, bool]] = []
        self.hold: threading.Event | None = None
        self._busy = threading.Lock()
        self._handle = host.core.handle
        host.core.handle = self._watched  # type: ignore[method-assign]

    def _watched(self, message: m.Message, now_ms: int) -> list[m.Output]:
        assert self._busy.acquire(blocking=False), "the core is in one thread at a time"
        try:
            here = threading.current_thread() is threading.main_thread()
            self.seen.append((type(message).__name__, here))
            if self.hold is not None and not here:
                assert self.hold.wait(30), "the event loop stood still"
            return self._handle(message, now_ms)
        finally:
            self._busy.release()

    def of(self, *names: str) -> list[tuple[str, bool]]:
        return [each for each in self.seen if each[0] in names]


async def started(segments: MemorySegments | None = None) -> tuple[LocalSwitch, Any]:
    """A switch of one shard with wallets of these addresses."""
    journal = MemoryJournal(MemoryDatabase())
    switch = LocalSwitch(journals=[journal], segments=segments or MemorySegments(), secret=secrets.token_bytes(16))
    await switch.start()
    opened = await switch.hosts[0].submit(opening_rows(50, np.random.default_rng(1)), {})
    while opened["code"].any():  # the first ones wait until the shard has claimed a segment
        opened = await switch.hosts[0].submit(opening_rows(50, np.random.default_rng(1)), {})
    return switch, opened["address"]


async def test_whoever_follows_a_submit_is_told_when_it_was_scored_and_stored() -> None:
    switch, addresses = await started()
    host, rng = switch.hosts[0], np.random.default_rng(2)
    before = time.time_ns()
    followed = [host.submit_timed(payment_rows(addresses, rows, rng), {}) for rows in (3, THREAD_ROWS_MIN, 3)]
    for results, times in await asyncio.gather(*followed):
        assert len(results) in (3, THREAD_ROWS_MIN)
        assert before <= times.scored_from <= times.scored_until <= times.stored_from < times.stored_until
    assert not host._timing, "nothing is kept"
    assert (await host.submit_timed(payment_rows(addresses, 1, rng), {}))[1].stored_until <= time.time_ns()
    await switch.stop()


async def test_a_scorer_that_fails_at_once_leaves_the_payment_to_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    switch, addresses = await started()
    host, rng = switch.hosts[0], np.random.default_rng(2)

    def fails(*_: Any) -> Any:
        raise RuntimeError("the connection is closed")

    with monkeypatch.context() as broken:
        broken.setattr(host._scorer, "decide", fails)
        paid = await host.submit(payment_rows(addresses, 3, rng), {})
        assert not paid["code"].any() and host.core.fallbacks == 3
    paid = await host.submit(payment_rows(addresses, 2, rng), {})
    assert not paid["code"].any() and host.core.fallbacks == 3
    await switch.stop()


async def test_what_is_ended_before_its_first_step_has_begun_nothing() -> None:
    """Python warned of a coroutine that nobody awaited, some time later and in another test."""
    switch, _ = await started()
    host = switch.hosts[0]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        host._perform(m.Pause(then=m.Rested(), ms=1))
        await host.stop()
        gc.collect()
    await switch.stop()
    assert [str(each.message) for each in seen] == []


async def test_a_fallback_that_is_changed_while_no_scorer_answers_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    segments = MemorySegments()
    switch, addresses = await started(segments)
    host, rng = switch.hosts[0], np.random.default_rng(2)

    def fails(*_: Any) -> Any:
        raise RuntimeError("the connection is closed")

    monkeypatch.setattr(host._scorer, "decide", fails)
    codes = []
    async with asyncio.timeout(60):
        for action, revision in ((Action.APPROVE, 2), (Action.DECLINE, 3), (Action.APPROVE, 2)):
            segments.live = Fallback(action, 7, revision)
            while host.core._fallback != segments.live:
                await asyncio.sleep(0.02)
            codes.append((await host.submit(payment_rows(addresses, 1, rng), {}))["code"][0])
    await switch.stop()
    assert codes == [Code.OK, Code.DECLINED, Code.OK], "the last one is of a standby that is behind"


async def test_a_submit_that_is_not_taken_in_is_followed_no_further() -> None:
    switch, addresses = await started()
    switch.hosts[0].core.serving = False
    with pytest.raises(NotReady):
        await switch.hosts[0].submit_timed(payment_rows(addresses, 1, np.random.default_rng(2)), {})
    assert not switch.hosts[0]._timing
    switch.hosts[0].core.serving = True
    await switch.stop()


async def test_a_large_batch_is_worked_on_beside_the_loop_and_what_comes_meanwhile_waits_its_turn() -> None:
    switch, addresses = await started()
    host, rng = switch.hosts[0], np.random.default_rng(2)
    watch = Watch(host)
    watch.hold = hold = threading.Event()
    loop = asyncio.get_running_loop()
    large = asyncio.ensure_future(host.submit(payment_rows(addresses, THREAD_ROWS_MIN, rng), {}))
    small = asyncio.ensure_future(host.submit(payment_rows(addresses, 3, rng), {}))
    before = loop.create_task(host.wallets(addresses))
    loop.call_later(0, lambda: loop.call_later(0, hold.set))  # a loop that stands still never gets there
    assert not (await large)["code"].any() and len(await small) == 3
    assert (await before)["currency"].all()
    assert watch.of("Submit", "Read") == [("Submit", False), ("Submit", False), ("Read", False)]
    await switch.stop()


async def test_where_chains_begin_is_told_while_the_core_works_in_a_thread() -> None:
    switch, addresses = await started()
    host = switch.hosts[0]
    before = await host.heads(addresses)
    watch = Watch(host)
    watch.hold = threading.Event()
    large = asyncio.ensure_future(host.submit(payment_rows(addresses, THREAD_ROWS_MIN, np.random.default_rng(2)), {}))
    await asyncio.sleep(0)
    assert await host.heads(addresses) == before  # it would wait for ever: the thread is released below
    watch.hold.set()
    assert not (await large)["code"].any()
    after = await host.heads(addresses)
    assert all(new.places[0] > old.places[0] for new, old in zip(after, before, strict=True))
    assert watch.of("FindHeads") == [("FindHeads", True)]
    await switch.stop()


async def test_a_chain_that_cannot_be_told_beside_the_core_waits_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    switch, addresses = await started()
    host = switch.hosts[0]
    monkeypatch.setattr(Heads, "read_during_batch", lambda heads, addresses: None)
    watch = Watch(host)
    watch.hold = threading.Event()
    large = asyncio.ensure_future(host.submit(payment_rows(addresses, THREAD_ROWS_MIN, np.random.default_rng(2)), {}))
    await asyncio.sleep(0)
    asked = asyncio.ensure_future(host.heads(addresses))
    await asyncio.sleep(0)
    assert not asked.done()
    watch.hold.set()
    assert len(await asked) == len(addresses)
    await large
    await switch.stop()


async def test_small_batches_stay_on_the_loop() -> None:
    switch, addresses = await started()
    watch = Watch(switch.hosts[0])
    await switch.hosts[0].submit(payment_rows(addresses, THREAD_ROWS_MIN - 1, np.random.default_rng(2)), {})
    assert watch.of("Submit", "Scored") == [("Submit", True), ("Scored", True)]
    await switch.stop()


async def test_what_a_key_made_is_found_and_of_a_key_that_made_nothing_nothing() -> None:
    switch, addresses = await started()
    host = switch.hosts[0]
    rows = payment_rows(addresses, 1, np.random.default_rng(2))
    key = rows["key_hi"].tobytes() + rows["key_lo"].tobytes()
    (result,) = await host.submit(rows.copy(), {})
    async with asyncio.timeout(60):
        assert await host.find_key(1, int(rows["payer"][0]), key) == result["address"] > 0
        assert await host.find_key(2, int(rows["payer"][0]), key) == 0
    await switch.stop()


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("after", 1 << 52 | 9_999 << 8, Code.AFTER_NOT_FOUND),
        ("payee", 99 << 16, Code.PAYEE_NOT_FOUND),
        ("payee", 2 << 16 | 60_000, Code.PAYEE_NOT_FOUND),
    ],
    ids=["a record", "a segment", "a wallet"],
)
async def test_what_a_row_waits_for_of_another_shard_is_looked_for_at_once(
    field: str, value: int, expected: Code
) -> None:
    database = MemoryDatabase()
    journals = [MemoryJournal(database) for _ in range(2)]
    switch = LocalSwitch(journals=[*journals], segments=MemorySegments(), secret=secrets.token_bytes(16))
    await switch.start()
    host, rng = switch.hosts[0], np.random.default_rng(1)
    async with asyncio.timeout(60):
        while (opened := await host.submit(opening_rows(2, rng), {}))["code"].any():
            await asyncio.sleep(0.01)
        row = payment_rows(opened["address"], 1, rng)
        await switch.hosts[1].submit(opening_rows(1, rng), {})
        row[field] = value
        code = int(Code.DEFERRED)
        while code == Code.DEFERRED:  # until the other shard, or the list of segments, was asked
            (result,) = await host.submit(row.copy(), {})
            code = int(result["code"])
            if not row["deferred_at"][0]:
                row["deferred_at"] = result["record_time"]
            await asyncio.sleep(0.01)
    assert code == expected
    await switch.stop()


async def test_refunds_of_a_record_are_read_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many a caller made: with a question for each a payment of 10,000 refunds took seconds."""
    switch, _ = await started()
    shard, host, database = 9, switch.hosts[0], MemoryDatabase()
    paid, refunds = record_address(shard, 1, 0), [record_address(shard, 2 + n // 50, n % 50) for n in range(130)]
    for number in range(1, 5):
        records = np.zeros(50, RECORD)
        records["kind"], records["amount"] = (Kind.TRANSFER, 9_000) if number == 1 else (Kind.REFUND, number)
        block = Block(shard=shard, number=number, records=bytes(HEADER_BYTES) + records.tobytes(), details=None)
        database.blocks[shard][number] = block
        database.numbers[shard].append(number)
    database.references[paid] = refunds
    journal, asked, fed = MemoryJournal(database), list[int](), list[Any]()

    async def records_of(addresses: Any) -> Any:
        asked.append(len(addresses))
        return await MemoryJournal.records(journal, addresses)

    monkeypatch.setattr(journal, "records", records_of)
    monkeypatch.setattr(host, "_journal", journal)
    monkeypatch.setattr(host, "_feed", fed.append)
    await host._read_originals(m.ReadOriginals(stamp=7, targets=[paid]))
    assert asked == [1, 130]
    (original,) = fed[0].originals
    assert (original["address"], original["amount"]) == (paid, 9_000)
    assert original["refunded"] == 50 * 2 + 50 * 3 + 30 * 4
    monkeypatch.undo()
    await switch.stop()
