"""The overview as a stream: figures are taken once for all that listen, never for nobody, and the slow get the newest."""

import asyncio

import pytest

from switch.console import live
from switch.console.live import UNAVAILABLE, Live, State


class Source:
    """Figures that count how often they were taken."""

    def __init__(self, error: Exception | None = None) -> None:
        self.taken = 0
        self.error = error

    async def __call__(self) -> bytes:
        self.taken += 1
        if self.error is not None:
            raise self.error
        return b"%d" % self.taken


async def many(states: int, overview: Live) -> list[State | None]:
    found: list[State | None] = []
    with overview:
        number = 0
        for _ in range(states):
            state = await overview.after(number, 5.0)
            assert state is not None
            found.append(state)
            number = state.number
    return found


async def test_any_number_of_listeners_costs_one_taking_of_figures() -> None:
    source = Source()
    overview = Live(source, every_s=0.01)
    found = await asyncio.gather(*(many(3, overview) for _ in range(50)))
    assert all(each == found[0] for each in found), "all get the same states"
    assert source.taken <= 4
    first = found[0][0]
    assert first == State(1, b"id: 1\nevent: figures\ndata: 1\n\n")


async def test_nothing_is_taken_while_nobody_listens() -> None:
    source = Source()
    overview = Live(source, every_s=0.001)
    await asyncio.sleep(0.02)
    assert source.taken == 0
    await many(2, overview)
    there = source.taken
    await asyncio.sleep(0.02)
    assert source.taken == there
    assert (await many(1, overview))[0] is not None, "whoever comes later gets a new one"


async def test_who_is_slow_gets_the_newest_and_no_backlog() -> None:
    overview = Live(Source(), every_s=0.001)
    with overview:
        first = await overview.after(0, 5.0)
        while (latest := await overview.after(0, 5.0)) is not None and latest.number < 6:
            await asyncio.sleep(0.001)
        assert first is not None and latest is not None
        state = await overview.after(first.number, 5.0)
        assert state is not None and state.number >= 6


async def test_figures_that_cannot_be_had_are_news_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await many(1, Live(Source(OSError("away")), every_s=0.01)))[0] == State(1, UNAVAILABLE)
    monkeypatch.setattr(live, "TAKEN_WITHIN_S", 0.01)

    async def never() -> bytes:
        await asyncio.Event().wait()
        return b""

    assert (await many(1, Live(never, every_s=0.01)))[0] == State(1, UNAVAILABLE)


async def test_nothing_new_in_time_is_no_state() -> None:
    overview = Live(Source(), every_s=60.0)
    with overview:
        state = await overview.after(0, 5.0)
        assert state is not None and await overview.after(state.number, 0.01) is None


async def test_stopping_lets_everybody_go() -> None:
    overview = Live(Source(), every_s=60.0)
    with overview:
        state = await overview.after(0, 5.0)
        assert state is not None
        waiting = asyncio.create_task(overview.after(state.number, 30.0))
        await asyncio.sleep(0)
        overview.stop()
        assert await waiting is None and overview.stopped
