"""Limit what one caller may have of a front door: bytes of bodies, places to work in.

Nobody waits for ever: every wait ends with a place, or after its limit with a problem that a retry can heal.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from typing import Final, NamedTuple

from actors.process.time_limits import TimeLimit
from switch.problems.table import ProblemError

STRANGERS: Final = 0
"""The one caller that all are who gave no key: no account has this number."""


class Places:
    """So many may be inside at a time, and of one caller at most `of_one`, or one however large; the callers that wait take turns."""

    def __init__(self, places: int, of_one: int, wait_s: float) -> None:
        self._free = places
        self._of_one = of_one
        self._limit = TimeLimit(wait_s)
        self._inside: dict[int, int] = {}
        self._waiting: OrderedDict[int, deque[_Waiting]] = OrderedDict()

    def place(self, caller: int, count: int = 1) -> "_Place":
        """So many places for one of this caller, as a context. Raises ProblemError overloaded when they do not get free in time."""
        return _Place(self, caller, count)

    async def _enter(self, caller: int, count: int) -> None:
        if (
            count <= self._free
            and self._may_have(caller, count)
            and caller not in self._waiting
            and not self._kept_free()
        ):
            self._take(caller, count)
            return
        waiting = _Waiting(asyncio.get_running_loop().create_future(), count)
        self._waiting.setdefault(caller, deque()).append(waiting)
        try:
            async with self._limit.block():
                await waiting.future
        except TimeoutError:
            self._gone(caller, waiting)
            raise ProblemError("overloaded") from None
        except asyncio.CancelledError:
            self._gone(caller, waiting)
            raise

    def _may_have(self, caller: int, count: int) -> bool:
        inside = self._inside.get(caller, 0)
        return not inside or inside + count <= self._of_one

    def _kept_free(self) -> bool:
        """Whether one waits for nothing but that more places get free: who needs few does not take them away."""
        return any(self._may_have(caller, line[0].places) for caller, line in self._waiting.items())

    def _gone(self, caller: int, waiting: "_Waiting") -> None:
        """Who waited does so no longer; places that were given meanwhile go back."""
        if waiting.future.done() and not waiting.future.cancelled():
            self._leave(caller, waiting.places)
            return
        line = self._waiting.get(caller, deque())
        if waiting in line:
            line.remove(waiting)
            if not line:
                del self._waiting[caller]
        self._invite_all()

    def _take(self, caller: int, count: int) -> None:
        self._free -= count
        self._inside[caller] = self._inside.get(caller, 0) + count

    def _leave(self, caller: int, count: int) -> None:
        self._free += count
        self._inside[caller] -= count
        if not self._inside[caller]:
            del self._inside[caller]
        if self._waiting:
            self._invite_all()

    def _invite_all(self) -> None:
        """Callers in turn; who has its share is passed over, who needs more than is free is waited for."""
        while (caller := self._next_caller()) is not None:
            line = self._waiting[caller]
            if line[0].places > self._free:
                return
            first = line.popleft()
            self._take(caller, first.places)
            first.future.set_result(None)
            if line:
                self._waiting.move_to_end(caller)
            else:
                del self._waiting[caller]

    def _next_caller(self) -> int | None:
        """The first of those that wait who has less than its share. Whose time is over is in line until its task has run."""
        for caller, line in list(self._waiting.items()):
            while line and line[0].future.done():
                line.popleft()
            if not line:
                del self._waiting[caller]
            elif self._may_have(caller, line[0].places):
                return caller
        return None


class _Place:
    """Places while one works. A generator as a context would cost three times as much, a fiftieth of a question."""

    __slots__ = ("_caller", "_count", "_places")

    def __init__(self, places: Places, caller: int, count: int) -> None:
        self._places = places
        self._caller = caller
        self._count = count

    async def __aenter__(self) -> None:
        await self._places._enter(self._caller, self._count)

    async def __aexit__(self, *error: object) -> None:
        self._places._leave(self._caller, self._count)


class _Waiting(NamedTuple):
    """One that waits for so many places."""

    future: "asyncio.Future[None]"
    places: int


class BodyRoom:
    """Bytes of bodies that have arrived and whose requests are not answered yet, and of answers that wait to be taken. One caller has at
    most half of them, strangers together a quarter."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._by_caller: Counter[int] = Counter()
        self._held = 0

    def take(self, caller: int, size: int) -> None:
        """So many more have arrived. Raises ProblemError, and nothing is taken: too_many_bodies beyond the caller's share, overloaded
        beyond all that there is."""
        if self._by_caller[caller] + size > self._bytes_max // (2 if caller != STRANGERS else 4):
            raise ProblemError("too_many_bodies")
        if self._held + size > self._bytes_max:
            raise ProblemError("overloaded")
        self._by_caller[caller] += size
        self._held += size

    def give_back(self, caller: int, size: int) -> None:
        """A request with so many is answered."""
        self._held -= size
        self._by_caller[caller] -= size
        if not self._by_caller[caller]:
            del self._by_caller[caller]
