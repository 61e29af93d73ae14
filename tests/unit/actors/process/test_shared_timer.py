"""A shared timer rings by the earliest time it was asked for, however many there are, and again when whoever looks says so."""

import asyncio

from actors.process.shared_timer import SharedTimer


async def rung(times: list[float], count: int) -> None:
    async with asyncio.timeout(60):
        while len(times) < count:
            await asyncio.sleep(0.001)


async def test_it_rings_by_the_earliest_time_and_once_for_all() -> None:
    rings: list[float] = []
    timer = SharedTimer(rings.append)
    now = asyncio.get_running_loop().time()
    for after in (60.0, 0.02, 30.0):
        timer.not_after(now + after)
    await rung(rings, 1)
    assert now + 0.02 <= rings[0] + 0.001 < now + 30
    await asyncio.sleep(0.05)
    assert len(rings) == 1, "nobody waits any more"


async def test_it_rings_again_when_whoever_looked_says_so() -> None:
    rings: list[float] = []

    def look(now: float) -> float | None:
        rings.append(now)
        return now + 0.01 if len(rings) < 3 else None

    SharedTimer(look).not_after(0.0)
    await rung(rings, 3)
    assert rings[1] - rings[0] > 0.009 and rings[2] - rings[1] > 0.009


async def test_after_it_was_cancelled_it_is_silent_until_it_is_asked_again() -> None:
    rings: list[float] = []
    timer = SharedTimer(rings.append)
    timer.not_after(0.0)
    timer.cancel()
    await asyncio.sleep(0.01)
    assert not rings
    timer.not_after(asyncio.get_running_loop().time() + 0.01)
    await rung(rings, 1)
