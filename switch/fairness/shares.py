"""Limit what one caller may have of a front door: bytes of bodies, places to work in.

Nobody waits for ever: every wait ends with a place, or after its limit with a problem that a retry can heal.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from switch.problems.table import ProblemError


class Places:
    """So many may be inside at a time, and of one caller at most `of_one`; the callers that wait take turns."""

    def __init__(self, places: int, of_one: int, wait_s: float) -> None:
        self._free = places
        self._of_one = of_one
        self._wait_s = wait_s
        self._inside: Counter[int] = Counter()
        self._waiting: OrderedDict[int, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def place(self, caller: int) -> AsyncIterator[None]:
        """A place for one of this caller. Raises ProblemError overloaded when none gets free in time."""
        await self._enter(caller)
        try:
            yield
        finally:
            self._leave(caller)

    async def _enter(self, caller: int) -> None:
        if self._free and self._inside[caller] < self._of_one and caller not in self._waiting:
            self._take(caller)
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(future)
        try:
            async with asyncio.timeout(self._wait_s):
                await future
        except TimeoutError:
            self._gone(caller, future)
            raise ProblemError("overloaded") from None
        except asyncio.CancelledError:
            self._gone(caller, future)
            raise

    def _gone(self, caller: int, future: asyncio.Future[None]) -> None:
        """Who waited does so no longer; a place that was given meanwhile goes back."""
        if future.done() and not future.cancelled():
            self._leave(caller)
            return
        line = self._waiting.get(caller, deque())
        if future in line:
            line.remove(future)
            if not line:
                del self._waiting[caller]

    def _take(self, caller: int) -> None:
        self._free -= 1
        self._inside[caller] += 1

    def _leave(self, caller: int) -> None:
        self._free += 1
        self._inside[caller] -= 1
        if not self._inside[caller]:
            del self._inside[caller]
        for waiting in list(self._waiting):
            if not self._free:
                break
            if self._inside[waiting] < self._of_one:
                self._invite(waiting)

    def _invite(self, caller: int) -> None:
        line = self._waiting[caller]
        while line:
            future = line.popleft()
            if not future.done():  # one whose time is over is still in line until its task has run
                self._take(caller)
                future.set_result(None)
                break
        if line:
            self._waiting.move_to_end(caller)
        else:
            del self._waiting[caller]


class BodyRoom:
    """Bytes of bodies that have arrived and whose requests are not answered yet, and of answers that wait to be taken. One caller has at
    most half of them."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._by_caller: Counter[int] = Counter()
        self._held = 0

    def take(self, caller: int, size: int) -> None:
        """So many more have arrived. Raises ProblemError, and nothing is taken: too_many_bodies beyond the caller's share, overloaded
        beyond all that there is."""
        if self._by_caller[caller] + size > self._bytes_max // 2:
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
