"""Look-ups of single things, which are one statement for all that come while another is under way.

A question for a payment's status takes as long as a payment where each is a statement of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Final, Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

UNDER_WAY: Final = 2
"""Statements at once: what one of them finds slow keeps few waiting."""
KEYS_MAX: Final = 4
"""Of one statement."""


class Gathered(Generic[Key, Value]):
    """Gives what `read` finds of keys. The first is read at once; those that come meanwhile wait for their turn, in order."""

    def __init__(self, read: Callable[[list[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        self._read = read
        self._waiting: dict[Key, asyncio.Future[Value | None]] = {}
        self._readers: set[asyncio.Task[None]] = set()

    async def get(self, key: Key) -> Value | None:
        """What is there, by a statement that begins after the call. Raises what `read` raises."""
        found = self._waiting.get(key)
        if found is None:
            found = self._waiting[key] = asyncio.get_running_loop().create_future()
            if len(self._readers) < UNDER_WAY:
                reader = asyncio.create_task(self._keep_reading())
                self._readers.add(reader)
                reader.add_done_callback(self._readers.discard)
        return await asyncio.shield(found)  # others may wait for it, too

    async def _keep_reading(self) -> None:
        while self._waiting:
            keys = list(islice(self._waiting, KEYS_MAX))
            asked = {key: self._waiting.pop(key) for key in keys}
            try:
                found = await self._read(keys)
            except Exception as error:
                for each in asked.values():
                    each.set_exception(error)
                    each.exception()  # nobody may wait any more
            else:
                for key, each in asked.items():
                    each.set_result(found.get(key))
            finally:
                for each in asked.values():
                    each.cancel()  # of what has no result, as the process ends
