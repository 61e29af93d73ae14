"""Run long work on the event loop in time slices, callers in turn.

While several callers are about, half of the time is left to all else.

Who runs in the event loop runs alone, and a thread of its own would hold the interpreter for 5 ms at a time. So work that takes longer
than a slice is a generator that stops between small steps, and one scheduler runs all of them. A short request is under way until it is
answered: shard and database need the processors meanwhile, and what is not done now is done as soon as it has left. If others have some
under way all the time, long work still gets its part.
"""

import asyncio
import contextlib
from collections.abc import Callable, Generator, Sequence
from time import perf_counter
from typing import Final, TypeVar

from switch.fairness.shares import Places

A = TypeVar("A")
T = TypeVar("T")

SLICE_S: Final = 0.001
"""Work of one request after which others get their turn: some payments' worth of it, so that none waits noticeably longer."""
SLICE_BESIDE_S: Final = 0.0004
"""The same while several callers are about: a payment meets long work some five times on its way. Shorter ones cost more turns of the
event loop than they spare."""
TURNS: Final = 3
"""Turns of the event loop between two slices: a request that has arrived is under way by then. A payment needs some ten."""
REST: Final = 3
"""So many times as long as its slice took does long work rest at most: a quarter of the time is its part, whatever others do."""
BESIDE_S: Final = 0.5
"""So long after its last request a caller still counts as being about."""
STEP_ROWS: Final = 64
"""Rows of one step: a row of a batch takes 2 to 10 microseconds."""

Steps = Generator[None, None, T]
"""Work in steps that are small against SLICE_S, with its result at the end."""


class Callers:
    """Who is about: whether several callers asked for something within `beside_s` seconds of `clock`, and whose short requests are
    under way."""

    __slots__ = ("_all_under_way", "_beside_s", "_clock", "_ended", "_last", "_several_until", "_under_way")

    def __init__(self, clock: Callable[[], float], beside_s: float) -> None:
        self._clock = clock
        self._beside_s = beside_s
        self._last: int | None = None
        self._several_until = 0.0
        self._under_way: dict[int, int] = {}
        self._all_under_way = 0
        self._ended: asyncio.Future[None] | None = None

    def heard_of(self, caller: int) -> None:
        """This one asks for something now."""
        if caller != self._last:
            if self._last is not None:
                self._several_until = self._clock() + self._beside_s
            self._last = caller

    @property
    def several(self) -> bool:
        """Whether there are more than one."""
        return self._clock() < self._several_until

    def began(self, caller: int) -> None:
        """A short request of this one is under way."""
        self._under_way[caller] = self._under_way.get(caller, 0) + 1
        self._all_under_way += 1

    def ended(self, caller: int) -> None:
        """It is answered."""
        self._all_under_way -= 1
        self._under_way[caller] -= 1
        if not self._under_way[caller]:
            del self._under_way[caller]
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _others_wait(self, caller: int) -> bool:
        return self._all_under_way > self._under_way.get(caller, 0)

    async def give_way(self, caller: int, seconds: float) -> None:
        """Wait until no other one has a short request under way, but no longer than so."""
        if seconds <= 0 or not self._others_wait(caller):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._others_wait(caller):
                    if self._ended is None or self._ended.done():
                        self._ended = asyncio.get_running_loop().create_future()
                    await asyncio.shield(self._ended)


class Scheduler:
    """Runs long work by slice, round robin by caller. Work whose turn does not come within `wait_s` is refused."""

    def __init__(self, callers: Callers, wait_s: float) -> None:
        self._callers = callers
        self._turn = Places(1, 1, wait_s)
        self._clock = perf_counter  # that of the event loop counts whole milliseconds
        self._rests_until = 0.0

    async def run(self, caller: int, steps: Steps[T]) -> T:
        """The result of work. Raises what it raises, and ProblemError overloaded."""
        while True:
            async with self._turn.place(caller):
                await self._rest(caller)
                began = self._clock()
                ends = began + (SLICE_BESIDE_S if self._callers.several else SLICE_S)
                try:
                    while self._clock() < ends:
                        next(steps)
                except StopIteration as end:
                    result: T = end.value
                    return result
                finally:
                    now = self._clock()
                    self._rests_until = now + REST * (now - began)

    async def _rest(self, caller: int) -> None:
        """Let others work."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await self._callers.give_way(caller, self._rests_until - self._clock())


def mapped(function: Callable[[A], T], items: Sequence[A], step_rows: int = STEP_ROWS) -> Steps[list[T]]:
    """What a function makes of each item."""
    made: list[T] = []
    for start in range(0, len(items), step_rows):
        made += map(function, items[start : start + step_rows])
        yield
    return made


def single(function: Callable[[], T]) -> Steps[T]:
    """What a function gives that takes no longer than a slice."""
    yield
    return function()
