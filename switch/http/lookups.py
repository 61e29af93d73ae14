"""Look up keys and wallets for many requests with one question at a time.

Answers are remembered for a short time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from functools import partial
from typing import Final, Generic, TypeVar

from actors.database.pool import StoreUnavailable
from switch.problems.table import ProblemError

TTL_S: Final = 2.0
"""So long may an answer hold that is true no longer: a wallet that has another owner."""
REFRESH_S: Final = 0.5
"""What is used so shortly before its end is asked for anew meanwhile: no request of a busy caller waits for the database, which others may
keep busy."""
KNOWN_MAX: Final = 10_000
"""Answers that are remembered, and as many times that there was none."""
WANTED_MAX: Final = 4_096
"""What waits for one question; of what lies beyond it only what was there a moment ago may still wait."""
FIND_TIMEOUT_S: Final = 5.0
"""A question that takes longer has failed."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_Kept = OrderedDict[K, tuple[float, V]]


class Lookups(Generic[K, V]):
    """Values by key. `find` answers for many keys and leaves out those that have none; what has none pushes out nothing that has a value.
    `clock` counts seconds, steadily."""

    def __init__(
        self, find: Callable[[list[K]], Awaitable[dict[K, V]]], clock: Callable[[], float], ttl_s: float = TTL_S
    ) -> None:
        self._find = find
        self._ttl_s = ttl_s
        self._clock = clock
        self._known: _Kept[K, V] = OrderedDict()
        self._absent: _Kept[K, None] = OrderedDict()
        self._wanted: dict[K, asyncio.Future[V | None]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._refreshing: dict[K, asyncio.Task[V | None]] = {}

    async def get(self, key: K) -> V | None:
        """The value of a key, None when there is none. Raises ProblemError overloaded, and what `find` raises."""
        known = self._known.get(key)
        if known is not None and known[0] > (now := self._clock()):
            if known[0] - now < REFRESH_S and key not in self._refreshing:
                self._refreshing[key] = asyncio.create_task(self._asked(key, True))
                self._refreshing[key].add_done_callback(partial(self._refreshed, key))
            return known[1]
        absent = self._absent.get(key)
        if absent is not None and absent[0] > self._clock():
            return None
        return await self._asked(key, known is not None)

    def forget(self, key: K) -> None:
        """Ask again when it is next needed: its value has just changed."""
        self._known.pop(key, None)

    def forget_all(self) -> None:
        """What is asked for next is asked of the database."""
        self._known.clear()
        self._absent.clear()

    async def many(self, keys: Iterable[K]) -> dict[K, V]:
        """Values of many keys, of a batch for instance: asked for at once, and not remembered."""
        now = self._clock()
        found, missing = {}, []
        for key in keys:
            known = self._known.get(key)
            if known is not None and known[0] > now:
                found[key] = known[1]
            else:
                missing.append(key)
        return found | await self._answer(missing) if missing else found

    def _refreshed(self, key: K, task: "asyncio.Task[V | None]") -> None:
        del self._refreshing[key]
        if not task.cancelled():
            task.exception()  # the next request that needs the value will meet it

    async def _asked(self, key: K, known: bool) -> V | None:
        future = self._wanted.get(key)
        if future is None:
            if len(self._wanted) >= WANTED_MAX and not known:
                raise ProblemError("overloaded")
            future = asyncio.get_running_loop().create_future()
            self._wanted[key] = future
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
        asked_at = self._clock()
        value = await asyncio.shield(future)
        if value is None:
            self._known.pop(key, None)
            _remember(self._absent, key, asked_at + self._ttl_s, None)
        else:
            _remember(self._known, key, asked_at + self._ttl_s, value)
        return value

    async def _ask(self) -> None:
        """Ask for all keys that are wanted, until none is."""
        try:
            while self._wanted:
                asked, self._wanted = self._wanted, {}
                try:
                    found = await self._answer(list(asked))
                except Exception as error:
                    for future in asked.values():
                        future.set_exception(error)
                        future.exception()  # nobody may wait for it any more
                else:
                    for key, future in asked.items():
                        future.set_result(found.get(key))
        finally:
            self._asking = None

    async def _answer(self, keys: list[K]) -> dict[K, V]:
        try:
            async with asyncio.timeout(FIND_TIMEOUT_S):
                return await self._find(keys)
        except TimeoutError:
            raise StoreUnavailable("the database did not answer in time") from None


def _remember(kept: "_Kept[K, V]", key: K, until: float, value: V) -> None:
    kept[key] = until, value
    kept.move_to_end(key)
    if len(kept) > KNOWN_MAX:
        kept.popitem(last=False)
