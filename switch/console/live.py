"""The overview as a stream, taken once a second for all that listen.

While nobody does, nothing is taken.

Whoever is slow gets the newest state when it has taken the one before, never a backlog: each is whole. So a stream that was lost goes on
with whatever there is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

_log = logging.getLogger(__name__)

EVERY_S: Final = 1.0
TAKEN_WITHIN_S: Final = 5.0
"""A state that has not come by then is not waited for: that the switch does not answer is news as well."""
HEARTBEAT_S: Final = 15.0
"""Proxies commonly cut a connection that is silent for a minute."""
LISTENERS_MAX: Final = 128
"""Of one front door: each costs a socket, and 10 kB a second while it is read."""
LISTENERS_OF_ONE_MAX: Final = 16
"""Of one account: tabs that people leave open."""
RETRY_MS: Final = 1_000
UNAVAILABLE: Final = b"event: unavailable\ndata: {}\n\n"
HEARTBEAT: Final = b": heartbeat\n\n"


class State(NamedTuple):
    """What is sent: states are numbered from 1 on."""

    number: int
    frame: bytes


NOTHING: Final = State(0, b"")


class Live:
    """One source for any number of listeners. `taken` makes the data of an event: JSON on one line."""

    def __init__(self, taken: Callable[[], Awaitable[bytes]], *, every_s: float = EVERY_S) -> None:
        self._taken = taken
        self._every_s = every_s
        self._state = NOTHING
        self._listeners = 0
        self._stopped = False
        self._taking: asyncio.Task[None] | None = None
        self._next: asyncio.Future[None] | None = None

    @property
    def stopped(self) -> bool:
        """Whether nothing more comes."""
        return self._stopped

    def stop(self) -> None:
        """Let all listeners go."""
        self._stopped = True
        self._wake()

    def __enter__(self) -> "Live":
        """A listener comes: figures are taken from now on."""
        self._listeners += 1
        if self._taking is None or self._taking.done():
            self._taking = asyncio.get_running_loop().create_task(self._take())
        return self

    def __exit__(self, *_: object) -> None:
        """It leaves; with the last one, taking ends."""
        self._listeners -= 1
        if not self._listeners and self._taking is not None:
            self._taking.cancel()
            self._taking, self._state = None, NOTHING

    async def after(self, number: int, timeout_s: float = HEARTBEAT_S) -> State | None:
        """The newest state, once there is one behind `number`. None: there was none in time, or it is stopped."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._state.number <= number and not self._stopped:
                    if self._next is None or self._next.done():
                        self._next = asyncio.get_running_loop().create_future()
                    await asyncio.shield(self._next)
        except TimeoutError:
            return None
        return None if self._stopped else self._state

    async def _take(self) -> None:
        clock, number = asyncio.get_running_loop().time, self._state.number
        while not self._stopped:
            began, number = clock(), number + 1
            self._state = State(number, await self._frame(number))
            self._wake()
            await asyncio.sleep(max(began + self._every_s - clock(), 0.0))

    async def _frame(self, number: int) -> bytes:
        try:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                return b"id: %d\nevent: figures\ndata: %b\n\n" % (number, await self._taken())
        except Exception as error:
            _log.warning("the overview has no figures: %r", error)
            return UNAVAILABLE

    def _wake(self) -> None:
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
