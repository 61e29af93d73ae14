"""Look-ups of single things, which are one statement for all that come while another is under way.

A question for a payment's status takes as long as a payment where each is a statement of its own. While several callers are about,
statements rest between each other, so that more gather: payments go first.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

UNDER_WAY: Final = 2
"""Statements at once: what one of them finds slow keeps few waiting."""
KEYS_MAX: Final = 64
"""Of one statement."""
TURNS: Final = 3
"""Turns of the event loop from one answer of a statement to the next. An answer is written out, and followed by the caller's next request,
0.2 ms together; a payment takes some ten turns. An idle turn takes 10 microseconds."""
PACE_S: Final = 0.004
"""From the beginning of a statement to that of the next, while several callers are about: beside payments PostgreSQL spends 0.02 ms
on a question in place of 0.08."""


class Gathered(Generic[Key, Value]):
    """Gives what `read` finds of keys. The first is read at once; those that come meanwhile wait for their turn, in order.

    `several`: whether several callers are about."""

    def __init__(
        self, read: Callable[[list[Key]], Awaitable[Mapping[Key, Value]]], several: Callable[[], bool] = lambda: False
    ) -> None:
        self._read = read
        self._several = several
        self._waiting: deque[tuple[Key, asyncio.Future[Value | None]]] = deque()
        self._readers: set[asyncio.Task[None]] = set()
        self._rests_until = 0.0

    async def get(self, key: Key) -> Value | None:
        """What is there, by a statement that begins after the call. Raises what `read` raises."""
        found: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, found))
        if len(self._readers) < UNDER_WAY:
            reader = asyncio.create_task(self._keep_reading())
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
        return await found

    async def _keep_reading(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._waiting:
            rest_s = self._rests_until - clock()
            if rest_s > 0 and self._several():
                await asyncio.sleep(rest_s)
                continue
            self._rests_until = clock() + PACE_S
            await self._read_some()

    async def _read_some(self) -> None:
        asked = [self._waiting.popleft() for _ in range(min(KEYS_MAX, len(self._waiting)))]
        try:
            found = await self._read(list(dict.fromkeys(key for key, one in asked if not one.done())))
            for key, one in asked:
                if not one.done():
                    one.set_result(found.get(key))
                for _ in range(TURNS):
                    await asyncio.sleep(0)
        except Exception as error:
            for _, one in asked:
                if not one.done():
                    one.set_exception(error)
        finally:
            for _, one in asked:
                one.cancel()  # of what has no result, as the process ends
