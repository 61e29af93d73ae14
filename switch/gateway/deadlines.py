"""Ends the waits of a queue whose deadline has passed.

One timer is for all of them: one each would cost as much as a small question.
"""

import asyncio
from collections import deque
from typing import Any, Protocol

from actors.rpc.interface import ShardUnavailable


class Waiting(Protocol):
    """A request on its way. `deadline` is a time of the event loop's clock; `sent`: whether it has left, so that it may happen."""

    @property
    def deadline(self) -> float: ...

    @property
    def sent(self) -> bool: ...

    @property
    def future(self) -> asyncio.Future[Any]: ...


class Deadlines:
    """Waits of one queue. They come in the order of their deadlines, near enough, so only the oldest is watched."""

    __slots__ = ("_loop", "_timer", "_waiting")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, request: Waiting) -> None:
        """At its deadline the request's future fails with ShardUnavailable, unless it is done."""
        self._waiting.append(request)
        if self._timer is None:
            self._timer = self._loop.call_at(request.deadline, self._end)

    def forget_done(self) -> None:
        """Let go of those that need no watch any more."""
        while self._waiting and self._waiting[0].future.done():
            self._waiting.popleft()

    def close(self) -> None:
        """Nothing waits any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._waiting and (self._waiting[0].future.done() or self._waiting[0].deadline <= now):
            request = self._waiting.popleft()
            if not request.future.done():
                request.future.set_exception(ShardUnavailable(not request.sent))
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0].deadline, self._end)
