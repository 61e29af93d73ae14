"""One timer ends all waits of a queue."""

import asyncio
from typing import Any

import pytest

from actors.rpc.interface import ShardUnavailable
from switch.gateway.deadlines import Deadlines


class Request:
    def __init__(self, in_s: float, *, sent: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.deadline = loop.time() + in_s
        self.sent = sent
        self.future: asyncio.Future[Any] = loop.create_future()


async def test_a_wait_ends_at_its_deadline_and_says_whether_it_had_left() -> None:
    deadlines = Deadlines()
    waiting, left, later = Request(0.01), Request(0.02, sent=True), Request(30.0)
    for each in (waiting, left, later):
        deadlines.watch(each)
    outcomes = await asyncio.gather(waiting.future, left.future, return_exceptions=True)
    assert [isinstance(each, ShardUnavailable) and each.not_sent for each in outcomes] == [True, False]
    assert not later.future.done()
    later.future.cancel()
    deadlines.close()


async def test_what_was_answered_keeps_its_answer_and_the_next_is_watched() -> None:
    deadlines = Deadlines()
    answered, cancelled, waiting = Request(0.01), Request(0.01), Request(0.02)
    for each in (answered, cancelled, waiting):
        deadlines.watch(each)
    answered.future.set_result(7)
    cancelled.future.cancel()
    deadlines.forget_done()
    with pytest.raises(ShardUnavailable):
        await asyncio.wait_for(waiting.future, 60)
    assert answered.future.result() == 7
    await asyncio.sleep(0.02)
    again = Request(0.01)
    deadlines.watch(again)
    with pytest.raises(ShardUnavailable):
        await asyncio.wait_for(again.future, 60)


async def test_deadlines_that_come_out_of_order_end_no_wait_too_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, deadlines = asyncio.get_running_loop(), Deadlines()
    now = loop.time()
    waiting = [Request(0.0) for _ in range(4)]
    for each, at in zip(waiting, (10, 30, 20, 25), strict=True):
        each.deadline = now + at
        deadlines.watch(each)
    waiting[3].future.set_result("answered")
    for time, ended in ((9, 0), (10, 1), (20, 1), (30, 3)):
        monkeypatch.setattr(loop, "time", lambda time=time: now + time)
        deadlines._end()
        assert [each.future.done() for each in waiting[:3]] == [at < ended for at in range(3)]
        assert deadlines._timer is None if ended == 3 else deadlines._timer is not None
    for each in waiting[:3]:
        with pytest.raises(ShardUnavailable):
            await each.future


async def test_nothing_is_kept_of_what_is_done() -> None:
    deadlines = Deadlines()
    done = [Request(30.0) for _ in range(3)]
    for each in done:
        deadlines.watch(each)
        each.future.set_result(None)
    deadlines.forget_done()
    assert not deadlines._waiting
    deadlines.close()
    assert deadlines._timer is not None and deadlines._timer.cancelled()
