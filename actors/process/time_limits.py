"""Time limits that are the same for all waits of one sort.

One timer watches the oldest of them: a timer each, as asyncio.timeout has it, takes uvloop 14 microseconds, a tenth of a payment.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Any

from actors.process.shared_timer import SharedTimer


class TimeLimit:
    """So many seconds may each block take that is entered with it."""

    __slots__ = ("_blocks", "_seconds", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._blocks: deque[_Block] = deque()
        self._timer: SharedTimer | None = None

    def block(self) -> "_Block":
        """A context as asyncio.timeout gives one: its end raises TimeoutError when it was cut short. Its time begins with this call."""
        task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        block = _Block(self, task, loop.time() + self._seconds)
        self._blocks.append(block)
        if self._timer is None:
            self._timer = SharedTimer(self._look)
        self._timer.not_after(block.ends_at)
        return block

    def _forget_left(self) -> None:
        while self._blocks and self._blocks[0].left:
            self._blocks.popleft()

    def _look(self, now: float) -> float | None:
        while self._blocks and (self._blocks[0].left or self._blocks[0].ends_at <= now):
            self._blocks.popleft().cut()
        return self._blocks[0].ends_at if self._blocks else None


class _Block:
    """One wait, which ends in time or is cancelled."""

    __slots__ = ("_cancelled_before", "_is_cut", "_limit", "_task", "ends_at")

    def __init__(self, limit: TimeLimit, task: "asyncio.Task[Any]", ends_at: float) -> None:
        self._limit = limit
        self._task: asyncio.Task[Any] | None = task
        self._cancelled_before = task.cancelling()
        self._is_cut = False
        self.ends_at = ends_at

    @property
    def left(self) -> bool:
        """Whether it has ended."""
        return self._task is None

    def cut(self) -> None:
        """End it now, unless it was left."""
        if self._task is not None:
            self._is_cut = True
            self._task.cancel()

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        assert task is not None
        self._limit._forget_left()
        if self._is_cut and task.uncancel() <= self._cancelled_before and kind is asyncio.CancelledError:
            raise TimeoutError from error
