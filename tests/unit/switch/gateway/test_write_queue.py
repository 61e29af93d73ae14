"""The write queue: batching without a timer, retries under the same key, deadlines, bounds."""

import asyncio
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from actors.records.codes import Code
from actors.records.layout import FLAG_LINKED, REQUEST, RESULT
from actors.rpc.interface import ChainHead, Condition, ShardUnavailable
from switch.gateway.write_queue import (
    ANSWERS_A_TURN,
    DeadlineExceeded,
    ShardWriteQueue,
    WriteQueueLimits,
    _cuts,
    _finish,
    _Job,
)
from switch.problems.table import OVERLOADED_NUMBER, UNKNOWN_NUMBER
from tests.stopped_clock import StoppedClock

Reply = Callable[[Any, dict[int, bytes]], Any]


class Shard:
    """Records calls; each waits for `gate`, then `reply` gives results or raises."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, dict[int, bytes]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.replies: list[Reply] = []

    async def submit(self, rows: Any, details: dict[int, bytes]) -> Any:
        self.calls.append((rows.copy(), details))
        await self.gate.wait()
        return (self.replies.pop(0) if self.replies else done)(rows, details)

    async def wallets(self, addresses: Any) -> Any:
        raise NotImplementedError

    async def find_key(self, caller: int, home: int, key: bytes) -> int:
        raise NotImplementedError

    async def condition(self) -> Condition:
        raise NotImplementedError

    async def heads(self, addresses: Any) -> list[ChainHead]:
        raise NotImplementedError


def done(rows: Any, details: Any) -> Any:
    """Every row done; its amount comes back as the address."""
    results = np.zeros(len(rows), RESULT)
    results["address"] = rows["amount"]
    return results


def answering(code: int, record_time: int = 0) -> Reply:
    def reply(rows: Any, details: Any) -> Any:
        results = done(rows, details)
        results["code"], results["record_time"] = code, record_time
        return results

    return reply


def losing(not_sent: bool) -> Reply:
    def reply(rows: Any, details: Any) -> Any:
        raise ShardUnavailable(not_sent)

    return reply


def row(amount: int, caller: int = 1) -> bytes:
    packed: bytes = rows_of(amount, caller=caller).tobytes()
    return packed


def rows_of(*amounts: int, caller: int = 1) -> Any:
    rows = np.zeros(len(amounts), REQUEST)
    rows["amount"], rows["caller"] = amounts, caller
    return rows


def queue_of(shard: Shard, late_s: float = 60.0, **limits: Any) -> ShardWriteQueue:
    """No call leaves late unless a test asks for it, however long the machine takes."""
    return ShardWriteQueue(shard, WriteQueueLimits(late_s=late_s, **limits))


def soon(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def asked(queue: ShardWriteQueue, *callers: int) -> list[Any]:
    """A payment of each, one after the other: each leaves in a call of its own, if one may leave."""
    waiting = []
    for caller in callers:
        waiting.append(asyncio.create_task(queue.one(row(1, caller), None, soon())))
        await turns(10)
    return waiting


async def asked_in_a_batch(queue: ShardWriteQueue) -> Any:
    """A batch that leaves, if it may."""
    batch = asyncio.create_task(queue.many(rows_of(1, 2), {}, soon()))
    await turns(10)
    return batch


async def test_what_queues_while_three_calls_are_out_goes_into_the_next() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard)
    waiting = []
    for amount in range(1, 11):
        waiting.append(asyncio.create_task(queue.one(row(amount), b"d%d" % amount, soon())))
        await turns()
    assert [len(rows) for rows, _ in shard.calls] == [1, 1, 1]
    assert queue.queued_rows == 7
    shard.gate.set()
    results = await asyncio.gather(*waiting)
    assert [result.address for result in results] == list(range(1, 11))
    assert [len(rows) for rows, _ in shard.calls] == [1, 1, 1, 7]
    assert shard.calls[3][1] == {i: b"d%d" % (i + 4) for i in range(7)}


async def test_small_requests_leave_in_some_more_calls_when_none_has_left_for_a_while() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, late_s=0.0, late_calls_max=2)
    waiting = []
    for amount in range(1, 11):
        waiting.append(asyncio.create_task(queue.one(row(amount), None, soon())))
        await turns(10)
    assert [len(rows) for rows, _ in shard.calls] == [1, 1, 1, 1, 1]
    assert queue.queued_rows == 5
    shard.gate.set()
    results = await asyncio.gather(*waiting)
    assert [result.address for result in results] == list(range(1, 11))
    assert [len(rows) for rows, _ in shard.calls] == [1, 1, 1, 1, 1, 5]


async def test_each_call_that_leaves_late_waits_anew() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, late_s=0.05)
    waiting = await asked(queue, 1, 1, 1)
    await asyncio.sleep(0.1)
    before = queue._left_at
    waiting += await asked(queue, 1)
    assert len(shard.calls) == 4 and queue._left_at >= before + 0.1
    queue._left_at += 60
    waiting += await asked(queue, 1)
    assert len(shard.calls) == 4, "the one before has only just left"
    shard.gate.set()
    await asyncio.gather(*waiting)


async def test_no_batch_leaves_late() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, late_s=0.0, small_rows_max=1)
    waiting = [await asked_in_a_batch(queue), *await asked(queue, 1, 2), await asked_in_a_batch(queue)]
    assert [len(rows) for rows, _ in shard.calls] == [2, 1, 1]
    waiting += await asked(queue, 2)
    assert [len(rows) for rows, _ in shard.calls] == [2, 1, 1, 1], "the payment, not a batch that came before it"
    shard.gate.set()
    await asyncio.gather(*waiting)


async def test_nothing_leaves_late_while_batches_wait_for_their_first_call() -> None:
    """Else payments that keep coming would take each place that a call leaves, and the batch would wait for ever."""
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, late_s=0.0, small_rows_max=1)
    waiting = [*await asked(queue, 1, 2, 1), await asked_in_a_batch(queue), *await asked(queue, 1, 2)]
    assert [len(rows) for rows, _ in shard.calls] == [1, 1, 1]
    shard.gate.set()
    await asyncio.gather(*waiting)
    assert 2 in [len(rows) for rows, _ in shard.calls]


async def test_requests_of_one_turn_of_the_loop_share_a_call() -> None:
    shard = Shard()
    queue = queue_of(shard)
    await asyncio.gather(*(queue.one(row(i), None, soon()) for i in range(5)))
    assert [len(rows) for rows, _ in shard.calls] == [5]
    assert queue._gathering._under_way == 0, "the next call waits for no more"


async def test_a_call_is_capped_and_a_large_batch_goes_alone() -> None:
    shard = Shard()
    queue = queue_of(shard, call_rows_max=3)
    await asyncio.gather(
        *(queue.one(row(i), None, soon()) for i in range(4)),
        queue.many(rows_of(*range(10)), {9: b"x"}, soon()),
    )
    assert [len(rows) for rows, _ in shard.calls] == [3, 1, 10]
    assert shard.calls[2][1] == {9: b"x"}


@pytest.mark.parametrize("code", [Code.DEFERRED, Code.BUSY, Code.MOVED])
async def test_an_untried_row_is_sent_again_with_the_first_time_it_was_deferred(code: Code) -> None:
    shard = Shard()
    shard.replies = [answering(code, 77), answering(code, 99)]
    queue = queue_of(shard)
    result = await queue.one(row(5), b"d", soon())
    assert (result.code, result.address) == (Code.OK, 5)
    echoed = [int(rows["deferred_at"][0]) for rows, _ in shard.calls]
    assert echoed == ([0, 77, 77] if code is Code.DEFERRED else [0, 0, 0])
    assert [details for _, details in shard.calls] == [{0: b"d"}] * 3


async def test_rows_of_a_batch_keep_the_first_time_they_were_deferred() -> None:
    shard = Shard()
    shard.replies = [answering(Code.DEFERRED, 77), answering(Code.DEFERRED, 99)]
    rows = rows_of(10, 11)
    rows["deferred_at"][1] = 55
    assert (await queue_of(shard).many(rows, {}, soon()))["address"].tolist() == [10, 11]
    assert [rows["deferred_at"].tolist() for rows, _ in shard.calls] == [[0, 55], [77, 55], [77, 55]]


async def test_a_batch_sends_only_what_is_still_open_again() -> None:
    shard = Shard()

    def some(rows: Any, details: Any) -> Any:
        results = done(rows, details)
        results["code"][[1, 3]] = Code.DEFERRED
        results["record_time"] = 50
        results["code"][2] = Code.INSUFFICIENT_FUNDS
        return results

    shard.replies = [some, losing(False)]
    queue = queue_of(shard)
    results = await queue.many(rows_of(10, 11, 12, 13), {0: b"a", 3: b"b"}, soon())
    assert results["code"].tolist() == [0, 0, Code.INSUFFICIENT_FUNDS, 0]
    assert results["address"].tolist() == [10, 11, 12, 13]
    again = shard.calls[2]
    assert again[0]["amount"].tolist() == [11, 13]
    assert again[0]["deferred_at"].tolist() == [50, 50]
    assert again[1] == {1: b"b"}


@pytest.mark.parametrize(
    ("replies", "code", "sent"),
    [
        ([losing(True)] * 100, OVERLOADED_NUMBER, False),
        ([losing(False)] * 100, UNKNOWN_NUMBER, True),
        ([answering(Code.BUSY)] * 100, Code.BUSY, False),
        ([losing(False)] + [answering(Code.DEFERRED)] * 100, UNKNOWN_NUMBER, True),
        ([losing(False)] + [answering(Code.HOLDS_FULL)] * 100, UNKNOWN_NUMBER, True),
        ([answering(Code.DEFERRED)] + [losing(True)] * 100, Code.DEFERRED, False),
    ],
    ids=["never sent", "lost", "busy", "lost then deferred", "lost then full", "deferred then unreachable"],
)
async def test_at_the_deadline_the_answer_says_what_is_known(replies: list[Reply], code: int, sent: bool) -> None:
    shard = Shard()
    shard.replies = list(replies)
    with pytest.raises(DeadlineExceeded) as overdue:
        await queue_of(shard).one(row(1), None, soon(0.2))
    assert (overdue.value.code, overdue.value.sent) == (code, sent)
    shard.replies = list(replies)
    results = await queue_of(shard).many(rows_of(1, 2), {}, soon(0.2))
    assert results["code"].tolist() == [code, code]


async def test_a_hanging_shard_ends_each_wait_at_its_deadline() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, calls_max=1)
    first = asyncio.create_task(queue.one(row(1), None, soon(0.05)))
    await turns()
    second = asyncio.create_task(queue.one(row(2), None, soon(0.1)))
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert [(o.code, o.sent) for o in outcomes if isinstance(o, DeadlineExceeded)] == [
        (UNKNOWN_NUMBER, True),
        (OVERLOADED_NUMBER, False),
    ]
    shard.gate.set()
    assert (await queue.one(row(3), None, soon())).address == 3
    assert [rows["amount"].tolist() for rows, _ in shard.calls] == [[1], [3]]
    await queue.close()


async def test_a_wait_behind_one_that_was_answered_ends_at_its_deadline() -> None:
    hung = asyncio.Event()

    class Hanging(Shard):
        async def submit(self, rows: Any, details: dict[int, bytes]) -> Any:
            if rows["amount"][0] == 1:
                await hung.wait()
            return await super().submit(rows, details)

    queue = queue_of(Hanging())
    first = asyncio.create_task(queue.one(row(1), None, soon(0.05)))
    await turns(10)
    assert (await queue.one(row(2), None, soon())).address == 2
    assert len(queue._deadlines._waiting) == 2, "it is let go with the first"
    async with asyncio.timeout(60):
        with pytest.raises(DeadlineExceeded):
            await first
    hung.set()
    await queue.close()


async def test_a_call_that_never_ends_is_given_up() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, calls_max=1, call_timeout_s=0.02)
    with pytest.raises(DeadlineExceeded):
        await queue.one(row(1), None, soon(0.03))
    shard.gate.set()
    assert (await queue.one(row(3), None, soon())).address == 3


async def test_a_call_that_was_given_up_may_have_been_done() -> None:
    shard = Shard()
    shard.replies = [answering(Code.HOLDS_FULL)]
    shard.gate.clear()
    queue = queue_of(shard, call_timeout_s=0.01)
    asked = asyncio.create_task(queue.one(row(1), None, soon()))
    while len(shard.calls) < 2:
        await asyncio.sleep(0.001)
    shard.gate.set()
    assert (await asked).code == Code.OK, "that a table is full says nothing of the first call"


async def test_a_full_queue_refuses_at_once() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, calls_max=1, queue_rows_max=4)
    waiting = [asyncio.create_task(queue.one(row(1), None, soon()))]
    await turns()
    waiting += [asyncio.create_task(queue.one(row(i), None, soon())) for i in (2, 3)]
    await turns()
    with pytest.raises(DeadlineExceeded) as full:
        await queue.one(row(4), None, soon())
    assert (full.value.code, full.value.sent) == (OVERLOADED_NUMBER, False)
    assert (await queue.many(rows_of(1, 2), {}, soon()))["code"].tolist() == [OVERLOADED_NUMBER] * 2
    shard.gate.set()
    await asyncio.gather(*waiting)
    assert queue.queued_rows == 0


async def test_details_that_wait_are_bounded_too() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, calls_max=1, queue_detail_bytes_max=20)
    waiting = [asyncio.create_task(queue.one(row(1), None, soon()))]
    await turns()
    waiting += [asyncio.create_task(queue.one(row(2), details, soon())) for details in (b"x" * 8, None)]
    await turns()
    assert queue._small.detail_bytes == 8
    with pytest.raises(DeadlineExceeded):
        await queue.one(row(3), b"x" * 8, soon())
    shard.gate.set()
    await asyncio.gather(*waiting)


async def test_one_caller_fills_half_of_the_queue_and_others_still_get_in() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, calls_max=1, queue_rows_max=8)
    waiting = [asyncio.create_task(queue.one(row(1), None, soon()))]
    await turns()
    waiting += [asyncio.create_task(queue.one(row(i), None, soon())) for i in range(4)]
    await turns()
    with pytest.raises(DeadlineExceeded):
        await queue.one(row(4), None, soon())
    assert (await queue.many(rows_of(1), {}, soon()))["code"].tolist() == [OVERLOADED_NUMBER]
    other = asyncio.create_task(queue.many(rows_of(7, 8, caller=2), {}, soon()))
    await turns()
    assert queue.queued_rows == 6
    shard.gate.set()
    assert (await other)["address"].tolist() == [7, 8]
    await asyncio.gather(*waiting)


async def test_a_payment_beside_the_batches_of_another_is_in_the_next_call_and_calls_are_short_then() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, calls_max=1, call_rows_max=100, part_rows_max=10)
    batches = [asyncio.create_task(queue.many(rows_of(*range(100)), {}, soon())) for _ in range(3)]
    await turns(30)
    assert [len(rows) for rows, _ in shard.calls] == [100]
    payment = asyncio.create_task(queue.one(row(7, caller=2), None, soon()))
    await turns()
    shard.gate.set()
    assert (await payment).address == 7
    assert [len(rows) for rows, _ in shard.calls] == [100, 1], "alone: an answer waits for its whole call"
    for batch in batches:
        assert (await batch)["address"].tolist() == list(range(100))
    assert max(len(rows) for rows, _ in shard.calls[1:]) <= 10


async def test_batches_have_not_all_calls_under_way_while_several_are_about() -> None:
    shard = Shard()
    queue = queue_of(shard, part_rows_max=20, small_rows_max=1)
    await queue.one(row(7, caller=2), None, soon())
    shard.gate.clear()
    batch = asyncio.create_task(queue.many(rows_of(*range(100)), {}, soon()))
    await turns(20)
    assert [len(rows) for rows, _ in shard.calls] == [1, 20]
    payments = []
    for amount in (8, 9):
        payments.append(asyncio.create_task(queue.one(row(amount, caller=2), None, soon())))
        await turns(10)
    assert [len(rows) for rows, _ in shard.calls] == [1, 20, 1, 1], "two calls were left to them"
    shard.gate.set()
    assert [result.address for result in await asyncio.gather(*payments)] == [8, 9]
    assert (await batch)["address"].tolist() == list(range(100))


async def test_the_parts_of_a_batch_stay_short_however_long_ago_the_batch_came(monkeypatch: pytest.MonkeyPatch) -> None:
    shard, clock = Shard(), StoppedClock(monkeypatch)
    queue = queue_of(shard, call_rows_max=1_000, part_rows_max=10, small_rows_max=1, beside_s=0.02)
    await queue.one(row(7, caller=2), None, soon())
    shard.gate.clear()
    batch = asyncio.create_task(queue.many(rows_of(*range(1_000)), {}, soon()))
    await turns(200)
    for _ in range(4):
        await clock.advance(0.015)
        payment = asyncio.create_task(queue.one(row(8, caller=2), None, soon()))
        await turns(10)
        shard.gate.set()
        await payment
        shard.gate.clear()
    assert not batch.done() and max(len(rows) for rows, _ in shard.calls) == 10
    shard.gate.set()
    assert (await batch)["address"].tolist() == list(range(1_000))


async def test_small_requests_leave_one_call_to_batches() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, small_rows_max=1)
    waiting: list[Any] = []
    for amount in range(4):
        waiting.append(asyncio.create_task(queue.one(row(amount), None, soon())))
        await turns(10)
    batch = asyncio.create_task(queue.many(rows_of(1, 2), {}, soon()))
    await turns(10)
    assert [len(rows) for rows, _ in shard.calls] == [1, 1, 1]
    shard.gate.set()
    await asyncio.gather(batch, *waiting)
    shard.gate.clear()
    for amount in range(2):
        waiting.append(asyncio.create_task(queue.one(row(amount), None, soon())))
        await turns(10)
    batch = asyncio.create_task(queue.many(rows_of(1, 2), {}, soon()))
    waiting.append(asyncio.create_task(queue.one(row(9), None, soon())))
    await turns(10)
    assert [len(rows) for rows, _ in shard.calls][-3:] == [1, 1, 2]
    shard.gate.set()
    await asyncio.gather(batch, *waiting)


async def test_details_of_batches_in_one_call_stay_with_their_rows() -> None:
    shard = Shard()
    queue = queue_of(shard)
    await asyncio.gather(
        queue.many(rows_of(1, 2, 3), {1: b"two", 2: b"three"}, soon()),
        queue.many(rows_of(4, 5, 6), {0: b"four", 2: b"six"}, soon()),
    )
    ((rows, details),) = shard.calls
    assert {int(rows["amount"][at]): entry for at, entry in details.items()} == {
        2: b"two", 3: b"three", 4: b"four", 6: b"six",
    }  # fmt: skip


async def test_the_parts_of_a_batch_that_was_given_up_never_leave() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, calls_max=1, call_rows_max=2, part_rows_max=2, small_rows_max=1)
    batch = asyncio.create_task(queue.many(rows_of(*range(6)), {}, soon()))
    await turns(20)
    batch.cancel()
    await turns()
    shard.gate.set()
    assert (await queue.one(row(9), None, soon())).address == 9
    assert [rows["amount"].tolist() for rows, _ in shard.calls] == [[0, 1], [9]]


@pytest.mark.parametrize(
    ("linked", "cuts"),
    [
        ((), [4, 8, 11]),
        ((0, 1), [4, 8, 11]),
        ((0, 1, 3, 4), [3, 7, 11]),
        ((0, 1, 2, 3, 4), [6, 10, 11]),
        ((1, 2, 3, 4, 5), [1, 7, 11]),
        ((4, 5, 6, 7, 8), [4, 10, 11]),
        ((5, 6, 7, 8, 9), [4, 5, 11]),
        (tuple(range(10)), [11]),
    ],
)
def test_rows_are_cut_after_as_many_groups_as_fit(linked: tuple[int, ...], cuts: list[int]) -> None:
    rows = rows_of(*range(11))
    rows["flags"][list(linked)] = FLAG_LINKED
    assert _cuts(rows, 4) == cuts
    assert _cuts(rows, 11) == [11]


async def test_answers_of_a_call_come_so_many_of_a_caller_a_turn() -> None:
    loop = asyncio.get_running_loop()
    jobs = [_Job(row(i, caller=2 if i == 9 else 1), None, 0.0, loop.create_future(), 0.0) for i in range(10)]
    jobs[5].future.cancel()
    ended: list[int] = []
    _finish(jobs, done(rows_of(*range(10)), {}), 3, loop, lambda job: ended.append(jobs.index(job)))
    for expected in ([0, 1, 2, 5, 9], [0, 1, 2, 3, 4, 5, 9], [*range(9), 9]):
        assert [at for at, job in enumerate(jobs) if job.future.done()] == expected
        assert sorted({*ended, 5}) == expected
        await asyncio.sleep(0)
    for at, job in enumerate(jobs):
        assert job.future.cancelled() if at == 5 else np.frombuffer(job.future.result(), RESULT)["address"] == [at]


async def test_calls_with_details_are_short() -> None:
    shard = Shard()
    queue = queue_of(shard, detailed_call_rows_max=4, part_rows_max=2, small_rows_max=1)
    await queue.many(rows_of(*range(10)), {9: b"x"}, soon())
    assert max(len(rows) for rows, _ in shard.calls) == 4


async def test_what_waits_behind_requests_that_were_given_up_leaves_all_the_same() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard, calls_max=1, call_rows_max=1)
    first = asyncio.create_task(queue.one(row(1), None, soon()))
    await turns(10)
    given_up = asyncio.create_task(queue.one(row(2), None, soon()))
    third = asyncio.create_task(queue.one(row(3), None, soon()))
    await turns(10)
    given_up.cancel()
    await turns()
    shard.gate.set()
    async with asyncio.timeout(60):
        assert [result.address for result in await asyncio.gather(first, third)] == [1, 3]


async def test_a_batch_is_cut_between_groups_only_and_a_lost_part_is_sent_again_alone() -> None:
    shard = Shard()
    rows = rows_of(*range(12))
    rows["flags"][[2, 3, 4, 5, 6, 8]] = FLAG_LINKED  # groups: 2 to 7, 8 and 9
    shard.replies = [done, losing(False), done]
    queue = queue_of(shard, call_rows_max=4, part_rows_max=4)
    results = await queue.many(rows, {3: b"three", 11: b"last"}, soon())
    assert results["address"].tolist() == list(range(12)) and not results["code"].any()
    sent = [tuple(rows["amount"].tolist()) for rows, _ in shard.calls]
    assert sorted(sent) == [(0, 1), (2, 3, 4, 5, 6, 7), (2, 3, 4, 5, 6, 7), (8, 9, 10, 11)]
    assert [details for _, details in shard.calls] == [{}, {1: b"three"}, {3: b"last"}, {1: b"three"}]


async def test_a_call_that_fails_in_any_other_way_may_have_done_all_of_it() -> None:
    def fails(rows: Any, details: Any) -> Any:
        raise ValueError("what nobody expects")

    for wrong in (fails, lambda rows, details: np.zeros(len(rows) + 1, RESULT)):
        shard = Shard()
        shard.replies = [wrong] + [answering(Code.BUSY)] * 100
        with pytest.raises(DeadlineExceeded) as overdue:
            await queue_of(shard).one(row(1), None, soon(0.05))
        assert (overdue.value.code, overdue.value.sent) == (UNKNOWN_NUMBER, True)


async def test_a_queue_closes_when_the_calls_under_way_have_ended() -> None:
    shard = Shard()
    shard.gate.clear()
    queue = queue_of(shard)
    waiting = asyncio.create_task(queue.one(row(1), None, soon()))
    await turns(10)
    closing = asyncio.create_task(queue.close())
    await turns(10)
    assert not closing.done()
    shard.gate.set()
    await closing
    assert (await waiting).address == 1


async def test_what_was_answered_is_not_kept_until_its_deadline() -> None:
    queue = queue_of(Shard())
    for amount in range(3):
        await queue.one(row(amount), b"details", soon())
    assert not queue._deadlines._waiting
    await queue.close()
    timer = queue._deadlines._timer
    assert timer is not None and timer.cancelled()
    await queue_of(Shard()).close()


async def test_calls_are_observed() -> None:
    seen: list[tuple[float, float, int]] = []
    began = soon(0)
    queue = ShardWriteQueue(Shard(), WriteQueueLimits(), lambda *of_call: seen.append(of_call))
    await queue.many(rows_of(1, 2, 3), {}, soon())
    ((queued_s, call_s, rows),) = seen
    assert rows == 3 and queued_s >= 0 and call_s >= 0 and queued_s + call_s <= soon(0) - began


async def test_the_longest_wait_of_a_call_is_observed() -> None:
    seen: list[float] = []
    loop = asyncio.get_running_loop()
    queue = ShardWriteQueue(Shard(), WriteQueueLimits(), lambda queued_s, call_s, rows: seen.append(queued_s))
    now = loop.time()
    for waited in ((1.0, 3.0, 2.0), (3.0, 1.0), (1.0, 3.0)):
        jobs = [_Job(row(at), None, now + 9, loop.create_future(), now - each) for at, each in enumerate(waited)]
        for job in jobs:
            queue._small_under_way.began(job.caller, job.count)
        await queue._call(jobs, False)
    assert len(seen) == 3 and all(3.0 <= each < 3.9 for each in seen)


def test_the_deferred_time_lies_where_the_queue_writes_it() -> None:
    rows = np.frombuffer(row(1)[:80] + struct.pack("<q", 123) + row(1)[88:], REQUEST)
    assert rows["deferred_at"][0] == 123


async def test_answers_of_a_caller_with_many_payments_do_not_all_come_before_that_of_another() -> None:
    shard = Shard()
    queue = queue_of(shard, calls_max=1)
    await queue.one(row(1, caller=2), None, soon())
    shard.gate.clear()
    first = asyncio.create_task(queue.one(row(2), None, soon()))
    await turns(10)
    order: list[int] = []

    async def pay(address: int, caller: int) -> None:
        assert (await queue.one(row(address, caller=caller), None, soon())).address == address
        order.append(caller)

    many = [asyncio.create_task(pay(100 + i, 1)) for i in range(40)]
    await turns()
    other = asyncio.create_task(pay(200, 2))
    await turns()
    shard.gate.set()
    await asyncio.gather(first, other, *many)
    calls = [[int(each) for each in rows["caller"]] for rows, _ in shard.calls]
    assert calls[:2] == [[2], [1]] and Counter(calls[2]) == {1: 16, 2: 1}, "they are in one call"
    assert order.index(2) <= ANSWERS_A_TURN and order.count(1) == 40
    assert max(map(len, calls)) <= 17


async def test_a_caller_that_had_more_under_way_when_it_was_alone_goes_on_when_that_is_answered() -> None:
    shard = Shard()
    queue = queue_of(shard, calls_max=1)
    shard.gate.clear()
    many = [asyncio.create_task(queue.one(row(i), None, soon())) for i in range(400)]
    await turns(10)
    other = asyncio.create_task(queue.one(row(50, caller=2), None, soon()))
    more = [asyncio.create_task(queue.one(row(500 + i), None, soon())) for i in range(5)]
    await turns(10)
    shard.gate.set()
    async with asyncio.timeout(60):
        await asyncio.gather(other, *many, *more)
    calls = [Counter(int(each) for each in rows["caller"]) for rows, _ in shard.calls]
    assert calls[0] == {1: 400} and calls[1] == {2: 1} and sum(each[1] for each in calls[2:]) == 5


async def test_what_is_lost_or_given_up_is_no_longer_under_way() -> None:
    shard = Shard()
    queue = queue_of(shard, small_of_one_max=2)
    await queue.one(row(1, caller=2), None, soon())
    for error in (ShardUnavailable(True), ShardUnavailable(False)):

        def fails(rows: Any, details: Any, error: ShardUnavailable = error) -> Any:
            raise error

        shard.replies = [fails] * 2
        async with asyncio.timeout(60):
            results = await asyncio.gather(*(queue.one(row(i), None, soon()) for i in range(6)))
        assert len(results) == 6
    shard.gate.clear()
    given_up = [asyncio.create_task(queue.one(row(i), None, soon())) for i in range(6)]
    await turns(10)
    for task in given_up:
        task.cancel()
    shard.gate.set()
    await turns(10)
    async with asyncio.timeout(60):
        await asyncio.gather(*(queue.one(row(i), None, soon()) for i in range(6)))
    assert queue._small_under_way.idle(1) and queue._small_under_way.idle(2)
