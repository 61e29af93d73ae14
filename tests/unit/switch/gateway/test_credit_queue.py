"""The queue of credit requests: what is answered, what is sent again under the same key, and what is said at the deadline."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_RESULT
from actors.rpc.interface import ShardClient, ShardUnavailable
from switch.gateway import credit_queue
from switch.gateway.credit_queue import CreditAnswer, CreditQueue, row_of
from switch.gateway.write_queue import DeadlineExceeded
from switch.problems.table import OVERLOADED_NUMBER, UNKNOWN_NUMBER

Reply = Callable[[Any, dict[int, bytes]], Any]


class Shard:
    """Records calls; each waits for `gate`, then the next of `replies` gives results or raises."""

    def __init__(self, *replies: Reply) -> None:
        self.calls: list[tuple[Any, dict[int, bytes]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.replies = list(replies)
        self.queue = CreditQueue(cast(ShardClient, self))

    async def credit(self, rows: Any, details: dict[int, bytes]) -> Any:
        self.calls.append((rows.copy(), details))
        await self.gate.wait()
        return (self.replies.pop(0) if self.replies else done)(rows, details)

    def sent(self, name: str) -> list[list[int]]:
        """This field of the rows of each call."""
        return [rows[name].tolist() for rows, _ in self.calls]


def done(rows: Any, details: Any) -> Any:
    """Every row done; its amount comes back as the address."""
    results = np.zeros(len(rows), CREDIT_RESULT)
    results["address"] = rows["amount"]
    results["state"], results["transfer"], results["record_time"], results["replayed"] = 3, 4, 5, 1
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


def fails(rows: Any, details: Any) -> Any:
    raise ValueError("what nobody expects")


def one_row_too_many(rows: Any, details: Any) -> Any:
    return np.zeros(len(rows) + 1, CREDIT_RESULT)


def row(amount: int, caller: int = 1) -> Any:
    return row_of({"amount": amount, "caller": caller, "key_lo": amount})


def soon(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_requests_share_a_call_and_each_gets_its_own_answer() -> None:
    shard = Shard()
    asked = [shard.queue.one(row(i), b"%d" % i if i % 2 else None, soon()) for i in range(4)]
    answers = await asyncio.gather(*asked)
    assert answers == [CreditAnswer(0, True, 3, i, 4, 5) for i in range(4)]
    assert shard.sent("amount") == [[0, 1, 2, 3]]
    assert shard.calls[0][1] == {1: b"1", 3: b"3"}
    assert shard.queue._gathering._under_way == 0, "the next call waits for no more"


async def test_what_queues_while_three_calls_are_out_goes_into_the_next() -> None:
    shard = Shard()
    shard.gate.clear()
    waiting = []
    for amount in range(6):
        waiting.append(asyncio.create_task(shard.queue.one(row(amount), None, soon())))
        await turns()
    assert shard.sent("amount") == [[0], [1], [2]]
    shard.gate.set()
    assert [answer.address for answer in await asyncio.gather(*waiting)] == list(range(6))
    assert shard.sent("amount") == [[0], [1], [2], [3, 4, 5]]


@pytest.mark.parametrize("code", [Code.DEFERRED, Code.BUSY])
async def test_an_untried_request_is_sent_again_with_the_first_time_it_was_deferred(code: Code) -> None:
    shard = Shard(answering(code, 77), answering(code, 99))
    asked = row(5)
    answer = await shard.queue.one(asked, b"d", soon())
    assert (answer.code, answer.address) == (Code.OK, 5)
    assert shard.sent("deferred_at") == ([[0], [77], [77]] if code is Code.DEFERRED else [[0]] * 3)
    assert shard.sent("key_lo") == [[5]] * 3 and [details for _, details in shard.calls] == [{0: b"d"}] * 3
    assert asked["deferred_at"] == 0, "it is the caller's own"


async def test_a_deferred_request_may_be_revised() -> None:
    async def revise(row: Any, answer: CreditAnswer) -> Any:
        revised = row.copy()
        revised["amount"] += answer.record_time
        return revised

    shard = Shard(answering(Code.DEFERRED, 100), answering(Code.BUSY, 1_000))
    assert (await shard.queue.one(row(5), None, soon(), revise)).address == 105
    assert shard.sent("amount") == [[5], [105], [105]] and shard.sent("key_lo") == [[5]] * 3


async def test_a_refusal_is_the_answer_unless_another_was_lost_before_a_full_table() -> None:
    shard = Shard(answering(Code.HOLDS_FULL))
    assert (await shard.queue.one(row(1), None, soon())).code == Code.HOLDS_FULL
    shard = Shard(losing(False), answering(Code.HOLDS_FULL))
    assert (await shard.queue.one(row(1), None, soon())).code == Code.OK
    assert len(shard.calls) == 3


@pytest.mark.parametrize(
    ("replies", "code", "sent"),
    [
        ([losing(True)] * 3, OVERLOADED_NUMBER, False),
        ([losing(False), answering(Code.BUSY)], UNKNOWN_NUMBER, True),
        ([answering(Code.BUSY)] * 2, Code.BUSY, False),
        ([answering(Code.DEFERRED), losing(True)], Code.DEFERRED, False),
        ([fails, answering(Code.BUSY)], UNKNOWN_NUMBER, True),
        ([one_row_too_many, answering(Code.BUSY)], UNKNOWN_NUMBER, True),
    ],
    ids=["never sent", "lost then busy", "busy", "deferred then unreachable", "failed", "answers for others"],
)
async def test_at_the_deadline_the_answer_says_what_is_known(
    replies: list[Reply], code: int, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    later = loop.time() + 1_000

    def late(rows: Any, details: Any) -> Any:
        monkeypatch.setattr(loop, "time", lambda: later)
        return replies[-1](rows, details)

    shard = Shard(*replies[:-1], late)
    with pytest.raises(DeadlineExceeded) as overdue:
        await shard.queue.one(row(1), None, soon(100))
    assert (overdue.value.code, overdue.value.sent) == (code, sent)
    assert not shard.replies, "each was asked for"


async def test_what_was_answered_is_not_kept_until_its_deadline() -> None:
    shard = Shard()
    for amount in range(3):
        await shard.queue.one(row(amount), None, soon())
    assert not shard.queue._deadlines._waiting
    await shard.queue.close()
    timer = shard.queue._deadlines._timer
    assert timer is not None and timer.cancelled()


async def test_a_wait_ends_at_its_deadline_and_what_had_not_left_never_does() -> None:
    shard = Shard()
    shard.gate.clear()
    waiting = []
    for amount in range(4):
        waiting.append(asyncio.create_task(shard.queue.one(row(amount), None, soon(0.03))))
        await turns()
    found = []
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, DeadlineExceeded)
        found.append((outcome.code, outcome.sent))
    assert found == [*[(UNKNOWN_NUMBER, True)] * 3, (OVERLOADED_NUMBER, False)]
    shard.gate.set()
    assert (await shard.queue.one(row(9), None, soon())).address == 9
    assert shard.sent("amount") == [[0], [1], [2], [9]]


async def test_what_waits_behind_requests_that_were_given_up_leaves_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(credit_queue, "CALLS_MAX", 1)
    monkeypatch.setattr(credit_queue, "CALL_ROWS_MAX", 1)
    shard = Shard()
    shard.gate.clear()
    waiting = []
    for amount in range(3):
        waiting.append(asyncio.create_task(shard.queue.one(row(amount), None, soon())))
        await turns()
    waiting[1].cancel()
    await turns()
    shard.gate.set()
    async with asyncio.timeout(60):
        assert [(await waiting[at]).address for at in (0, 2)] == [0, 2]
    assert shard.sent("amount") == [[0], [2]]


async def test_a_call_that_never_ends_may_have_been_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credit_queue, "CALL_TIMEOUT_S", 0.01)
    shard = Shard(answering(Code.HOLDS_FULL))
    shard.gate.clear()
    asked = asyncio.create_task(shard.queue.one(row(1), None, soon()))
    while len(shard.calls) < 2:
        await asyncio.sleep(0.001)
    shard.gate.set()
    assert (await asked).code == Code.OK, "that a table is full says nothing of the first call"
    assert len(shard.calls) >= 3


async def test_a_full_queue_takes_no_more_and_says_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credit_queue, "QUEUE_ROWS_MAX", 4)
    monkeypatch.setattr(credit_queue, "QUEUE_DETAIL_BYTES_MAX", 20)
    shard = Shard()
    shard.gate.clear()
    waiting = []
    for amount in range(3):
        waiting.append(asyncio.create_task(shard.queue.one(row(amount), None, soon())))
        await turns()
    waiting += [asyncio.create_task(shard.queue.one(row(i), b"x" * 8, soon())) for i in (3,)]
    await turns()
    for details in (b"x" * 8, None):
        if details is None:
            waiting.append(asyncio.create_task(shard.queue.one(row(4), None, soon())))
            await turns()
        with pytest.raises(DeadlineExceeded) as full:
            await shard.queue.one(row(9), details, soon(0.01))
        assert (full.value.code, full.value.sent) == (OVERLOADED_NUMBER, False)
    assert shard.queue._queue.detail_bytes == 8
    waiting.append(asyncio.create_task(shard.queue.one(row(5, caller=2), b"x" * 8, soon())))
    await turns()
    shard.gate.set()
    assert [answer.address for answer in await asyncio.gather(*waiting)] == list(range(6))


async def test_a_caller_may_fill_half_of_the_queue_to_its_last_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credit_queue, "QUEUE_ROWS_MAX", 8)
    shard = Shard()
    shard.gate.clear()
    waiting = []
    for amount in range(12):
        waiting.append(asyncio.create_task(shard.queue.one(row(amount), None, soon())))
        await turns()
    assert shard.queue._queue.rows == 4
    shard.gate.set()
    assert [answer.address for answer in await asyncio.gather(*waiting)] == list(range(12))


async def test_callers_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credit_queue, "CALLS_MAX", 1)
    monkeypatch.setattr(credit_queue, "CALL_ROWS_MAX", 4)
    monkeypatch.setattr(credit_queue, "CALLER_ROWS_MAX", 2)
    shard = Shard()
    shard.gate.clear()
    waiting = [asyncio.create_task(shard.queue.one(row(0), None, soon()))]
    await turns()
    waiting += [asyncio.create_task(shard.queue.one(row(i), None, soon())) for i in range(1, 6)]
    await turns(1)
    waiting.append(asyncio.create_task(shard.queue.one(row(6, caller=2), None, soon())))
    await turns()
    shard.gate.set()
    await asyncio.gather(*waiting)
    assert shard.sent("amount")[1] == [1, 2, 6, 3]


async def test_a_queue_closes_when_the_calls_under_way_have_ended() -> None:
    shard = Shard()
    shard.gate.clear()
    waiting = asyncio.create_task(shard.queue.one(row(1), None, soon()))
    await turns()
    closing = asyncio.create_task(shard.queue.close())
    await turns()
    assert not closing.done()
    shard.gate.set()
    await closing
    assert (await waiting).address == 1


def test_a_row_has_the_fields_that_are_given_and_zeros() -> None:
    made = row_of({"holder": 7, "seen": -1, "key_lo": (1 << 64) - 1})
    names = made.dtype.names or ()
    assert dict(zip(names, made[0].item(), strict=True)) == {
        **dict.fromkeys(names, 0), "holder": 7, "seen": -1, "key_lo": (1 << 64) - 1,
    }  # fmt: skip
    with pytest.raises(AssertionError):
        row_of({"nothing": 1})
