"""Attempts under way stay within the window, which grows with what gets through and halves with what does not."""

import asyncio

from switch.webhooks.window import WINDOW_MAX, Window


async def test_who_finds_no_place_waits_in_turn() -> None:
    window, order = Window(2), list[int]()

    async def enter(number: int) -> None:
        await window.enter()
        order.append(number)

    tasks = [asyncio.create_task(enter(number)) for number in range(4)]
    await asyncio.sleep(0)
    assert order == [0, 1] and window.used == 2
    window.give_back()
    await asyncio.gather(tasks[2])
    assert order == [0, 1, 2]
    window.leave(True)  # one place more
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3] and (window.size, window.used) == (3, 2)


async def test_it_grows_to_its_bound_and_halves_to_one() -> None:
    window = Window(WINDOW_MAX)
    sizes = []
    for delivered in (True, False, False, False, False, False, False, False, True):
        await window.enter()
        window.leave(delivered)
        sizes.append(window.size)
    assert sizes == [WINDOW_MAX, 32, 16, 8, 4, 2, 1, 1, 2] and window.used == 0


async def test_who_stops_waiting_takes_no_place() -> None:
    window = Window(1)
    await window.enter()
    gone, kept = asyncio.create_task(window.enter()), asyncio.create_task(window.enter())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    window.give_back()
    await kept
    late = asyncio.create_task(window.enter())
    await asyncio.sleep(0)
    window.give_back()  # the place is given to `late` before it runs, and it is cancelled at the same moment
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    assert window.used == 0
    await asyncio.wait_for(window.enter(), 1)
