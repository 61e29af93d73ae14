"""A stretch of events on its way to one endpoint: nothing that has not begun counts as passed.

In order, an event waits for the one before of each of its wallets, and where that one did not get through it is not tried. Operator
wallets, which all payments share, keep no order.
"""

import asyncio
import uuid
from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol

from actors.records.addresses import owned, shard_of
from switch.views.events import EventPage, FoundEvent
from switch.webhooks.posting import AttemptResult

STARTED_WITHIN_S: Final = 5.0
"""Of a stretch, what has not begun by then is left for the next one, so that the cursor moves."""
ENDED_WITHIN_S: Final = 1.0
"""What takes longer than this after the last one began is stored, and goes on beside the next stretch."""
LOOK_EVERY_S: Final = 0.25


class Receiver(Protocol):
    """Where events go."""

    async def enter(self) -> bool:
        """Wait until there is room for an attempt; False when none shall begin any more."""

    async def attempt(self, message: uuid.UUID, body: bytes) -> AttemptResult:
        """Send it once, and give the room back."""


class NotTried(Enum):
    """Why there is no result of an event."""

    BLOCKED = "an event before it, of the same wallet, has not got through"
    UNDER_WAY = "its attempt has not ended"
    NOT_BEGUN = "its attempt has not begun"


class Outgoing(NamedTuple):
    """An event with its body."""

    found: FoundEvent
    message: uuid.UUID
    type: str
    body: bytes


class StretchResult(NamedTuple):
    """What became of the first events of a stretch; of those behind them none has begun. `open`: attempts that have not ended, by index."""

    results: "list[Outcome]"
    open: "dict[int, Sent]"


def wallets_of(payer: int, payee: int) -> frozenset[int]:
    """The wallets whose order an event keeps."""
    return frozenset(wallet for wallet in (payer, payee) if wallet and owned(wallet))


def places_after(page: EventPage, begun: Sequence[Outgoing], places: Sequence[int]) -> list[int]:
    """The cursor behind the first events of a page."""
    if len(begun) == len(page.events):
        return list(page.places)
    reached = list(places)
    for each in begun:
        reached[shard_of(each.found.address)] = each.found.place
    return reached


Outcome = AttemptResult | NotTried
Sent = asyncio.Task[Outcome]


class Stretch:
    """Sends events. `blocked` None: in any order; else the wallets whose events may not be tried now."""

    def __init__(self, events: Sequence[Outgoing], receiver: Receiver, blocked: Collection[int] | None) -> None:
        self._events = events
        self._receiver = receiver
        self._blocked = None if blocked is None else set(blocked)
        self._last: dict[int, Sent] = {}
        self._begun: set[int] = set()
        self._tasks: list[Sent] = []

    async def run(self) -> StretchResult:
        """Send what can be sent, for no longer than limits say."""
        for index in range(len(self._events)):
            wallets = self._wallets(index)
            task = asyncio.create_task(self._one(index, self._before(wallets)))
            self._tasks.append(task)
            self._last.update(dict.fromkeys(wallets, task))
        try:
            whole = await self._wait()
        except asyncio.CancelledError:
            await _cancelled(self._tasks)
            raise
        return self._result(whole)

    def _wallets(self, index: int) -> frozenset[int]:
        record = self._events[index].found.record
        return frozenset() if self._blocked is None else wallets_of(record["payer"], record["payee"])

    def _before(self, wallets: frozenset[int]) -> list[Sent] | None:
        """What an event waits for; None when it may not be tried."""
        if self._blocked is not None and wallets & self._blocked:
            self._blocked |= wallets
            return None
        return list({id(task): task for wallet in wallets if (task := self._last.get(wallet)) is not None}.values())

    async def _one(self, index: int, before: list[Sent] | None) -> Outcome:
        if before is None:
            return NotTried.BLOCKED
        if before:
            await asyncio.wait(before)
            results = [NotTried.NOT_BEGUN if task.cancelled() else task.result() for task in before]
            if NotTried.NOT_BEGUN in results:
                return NotTried.NOT_BEGUN
            if not all(isinstance(result, AttemptResult) and result.delivered for result in results):
                return NotTried.BLOCKED
        if not await self._receiver.enter():
            return NotTried.NOT_BEGUN
        self._begun.add(index)
        return await self._receiver.attempt(self._events[index].message, self._events[index].body)

    async def _wait(self) -> bool:
        """Until all has ended, or as long as limits say; whether nothing was left that has not begun."""
        loop = asyncio.get_running_loop()
        late = loop.time() + STARTED_WITHIN_S
        count, changed = 0, loop.time()
        while True:
            _, open_ = await asyncio.wait(self._tasks, timeout=LOOK_EVERY_S)
            if not open_:
                break
            if len(self._begun) > count:
                count, changed = len(self._begun), loop.time()
            none_waits = all(index in self._begun or task.done() for index, task in enumerate(self._tasks))
            if loop.time() >= late or (none_waits and loop.time() >= changed + ENDED_WITHIN_S):
                break
        await _cancelled(task for index, task in enumerate(self._tasks) if index not in self._begun)
        return not any(task.cancelled() or _not_begun(task) for task in self._tasks)

    def _result(self, whole: bool) -> StretchResult:
        count = len(self._tasks) if whole else max(self._begun, default=-1) + 1
        open_ = {index: task for index, task in enumerate(self._tasks[:count]) if not task.done()}
        return StretchResult([_outcome(task) for task in self._tasks[:count]], open_)


def _not_begun(task: Sent) -> bool:
    return task.done() and not task.cancelled() and task.result() is NotTried.NOT_BEGUN


def _outcome(task: Sent) -> Outcome:
    if not task.done():
        return NotTried.UNDER_WAY
    return NotTried.NOT_BEGUN if task.cancelled() else task.result()


async def _cancelled(tasks: Iterable[Sent]) -> None:
    """End tasks; those that are done stay as they are."""
    ended = [task for task in tasks if not task.done()]
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)
