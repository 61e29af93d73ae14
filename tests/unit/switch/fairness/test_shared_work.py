"""However many ask, one works at a time; nobody gets what is older than its question, and failures reach all who waited."""

import asyncio

import pytest

from switch.fairness.shared_work import SharedWork


class Counted:
    """Work that counts how often it began, and ends when it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.at_once = 0
        self.free = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        self.at_once += 1
        assert self.at_once == 1
        number = self.begun
        await self.free.wait()
        self.at_once -= 1
        return number


async def test_those_who_ask_at_once_share_a_result_and_those_who_ask_meanwhile_the_next() -> None:
    work = Counted()
    shared = SharedWork(work, 0.0)
    first = [asyncio.create_task(shared.result()) for _ in range(100)]
    while not work.begun:
        await asyncio.sleep(0)
    second = [asyncio.create_task(shared.result()) for _ in range(100)]
    await asyncio.sleep(0)
    work.free.set()
    assert {await task for task in first} == {1} and {await task for task in second} == {2}
    assert await shared.result() == 3


async def test_a_pause_lies_between_two() -> None:
    work = Counted()
    work.free.set()
    shared, clock = SharedWork(work, 0.1), asyncio.get_running_loop().time
    began = clock()
    assert [await shared.result() for _ in range(3)] == [1, 2, 3]
    assert clock() - began >= 0.19


async def test_a_failure_is_everybodys_who_waited_and_nobodys_after() -> None:
    failing = [True]

    async def work() -> str:
        if failing.pop():
            raise LookupError("nothing there")
        return "well"

    shared = SharedWork(work, 0.0)
    results = await asyncio.gather(*(shared.result() for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in results] == ["nothing there"] * 3
    failing.append(False)
    assert await shared.result() == "well"


async def test_who_gives_up_waiting_takes_the_result_from_nobody() -> None:
    work = Counted()
    shared = SharedWork(work, 0.0)
    one, other = asyncio.create_task(shared.result()), asyncio.create_task(shared.result())
    while not work.begun:
        await asyncio.sleep(0)
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    work.free.set()
    assert await other == 1


async def test_work_that_is_cancelled_from_within_leaves_others_a_result() -> None:
    started, let = asyncio.Event(), asyncio.Event()
    numbers = iter(range(9))

    async def work() -> int:
        started.set()
        await let.wait()
        if next(numbers) == 0:
            raise asyncio.CancelledError
        return 1

    shared = SharedWork(work, 0.0)
    first = asyncio.create_task(shared.result())
    await started.wait()
    second = asyncio.create_task(shared.result())
    await asyncio.sleep(0)
    let.set()
    async with asyncio.timeout(60):
        assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], asyncio.CancelledError)
        assert await second == 1 and await shared.result() == 1
