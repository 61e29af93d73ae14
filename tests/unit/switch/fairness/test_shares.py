"""Places and bytes are shared by caller, waits end, and whoever gives up waiting takes no place along."""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from switch.fairness.shares import STRANGERS, BodyRoom, Places
from switch.problems.table import ProblemError


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_one_caller_has_at_most_its_share_of_places() -> None:
    places = Places(4, 2, 0.05)
    async with AsyncExitStack() as inside:
        for _ in range(2):
            await inside.enter_async_context(places.place(1))
        with pytest.raises(ProblemError) as caught:
            await inside.enter_async_context(places.place(1))
        assert caught.value.code == "overloaded"
        for _ in range(2):
            await inside.enter_async_context(places.place(2))


async def test_callers_that_wait_take_turns() -> None:
    places, order = Places(1, 1, 10), list[int]()

    async def work(caller: int) -> None:
        async with places.place(caller):
            order.append(caller)
            await asyncio.sleep(0)

    async with places.place(0):
        tasks = [asyncio.create_task(work(caller)) for caller in (1, 1, 1, 1, 2, 2)]
        await turns()
    await asyncio.gather(*tasks)
    assert order == [1, 2, 1, 2, 1, 1]


async def test_who_asks_for_many_places_waits_for_them_and_nobody_who_needs_few_takes_them_away() -> None:
    places, order = Places(8, 4, 10), list[tuple[int, int]]()

    async def work(caller: int, count: int) -> None:
        async with places.place(caller, count):
            order.append((caller, count))
            await asyncio.sleep(0)

    async with AsyncExitStack() as inside:
        for caller in (1, 2):
            await inside.enter_async_context(places.place(caller, 3))
        many = asyncio.create_task(work(3, 4))
        own_share = asyncio.create_task(work(1, 2))
        await turns()
        few = asyncio.create_task(work(4, 2))
        await turns()
        assert order == [], "two places are free, and kept for the one that needs four"
    await asyncio.gather(many, own_share, few)
    assert order == [(3, 4), (1, 2), (4, 2)]


async def test_one_larger_than_a_caller_s_share_goes_alone() -> None:
    places = Places(8, 4, 0.05)
    async with places.place(1, 6):
        with pytest.raises(ProblemError):
            async with places.place(1, 1):
                pass
        async with places.place(2, 2):
            pass


async def test_places_kept_for_one_that_gives_up_are_for_the_next() -> None:
    places, order = Places(4, 4, 10), list[int]()

    async def work(caller: int, count: int) -> None:
        async with places.place(caller, count):
            order.append(caller)

    async with places.place(1, 2):
        many = asyncio.create_task(work(2, 4))
        await turns()
        few = asyncio.create_task(work(3, 1))
        await turns()
        many.cancel()
        await turns()
        assert order == [3]
    await asyncio.gather(many, few, return_exceptions=True)


async def test_a_place_offered_to_one_that_has_just_given_up_goes_to_the_next() -> None:
    """The one that is cancelled stands in line until its task has run."""
    places, done = Places(1, 1, 10), list[int]()

    async def work(number: int) -> None:
        async with places.place(7):
            done.append(number)

    async with places.place(1):
        tasks = [asyncio.create_task(work(number)) for number in range(3)]
        await turns()
        tasks[0].cancel()
        tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert done == [2]
    async with asyncio.timeout(60), places.place(1):
        pass


@pytest.mark.parametrize("seed", range(20))
async def test_no_place_is_lost_however_callers_come_and_go(seed: int) -> None:
    draw = random.Random(seed)
    print(f"seed {seed}")
    places, inside = Places(3, 2, 10), Counter[int]()

    async def work(caller: int) -> None:
        async with places.place(caller):
            inside[caller] += 1
            assert inside[caller] <= 2 and inside.total() <= 3
            try:
                for _ in range(draw.randrange(4)):
                    await asyncio.sleep(0)
            finally:
                inside[caller] -= 1

    tasks = []
    for _ in range(200):
        tasks.append(asyncio.create_task(work(draw.randrange(3))))
        if draw.random() < 0.4:
            draw.choice(tasks).cancel()
        if draw.random() < 0.5:
            await asyncio.sleep(0)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [end for end in ended if isinstance(end, Exception)]
    async with asyncio.timeout(60), AsyncExitStack() as all_of_them:
        for caller in (0, 1, 2):
            await all_of_them.enter_async_context(places.place(caller))


def test_bytes_of_bodies_are_bounded_in_all_and_by_caller() -> None:
    room = BodyRoom(100)
    room.take(1, 50)
    with pytest.raises(ProblemError) as caught:
        room.take(1, 1)
    assert caught.value.code == "too_many_bodies"
    room.take(2, 50)
    with pytest.raises(ProblemError) as caught:
        room.take(3, 1)
    assert caught.value.code == "overloaded"
    room.give_back(1, 50)
    room.take(3, 50)


def test_strangers_have_a_quarter_of_the_bytes_together() -> None:
    room = BodyRoom(100)
    room.take(STRANGERS, 25)
    with pytest.raises(ProblemError) as caught:
        room.take(STRANGERS, 1)
    assert caught.value.code == "too_many_bodies"
    room.take(1, 50)
