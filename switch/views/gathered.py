"""Look-ups of single things, which are one statement for all that come while another is under way.

A question for a payment's status takes as long as a payment where each is a statement of its own. While several callers are about,
statements rest between each other, so that more gather, and the longer the more payments there are: payments go first. Who asked nothing
a moment ago waits for no such rest: who asks now and then does not wait for who asks all the time.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

UNDER_WAY: Final = 2
"""Statements at once: what one of them finds slow keeps few waiting."""
KEYS_MAX: Final = 64
"""Of one statement."""
TURNS: Final = 3
"""Turns of the event loop from one answer of a statement to the next. An answer is written out, and followed by the caller's next request,
0.2 ms together; a payment takes some ten turns. An idle turn takes 10 microseconds."""
PACE_S: Final = 0.005
"""From the beginning of a statement to that of the next, while several callers are about: beside payments PostgreSQL spends 0.02 ms
on a question in place of 0.08."""
PAYMENT_S: Final = 0.0015
"""So much longer for each payment that was made meanwhile: it takes as long as some answers on its way, and others wait for those."""
PACE_MAX_S: Final = 0.016
"""However many payments there are."""
SELDOM_S: Final = 0.02
"""Who asked nothing for so long asks now and then: up to 50 times a second."""
SELDOM_PACE_S: Final = 0.001
"""From the beginning of a statement to that of the next for those: many that ask now and then are together no more than a flood."""


class BesideQuestions(NamedTuple):
    """What goes on beside the questions: whether several callers are about, how many payments were made so far."""

    several: Callable[[], bool] = lambda: False
    payments: Callable[[], int] = lambda: 0


NOBODY: Final = BesideQuestions()


class _Asked(NamedTuple, Generic[Key, Value]):
    key: Key
    found: "asyncio.Future[Value | None]"


class Gathered(Generic[Key, Value]):
    """Gives what `read` finds of keys. The first is read at once; those that come meanwhile wait for their turn, in order, but those of
    askers that ask now and then before all others."""

    def __init__(
        self, read: Callable[[list[Key]], Awaitable[Mapping[Key, Value]]], beside: BesideQuestions = NOBODY
    ) -> None:
        self._read = read
        self._beside = beside
        self._waiting: deque[_Asked[Key, Value]] = deque()
        self._first: deque[_Asked[Key, Value]] = deque()
        self._asked_at: OrderedDict[int, float] = OrderedDict()
        self._readers: set[asyncio.Task[None]] = set()
        self._began = float("-inf")
        self._payments = 0
        self._rests: set[asyncio.Future[None]] = set()

    async def get(self, key: Key, asker: int | None = None) -> Value | None:
        """What is there, by a statement that begins after the call. `asker`: the account that asks; None: what changes something needs it.
        Raises what `read` raises."""
        found: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        if asker is None or self._asks_seldom(asker):
            self._first.append(_Asked(key, found))
            for rest in self._rests:
                _end(rest)
        else:
            self._waiting.append(_Asked(key, found))
        if len(self._readers) < UNDER_WAY:
            reader = asyncio.create_task(self._keep_reading())
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
        return await found

    def _asks_seldom(self, asker: int) -> bool:
        """Whether it asked nothing lately. It asks now."""
        now, asked_at = asyncio.get_running_loop().time(), self._asked_at
        while asked_at and next(iter(asked_at.values())) <= now - SELDOM_S:
            asked_at.popitem(last=False)
        seldom = asker not in asked_at
        asked_at[asker] = now
        asked_at.move_to_end(asker)
        return seldom

    async def _keep_reading(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._waiting or self._first:
            rest_s = self._rest_s(clock())
            if rest_s > 0:
                await self._rest(rest_s)
                continue
            self._began, self._payments = clock(), self._beside.payments()
            await self._read_some()

    def _rest_s(self, now: float) -> float:
        """How long the next statement has to wait at least, seconds."""
        if not self._beside.several():
            return 0.0
        if self._first:
            return self._began + SELDOM_PACE_S - now
        longer_s = PAYMENT_S * (self._beside.payments() - self._payments)
        return self._began + min(PACE_S + longer_s, PACE_MAX_S) - now

    async def _rest(self, seconds: float) -> None:
        """Wait, or until somebody comes who waits for less."""
        loop = asyncio.get_running_loop()
        rest = loop.create_future()
        timer = loop.call_later(seconds, _end, rest)
        self._rests.add(rest)
        try:
            await rest
        finally:
            timer.cancel()
            self._rests.discard(rest)

    async def _read_some(self) -> None:
        asked: list[_Asked[Key, Value]] = []
        for line in (self._first, self._waiting):
            asked += [line.popleft() for _ in range(min(KEYS_MAX - len(asked), len(line)))]
        try:
            found = await self._read(list(dict.fromkeys(each.key for each in asked if not each.found.done())))
            for each in asked:
                if not each.found.done():
                    each.found.set_result(found.get(each.key))
                for _ in range(TURNS):
                    await asyncio.sleep(0)
        except Exception as error:
            for each in asked:
                if not each.found.done():
                    each.found.set_exception(error)
        finally:
            for each in asked:
                each.found.cancel()  # of what has no result, as the process ends


def _end(rest: "asyncio.Future[None]") -> None:
    if not rest.done():
        rest.set_result(None)
