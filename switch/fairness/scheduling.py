"""Long work on the event loop, in time slices: callers take turns, and while several are about half of the time is left to all else.

Who runs in the event loop runs alone, and a thread of its own would hold the interpreter for 5 ms at a time. So work that takes longer
than a slice is a generator that stops between small steps, and one scheduler runs all of them.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from typing import Final, TypeVar

from switch.fairness.shares import Places

A = TypeVar("A")
T = TypeVar("T")

SLICE_S: Final = 0.001
"""Work of one request after which others get their turn: some payments' worth of it, so that none waits noticeably longer."""
TURNS: Final = 3
"""Turns of the event loop between two slices of the only caller. A payment needs some ten."""
BESIDE_S: Final = 0.5
"""So long after its last request a caller still counts as being about."""
STEP_ROWS: Final = 64
"""Rows of one step: a row of a batch takes 2 to 10 microseconds."""

Steps = Generator[None, None, T]
"""Work in steps that are small against SLICE_S, with its result at the end."""


class Callers:
    """Who is about: whether several callers asked for something within `beside_s` seconds of `clock`."""

    __slots__ = ("_beside_s", "_clock", "_last", "_several_until")

    def __init__(self, clock: Callable[[], float], beside_s: float) -> None:
        self._clock = clock
        self._beside_s = beside_s
        self._last: int | None = None
        self._several_until = 0.0

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


class Scheduler:
    """Runs long work, round robin by caller and slice. Work whose turn does not come within `wait_s` is refused."""

    def __init__(self, callers: Callers, wait_s: float) -> None:
        self._callers = callers
        self._turn = Places(1, 1, wait_s)
        self._clock = asyncio.get_running_loop().time
        self._rests_until = 0.0

    async def run(self, caller: int, steps: Steps[T]) -> T:
        """The result of work. Raises what it raises, and ProblemError overloaded."""
        while True:
            async with self._turn.place(caller):
                await self._rest()
                began = self._clock()
                try:
                    while self._clock() - began < SLICE_S:
                        next(steps)
                except StopIteration as end:
                    result: T = end.value
                    return result
                finally:
                    now = self._clock()
                    self._rests_until = 2 * now - began

    async def _rest(self) -> None:
        """Let others work: while they are about as long as the slice before took."""
        if self._callers.several:
            rest_s = self._rests_until - self._clock()
            if rest_s > 0:
                await asyncio.sleep(rest_s)
        else:
            for _ in range(TURNS):
                await asyncio.sleep(0)


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
