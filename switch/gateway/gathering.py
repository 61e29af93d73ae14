"""When a call to a shard leaves: once the event loop brings no more rows for it."""

import asyncio
import sys
from collections.abc import Callable
from typing import Final

QUIET_TURNS: Final = 3
"""Turns of the event loop without a new row after which a call leaves; an idle turn takes some 10 microseconds."""


class Gathering:
    """Starts the calls of one queue. `queued`: rows that wait; `start`: takes some of them along; `most`: rows that are enough for a call,
    whatever is under way."""

    __slots__ = ("_last_rows", "_loop", "_most", "_queued", "_start", "_under_way", "_woken")

    def __init__(self, queued: Callable[[], int], start: Callable[[], None], most: int = sys.maxsize) -> None:
        self._loop = asyncio.get_running_loop()
        self._most = most
        self._queued = queued
        self._start = start
        self._woken = False
        self._under_way = 0
        self._last_rows = 0

    def wake(self) -> None:
        """There are rows, and a call may leave."""
        if not self._woken:
            self._woken = True
            self._loop.call_soon(self._look, 0, 0)

    def left(self, rows: int) -> None:
        """A call with so many has left."""
        self._last_rows = rows
        self._under_way += rows

    def returned(self, rows: int) -> None:
        """It is answered, or lost."""
        self._under_way -= rows

    def _look(self, seen: int, quiet: int) -> None:
        """Look again each turn of the loop, until for some turns nothing has queued: a call that leaves with the first row would make
        all others wait for its commit. But half of all under way is enough, so that this process and the shard take turns and
        do not wait for each other."""
        queued = self._queued()
        quiet = 0 if queued > seen else quiet + 1
        enough = min(self._most, max(1, self._under_way, self._last_rows // 2))
        if quiet < QUIET_TURNS and queued < enough:
            self._loop.call_soon(self._look, queued, quiet)
        else:
            self._woken = False
            self._start()
