"""Sends to one endpoint: reads from its cursor, tries again what failed, stores what became of it.

The journal is the queue. The cursor moves only behind what was sent or is stored as waiting, so a process may die anywhere: what it had
not stored is sent again. A failing endpoint is tried with one event at a time, and nothing is read for it meanwhile.
"""

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from actors.database.pool import StoreUnavailable
from actors.stores.webhook_endpoints import (
    PENDING_MAX,
    DeliveryState,
    EndpointState,
    OrderedIds,
    StoredDelivery,
)
from actors.stores.webhook_sending import Counts, DeliveryRow, SendingEndpoint, SendingStore, TriedRow
from switch.http.access import WalletAccess
from switch.views.event_feed import EventFeed, Own
from switch.views.events import EventPage, type_numbers
from switch.webhooks import schedule
from switch.webhooks.messages import SENDER, Messages, moment
from switch.webhooks.posting import AttemptResult, Poster
from switch.webhooks.signing import signed_headers
from switch.webhooks.stretch import (
    NotTried,
    Outcome,
    Outgoing,
    Sent,
    Stretch,
    StretchResult,
    places_after,
    wallets_of,
)
from switch.webhooks.window import Window

log = logging.getLogger(__name__)

STRETCH_EVENTS: Final = 500
"""Read, sent and stored at a time: as many are sent again when the process dies, and no more."""
RETRY_EVENTS: Final = 20
"""Tried again at a time; each may need its block's details."""
RETRIES_MAX: Final = 4
"""Such groups at a time, so that one receiver's slow answer does not hold up what else is due."""
LOOK_EVERY_S: Final = 1.0
"""So late may be noticed what is due."""
DUE_EVERY_S: Final = 0.25
"""So often is all that waits looked through, beside when some of it has changed: 10,000 take some milliseconds."""
STORE_PAUSE_S: Final = 0.5
SAVE_EVERY_S: Final = 10.0
"""A cursor that passed nothing that is wanted is stored so often."""
PRUNE_EVERY: Final = 2_000
"""Rows of the log."""


class Replaced(Exception):
    """The endpoint was changed by its owner, or another process sends: begin anew with what is stored, or end."""


class SenderParts(NamedTuple):
    """What all endpoints share."""

    store: SendingStore
    feed: EventFeed
    messages: Messages
    access: WalletAccess
    poster: Poster
    ids: OrderedIds


class Waiting(msgspec.Struct, kw_only=True):
    """A stored delivery that is to be tried again. `next_s`: when, in seconds since 1970; `probe`: it is tried before that."""

    kept: StoredDelivery
    tries: int
    next_s: float
    under_way: bool = False
    probe: bool = False


class EndpointSender:
    """One endpoint, as long as its version is the same. `endpoint` is replaced when its secrets change, or what its account is bound to."""

    def __init__(self, endpoint: SendingEndpoint, parts: SenderParts) -> None:
        self.endpoint = endpoint
        self._parts = parts
        self._places: Sequence[int] = endpoint.places
        self._types = type_numbers(endpoint.types)
        self._window = Window()
        self._waiting: dict[uuid.UUID, Waiting] = {}
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._retrying = 0
        self._saved_at = self._tried_at = time.monotonic()
        self._failing_since = None if endpoint.failing_since is None else endpoint.failing_since.timestamp()
        self._failures = 0 if endpoint.failing_since is None else schedule.FAILING_AFTER
        if self._failures:
            self._window.size = 1
        self._probing = False
        self._gone = self._given_up = False
        self._rows_logged = PRUNE_EVERY
        self._broken: BaseException | None = None
        self._stopping = False
        self._due_at = 0.0

    @property
    def failing(self) -> bool:
        """Whether so many attempts failed that nothing new is tried."""
        return self._failures >= schedule.FAILING_AFTER

    async def run(self) -> None:
        """Send until it is cancelled, or the endpoint is disabled. Raises Replaced, and what is a bug."""
        try:
            found = await self._stored(partial(self._parts.store.pending, self.endpoint.id))
            for kept in found:
                self._keep(kept)
            if self._failing_since is not None:
                last = max((each.tried_at.timestamp() for kept in found for each in kept.attempts), default=0.0)
                self._tried_at -= time.time() - last  # perhaps by a process before this one, perhaps long ago
            while not self._stopping and not await self._disabled():
                if self._broken is not None:
                    raise self._broken
                self._start_due()
                await self._prune()
                if self._reads():
                    await self._next_stretch()
                else:
                    await self._pause()
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def stop(self) -> None:
        """Begin nothing more, store what was sent, and end."""
        self._stopping = True
        self._changed()

    def ask(self, kept: StoredDelivery) -> None:
        """Try this one now: its owner asked for it."""
        self._keep(kept)
        self._waiting[kept.id].next_s = 0.0
        self._changed()

    def _changed(self) -> None:
        """Something may be due now."""
        self._due_at = 0.0
        self._wake.set()

    def _keep(self, kept: StoredDelivery) -> None:
        next_s = 0.0 if kept.next_at is None else kept.next_at.timestamp()
        self._waiting[kept.id] = Waiting(kept=kept, tries=kept.tries, next_s=next_s)

    # What the next thing to do is.

    def _reads(self) -> bool:
        return not self._waiting if self.failing else len(self._waiting) < PENDING_MAX

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _disabled(self) -> bool:
        """Whether the receiver is gone for good: it said so, or of all that was tried for days nothing got through."""
        state = EndpointState.GONE if self._gone else EndpointState.FAILED
        if not self._gone and not self._given_up:
            return False
        if not await self._stored(partial(self._parts.store.disable, self.endpoint, state)):
            raise Replaced
        log.error("webhook endpoint %s is disabled: %s", self.endpoint.id, state.name.lower())
        return True

    async def _prune(self) -> None:
        if self._rows_logged >= PRUNE_EVERY:
            self._rows_logged = 0
            await self._stored(partial(self._parts.store.prune, self.endpoint.id))

    @staticmethod
    async def _stored(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """What the database says, however long it is away."""
        while True:
            try:
                return await work()
            except StoreUnavailable as error:
                log.info("the database is away: %s", error)
                await asyncio.sleep(STORE_PAUSE_S)

    def _own(self) -> Own | None:
        bound = self.endpoint.bound
        return None if bound is None else partial(self._parts.access.own, bound)

    # New events.

    async def _next_stretch(self) -> None:
        self._probing = self.failing
        limit = 1 if self._probing else STRETCH_EVENTS
        page = await self._stored(partial(self._read, limit))
        if not page.events:
            await self._passed(page)
            return
        bodies = await self._stored(partial(self._parts.messages.of, page.events))
        events = [Outgoing(found, *made) for found, made in zip(page.events, bodies, strict=True)]
        blocked = self._blocked() if self.endpoint.ordered else None
        result = await Stretch(events, self, blocked).run()
        if result.results:
            await self._store(page, events[: len(result.results)], result)

    async def _read(self, limit: int) -> EventPage:
        return await self._parts.feed.page(SENDER, self._places, limit, self._types, self._own())

    async def _passed(self, page: EventPage) -> None:
        """Nothing of what was read is wanted."""
        self._places = page.places
        if time.monotonic() - self._saved_at > SAVE_EVERY_S and tuple(page.places) != self.endpoint.places:
            await self._save(page.places, [])
        if not page.has_more:
            await self._parts.feed.grown(self._places, LOOK_EVERY_S, self._wake.is_set)
            self._wake.clear()

    def _blocked(self) -> set[int]:
        """Wallets that have something waiting."""
        wallets: set[int] = set()
        for each in self._waiting.values():
            wallets |= wallets_of(each.kept.payer, each.kept.payee)
        return wallets

    async def _store(self, page: EventPage, begun: Sequence[Outgoing], result: StretchResult) -> None:
        rows = [self._row(each, outcome) for each, outcome in zip(begun, result.results, strict=True)]
        late = {rows[index].id: task for index, task in result.open.items()}
        try:
            await self._save(places_after(page, begun, self._places), rows)
        except BaseException:
            for task in late.values():
                task.cancel()
            raise
        for row in rows:
            if row.state is DeliveryState.PENDING:
                kept = _stored_delivery(self.endpoint.id, row)
                self._keep(kept)
                if row.id in late:
                    self._waiting[row.id].under_way = True
                    self._spawn(self._end_late(self._waiting[row.id], late[row.id]))

    def _row(self, each: Outgoing, outcome: Outcome) -> DeliveryRow:
        record = each.found.record
        state, tries, next_s, result = DeliveryState.PENDING, 0, time.time(), None
        if isinstance(outcome, AttemptResult):
            state, tries, next_s = self._after(outcome, 1)
            result = outcome
        return DeliveryRow(
            id=self._parts.ids.next(),
            event=each.found.address,
            message=each.message,
            type=each.type,
            payer=record["payer"],
            payee=record["payee"],
            state=state,
            tries=tries,
            next_at=moment(next_s) if state is DeliveryState.PENDING else None,
            tried_at=None if result is None else moment(time.time() - result.took_ms / 1_000),
            took_ms=None if result is None else result.took_ms,
            status=None if result is None else result.status,
            error=None if result is None else result.error,
        )

    async def _save(self, places: Sequence[int], rows: Sequence[DeliveryRow]) -> None:
        """Raises Replaced."""
        counts = self._counts(rows)
        if not await self._stored(partial(self._parts.store.sent, self.endpoint, places, counts, rows)):
            raise Replaced
        self._places, self._saved_at = places, time.monotonic()
        self._rows_logged += len(rows)

    def _counts(self, rows: Sequence[DeliveryRow | TriedRow]) -> Counts:
        delivered = sum(row.state is DeliveryState.DELIVERED for row in rows)
        failed = sum(row.tried_at is not None for row in rows) - delivered
        return Counts(delivered, failed, None if self._failing_since is None else moment(self._failing_since))

    # One attempt, as a stretch asks for it.

    async def enter(self) -> bool:
        """See Receiver."""
        if self._begins_nothing():
            return False
        await self._window.enter()
        if self._begins_nothing():
            self._window.give_back()
            return False
        return True

    def _begins_nothing(self) -> bool:
        return self._gone or self._stopping or (self.failing and not self._probing)

    async def attempt(self, message: uuid.UUID, body: bytes) -> AttemptResult:
        """See Receiver."""
        endpoint, delivered = self.endpoint, False
        try:
            headers = signed_headers(endpoint.secrets, str(message), int(time.time()), body)
            result = await self._parts.poster.post(endpoint.account, endpoint.url, headers, body)
            delivered = result.delivered
        finally:
            self._window.leave(delivered)
        self._note(result)
        return result

    def _note(self, result: AttemptResult) -> None:
        quiet = time.monotonic() - self._tried_at > schedule.QUIET_S
        self._tried_at = time.monotonic()
        if result.delivered:
            if self.failing:
                log.info("webhook endpoint %s answers again", self.endpoint.id)
                for each in self._waiting.values():
                    each.next_s = 0.0
                self._changed()
            self._failures, self._failing_since, self._given_up = 0, None, False
            return
        self._failures += 1
        if self._failing_since is None or quiet:
            self._failing_since = time.time()
        self._given_up = time.time() - self._failing_since >= schedule.DISABLE_AFTER_S
        self._gone = self._gone or result.status == HTTP_GONE
        if self._failures == schedule.FAILING_AFTER:
            log.warning("webhook endpoint %s fails: %s", self.endpoint.id, result.error or result.status)

    @staticmethod
    def _after(result: AttemptResult, tries: int) -> tuple[DeliveryState, int, float]:
        """What a delivery is after an attempt, and when it is tried again."""
        if result.delivered:
            return DeliveryState.DELIVERED, tries, 0.0
        pause = schedule.retry_in_s(tries, random.random(), result.asked_s)
        return (
            (DeliveryState.DEAD, tries, 0.0) if pause is None else (DeliveryState.PENDING, tries, time.time() + pause)
        )

    # What waits.

    def _start_due(self) -> None:
        """Try again what is due; of a failing endpoint one, and from time to time one that is not due."""
        if self._retrying >= (1 if self.failing else RETRIES_MAX) or not self._waiting:
            return
        if time.monotonic() < self._due_at:
            return
        self._due_at = time.monotonic() + DUE_EVERY_S
        free = self._free()
        due = [each for each in free if each.next_s <= time.time()]
        due = due[: 1 if self.failing else RETRY_EVENTS]
        if not due and self.failing and free and time.monotonic() - self._tried_at > schedule.PROBE_EVERY_S:
            due = free[:1]
            due[0].probe = True
        if due:
            for each in due:
                each.under_way = True
            self._retrying += 1
            self._spawn(self._retry(due))

    def _free(self) -> list[Waiting]:
        """What waits for nothing but its time, the oldest first."""
        found, wallets = [], set[int]()
        for identity in sorted(self._waiting):
            each = self._waiting[identity]
            own = wallets_of(each.kept.payer, each.kept.payee) if self.endpoint.ordered else frozenset()
            if not each.under_way and not own & wallets:
                found.append(each)
            wallets |= own
        return found

    async def _retry(self, due: Sequence[Waiting]) -> None:
        try:
            kept = [each.kept for each in due]
            bodies = await self._stored(partial(self._parts.messages.again, kept, self._own()))
            results = await asyncio.gather(*(self._try(each.kept, bodies.get(each.kept.id)) for each in due))
            await self._tried(list(zip(due, results, strict=True)))
        finally:
            self._retrying -= 1
            for each in due:
                each.under_way = each.probe = False
            self._changed()

    async def _try(self, kept: StoredDelivery, body: bytes | None) -> AttemptResult | None:
        """None: its owner may not see it any more."""
        if body is None:
            return None
        await self._window.enter()
        return await self.attempt(kept.message, body)

    async def _end_late(self, waiting: Waiting, task: Sent) -> None:
        try:
            outcome = await task
            assert not isinstance(outcome, NotTried), "it had begun"
            await self._tried([(waiting, outcome)])
        finally:
            task.cancel()
            waiting.under_way = False
            self._changed()

    async def _tried(self, done: Sequence[tuple[Waiting, AttemptResult | None]]) -> None:
        rows = [self._tried_row(waiting, result) for waiting, result in done]
        work = partial(self._parts.store.tried, self.endpoint.id, self._counts(rows), rows)
        await self._stored(work)
        for (waiting, _), row in zip(done, rows, strict=True):
            if row.state is not DeliveryState.PENDING and self._waiting.get(row.id) is waiting:
                del self._waiting[row.id]
        self._rows_logged += len(rows)

    def _tried_row(self, waiting: Waiting, result: AttemptResult | None) -> TriedRow:
        if result is None:
            nothing = AttemptResult(None, NOT_OWN, 0)
            state, next_s, result = DeliveryState.DEAD, 0.0, nothing
        elif waiting.probe and not result.delivered:
            state, next_s = DeliveryState.PENDING, waiting.next_s
        else:
            waiting.tries += 1
            state, _, next_s = self._after(result, waiting.tries)
        waiting.next_s = next_s
        return TriedRow(
            id=waiting.kept.id,
            state=state,
            tries=waiting.tries,
            next_at=moment(next_s) if state is DeliveryState.PENDING else None,
            tried_at=moment(time.time() - result.took_ms / 1_000),
            took_ms=result.took_ms,
            status=result.status,
            error=result.error,
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()


HTTP_GONE: Final = 410
"""The receiver wants nothing any more: Standard Webhooks."""
NOT_OWN: Final = "the account may not see this event any more"


def _stored_delivery(endpoint: uuid.UUID, row: DeliveryRow) -> StoredDelivery:
    return StoredDelivery(
        endpoint=endpoint,
        id=row.id,
        event=row.event,
        message=row.message,
        type=row.type,
        payer=row.payer,
        payee=row.payee,
        state=row.state,
        tries=row.tries,
        next_at=row.next_at,
        attempts=(),
    )
