"""A block ends in time or raises TimeoutError; a cancellation of somebody else's stays one, and all blocks share a timer."""

import asyncio
from typing import Any

import pytest

from actors.process.time_limits import TimeLimit
from tests.stopped_clock import StoppedClock


async def waits(limit: TimeLimit, future: "asyncio.Future[str]") -> str:
    async with limit.block():
        return await future


def futures(count: int) -> "list[asyncio.Future[str]]":
    return [asyncio.get_running_loop().create_future() for _ in range(count)]


async def test_what_takes_longer_ends_with_a_timeout_and_its_task_goes_on() -> None:
    limit = TimeLimit(0.01)

    async def tries_twice() -> str:
        for future in futures(2):
            with pytest.raises(TimeoutError):
                await waits(limit, future)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None and not task.cancelling()
        return "went on"

    assert await asyncio.create_task(tries_twice()) == "went on"


async def test_what_ends_in_time_gives_its_result_or_its_own_error() -> None:
    limit = TimeLimit(5.0)
    done, failed = futures(2)
    tasks = [asyncio.create_task(waits(limit, each)) for each in (done, failed)]
    await asyncio.sleep(0)
    done.set_result("done")
    failed.set_exception(KeyError("its own"))
    assert await tasks[0] == "done"
    with pytest.raises(KeyError):
        await tasks[1]


async def test_one_that_is_cancelled_meanwhile_is_cancelled_and_not_late() -> None:
    (future,) = futures(1)
    task = asyncio.create_task(waits(TimeLimit(5.0), future))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_that_is_cancelled_when_its_time_is_over_stays_cancelled() -> None:
    limit = TimeLimit(0.0)
    (future,) = futures(1)
    task = asyncio.create_task(waits(limit, future))
    asyncio.get_running_loop().call_later(0.0, task.cancel)
    with pytest.raises((asyncio.CancelledError, TimeoutError)):
        await task
    both = asyncio.create_task(waits(limit, future))
    await asyncio.sleep(0)
    both.cancel()
    limit._look(asyncio.get_running_loop().time())
    with pytest.raises(asyncio.CancelledError):
        await both


async def test_blocks_that_begin_later_end_later_with_one_timer_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, clock = asyncio.get_running_loop(), StoppedClock(monkeypatch)
    timers: list[float] = []
    call_at = loop.call_at

    def counted(when: float, *rest: Any, **more: Any) -> asyncio.TimerHandle:
        timers.append(when)
        return call_at(when, *rest, **more)

    monkeypatch.setattr(loop, "call_at", counted)
    limit = TimeLimit(2.0)
    never = futures(50)
    ended: list[int] = []

    async def wait(number: int) -> None:
        with pytest.raises(TimeoutError):
            await waits(limit, never[number])
        ended.append(number)

    early = [asyncio.create_task(wait(number)) for number in range(25)]
    await clock.advance(1.0)
    begun = [timer for timer in timers if timer > 0]
    late = [asyncio.create_task(wait(number)) for number in range(25, 50)]
    await clock.advance(1.0)
    await clock.advance(1.0)
    assert ended == list(range(25)) and all(not each.done() for each in late)
    await clock.advance(1.0)
    await asyncio.gather(*early, *late)
    assert ended == list(range(50))
    assert len(timers) < len(begun) + 10


async def test_what_has_ended_is_not_kept() -> None:
    limit = TimeLimit(60.0)
    for _ in range(100):
        (future,) = futures(1)
        future.set_result("at once")
        await waits(limit, future)
    assert not limit._blocks
