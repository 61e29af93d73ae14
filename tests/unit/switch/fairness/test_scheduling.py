"""Long work yields to others, callers share the time that it has, and it rests while others have short requests under way."""

import asyncio
import itertools
import time

import pytest

from switch.fairness import scheduling
from switch.fairness.scheduling import REST, SLICE_S, TURNS, Callers, Scheduler, Steps, mapped
from switch.problems.table import ProblemError


def scheduler(*short: int) -> Scheduler:
    """One beside which these callers have short requests under way."""
    callers = Callers(asyncio.get_running_loop().time, 60)
    for caller in short:
        callers.began(caller)
    return Scheduler(callers, 1)


def busy(seconds: float) -> Steps[float]:
    """Work of so long; gives when it was done."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        yield
    return time.perf_counter()


async def test_work_gives_others_their_turn_and_its_result() -> None:
    others = 0

    async def other() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    made = await scheduler(1).run(1, mapped(lambda number: sum(range(number)), list(range(3_000))))
    task.cancel()
    assert made == [sum(range(number)) for number in range(3_000)] and others > 2


async def test_short_work_of_one_caller_does_not_wait_for_the_end_of_anothers_long_work() -> None:
    works = scheduler(1)
    over = False

    def endless() -> Steps[None]:
        while not over:
            yield

    long = asyncio.create_task(works.run(1, endless()))
    await asyncio.sleep(0)
    await works.run(2, busy(SLICE_S / 2))
    assert not long.done()
    over = True
    await long


async def test_while_others_have_short_requests_under_way_long_work_has_its_part_of_the_time_and_no_more() -> None:
    works, count = scheduler(2), 20
    began = time.perf_counter()
    for _ in range(count):
        await works.run(1, busy(SLICE_S / 2))
    assert time.perf_counter() - began > (count - 1) * (1 + REST) * SLICE_S / 2


async def test_a_short_request_of_the_same_caller_holds_nothing_up() -> None:
    callers = Callers(asyncio.get_running_loop().time, 60)
    callers.began(1)
    with pytest.raises(StopIteration):  # it ends without having waited for anything
        callers.give_way(1, 60).send(None)
    callers.began(2)
    async with asyncio.timeout(60):
        await callers.give_way(1, SLICE_S)


async def test_long_work_goes_on_as_soon_as_the_last_short_request_of_others_is_answered() -> None:
    callers = Callers(asyncio.get_running_loop().time, 60)
    callers.began(2)
    callers.began(3)
    waiting = asyncio.create_task(callers.give_way(1, 60))
    await asyncio.sleep(0)
    callers.ended(2)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    callers.ended(3)
    async with asyncio.timeout(60):
        await waiting


async def test_slices_are_shorter_while_several_callers_are_about(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = itertools.count(0.0, SLICE_S / 10)
    monkeypatch.setattr(scheduling, "perf_counter", lambda: next(readings))

    async def slices(callers: Callers) -> int:
        count = 0

        async def counted() -> None:
            nonlocal count
            while True:
                count += 1
                for _ in range(TURNS):
                    await asyncio.sleep(0)

        task = asyncio.create_task(counted())
        await Scheduler(callers, 1).run(1, mapped(abs, list(range(100)), 1))
        task.cancel()
        return count

    one, two = (Callers(asyncio.get_running_loop().time, 60) for _ in range(2))
    one.heard_of(1)
    two.heard_of(1)
    two.heard_of(2)
    assert await slices(two) > 1.5 * await slices(one)


async def test_work_that_fails_leaves_its_turn_to_the_next() -> None:
    def failing() -> Steps[None]:
        yield
        raise ProblemError("malformed_arrow")

    works = scheduler(1)
    with pytest.raises(ProblemError):
        await works.run(1, failing())
    assert await works.run(1, mapped(abs, [-1])) == [1]


def test_a_caller_counts_as_being_about_for_some_time_after_its_last_request() -> None:
    now = 0.0
    callers = Callers(lambda: now, 1.0)
    callers.heard_of(1)
    callers.heard_of(1)
    assert not callers.several
    callers.heard_of(2)
    assert callers.several
    now = 1.5
    assert not callers.several
