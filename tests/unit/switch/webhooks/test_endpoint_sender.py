"""One endpoint over tables, journal and receiver in memory: what is stored before the cursor moves, and what a failing receiver costs."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest

from actors.database.pool import StoreUnavailable
from actors.records.addresses import record_address, wallet_address
from actors.stores.webhook_endpoints import Attempt, DeliveryState, EndpointState, OrderedIds, StoredDelivery
from actors.stores.webhook_sending import Counts, DeliveryRow, SendingEndpoint, TriedRow
from switch.views.events import EventPage, FoundEvent
from switch.webhooks import endpoint_sender, schedule
from switch.webhooks.endpoint_sender import EndpointSender, Replaced, SenderParts
from switch.webhooks.posting import AttemptResult


class Store:
    """Tables in memory. `away`: how many calls fail first; `foreign`: nothing may be stored."""

    def __init__(self, kept: Sequence[StoredDelivery] = ()) -> None:
        self.kept = list(kept)
        self.rows: list[DeliveryRow] = []
        self.tries: list[TriedRow] = []
        self.places: Sequence[int] = (0,)
        self.counts: Counts | None = None
        self.disabled: EndpointState | None = None
        self.away = 0
        self.foreign = False

    async def pending(self, endpoint: uuid.UUID) -> list[StoredDelivery]:
        return self.kept

    async def prune(self, endpoint: uuid.UUID) -> None:
        pass

    async def sent(self, endpoint: Any, places: Sequence[int], counts: Counts, rows: Sequence[DeliveryRow]) -> bool:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("away")
        if not self.foreign:
            self.places, self.counts = places, counts
            self.rows += rows
        return not self.foreign

    async def tried(self, endpoint: uuid.UUID, counts: Counts, rows: Sequence[TriedRow]) -> None:
        self.counts = counts
        self.tries += rows

    async def disable(self, endpoint: Any, state: EndpointState) -> bool:
        self.disabled = state
        return True


class Feed:
    """A journal of so many events."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.limits: list[int] = []

    async def page(self, caller: int, places: Sequence[int], limit: int, types: Any, own: Any) -> EventPage:
        self.limits.append(limit)
        first = places[0] // 256
        numbers = range(first, min(first + limit, self.count))
        found = [
            FoundEvent(
                record_address(0, number, 0),
                1,
                {"payer": wallet_address(1, number % 3), "payee": 0},
                None,
                (number + 1) * 256,
                True,
            )
            for number in numbers
        ]
        return EventPage(found, ((numbers.stop if found else first) * 256,), numbers.stop < self.count)

    async def grown(self, places: Sequence[int], timeout_s: float, gone: Callable[[], bool]) -> bool:
        await asyncio.sleep(0.01)
        return False


def identity(address: int) -> uuid.UUID:
    return uuid.UUID(int=address + 1)


class Messages:
    async def of(self, found: Sequence[FoundEvent]) -> list[tuple[uuid.UUID, str, bytes]]:
        return [(identity(each.address), "transfer.posted", str(each.address >> 8).encode()) for each in found]

    async def again(self, kept: Sequence[StoredDelivery], own: Any) -> dict[uuid.UUID, bytes]:
        return {each.id: str(each.event >> 8).encode() for each in kept if each.event >= 0}


class Poster:
    """Answers with a status by the event's number."""

    def __init__(self, answer: Callable[[int], int]) -> None:
        self.answer = answer
        self.sent: list[int] = []
        self.hang: asyncio.Event | None = None

    async def post(self, account: int, url: str, headers: dict[str, str], body: bytes) -> AttemptResult:
        number = int(body)
        self.sent.append(number)
        await asyncio.sleep(0)
        if self.hang is not None:
            await self.hang.wait()
        return AttemptResult(self.answer(number), None, 1)


def endpoint(**fields: Any) -> SendingEndpoint:
    values: dict[str, Any] = {
        "id": uuid.UUID(int=9),
        "account": 1,
        "url": "https://a.example",
        "types": None,
        "ordered": False,
        "version": 1,
        "places": (0,),
        "failing_since": None,
        "bound": None,
        "secrets": (b"s" * 32,),
    }
    return SendingEndpoint(**{**values, **fields})


def kept(number: int, *, tries: int = 1, in_s: float = -1.0, event: int | None = None) -> StoredDelivery:
    address = record_address(0, number, 0) if event is None else event
    return StoredDelivery(
        endpoint=uuid.UUID(int=9),
        id=uuid.UUID(int=1_000 + number),
        event=address,
        message=identity(number),
        type="transfer.posted",
        payer=wallet_address(1, number % 3),
        payee=0,
        state=DeliveryState.PENDING,
        tries=tries,
        next_at=datetime.fromtimestamp(time.time() + in_s, UTC),
        attempts=(),
    )


@contextlib.asynccontextmanager
async def running(
    store: Store, feed: Feed, poster: Poster, to: SendingEndpoint | None = None
) -> AsyncIterator[tuple[EndpointSender, "asyncio.Task[None]"]]:
    parts = SenderParts(*cast(Any, (store, feed, Messages(), None, poster, OrderedIds())))
    sender = EndpointSender(to or endpoint(), parts)
    task = asyncio.create_task(sender.run())
    try:
        yield sender, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(done: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not done():
            await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_sender, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(endpoint_sender, "DUE_EVERY_S", 0.01)
    monkeypatch.setattr(endpoint_sender, "STORE_PAUSE_S", 0.01)


async def test_the_cursor_moves_behind_what_was_sent_and_what_failed_is_stored_with_it() -> None:
    store, poster = Store(), Poster(lambda number: 500 if number == 2 else 200)
    async with running(store, Feed(5), poster):
        await until(lambda: store.places[0] == 5 * 256)
    assert sorted(poster.sent) == list(range(5))
    states = {each.event >> 8: each.state for each in store.rows}
    assert states == {**dict.fromkeys(range(5), DeliveryState.DELIVERED), 2: DeliveryState.PENDING}
    assert store.counts is not None and store.counts[:2] == (4, 1)
    (failed,) = [each for each in store.rows if each.state is DeliveryState.PENDING]
    assert failed.next_at is not None and failed.next_at.timestamp() > time.time() + 3 and failed.tries == 1


async def test_a_database_that_is_away_is_waited_for_and_nothing_is_sent_meanwhile() -> None:
    store, poster = Store(), Poster(lambda number: 200)
    store.away = 5
    async with running(store, Feed(3), poster):
        await until(lambda: store.places[0] == 3 * 256)
    assert len(poster.sent) == len(store.rows) == 3


async def test_what_may_not_be_stored_ends_it() -> None:
    store = Store()
    store.foreign = True
    async with running(store, Feed(3), Poster(lambda number: 200)) as (_, task):
        with pytest.raises(Replaced):
            await asyncio.wait_for(task, 60)
    assert store.rows == [] and store.places == (0,)


async def test_a_failing_receiver_gets_little_and_everything_when_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "FAILING_AFTER", 3)
    monkeypatch.setattr(schedule, "PROBE_EVERY_S", 0.05)
    began = time.monotonic()
    up = False
    store, feed, poster = Store(), Feed(2_000), Poster(lambda number: 200 if up else 503)
    async with running(store, feed, poster) as (sender, _):
        await until(lambda: sender.failing and store.places[0])
        await until(lambda: len(poster.sent) - len(set(poster.sent)) >= 3)
        assert len(set(poster.sent)) <= 20 and len(feed.limits) <= 3, "only what was begun is tried again"
        probes_max = (time.monotonic() - began) / schedule.PROBE_EVERY_S + 1
        assert len(poster.sent) - len(set(poster.sent)) <= probes_max, "one now and then"
        assert all(each.tries == 1 for each in store.tries), "a probe is none of the attempts over a day"
        up = True
        await until(lambda: store.places[0] == 2_000 * 256)
        delivered = {each.event >> 8 for each in store.rows if each.state is DeliveryState.DELIVERED}
        await until(
            lambda: (
                len(delivered) + len([each for each in store.tries if each.state is DeliveryState.DELIVERED]) >= 2_000
            )
        )
        assert not sender.failing and store.counts is not None and store.counts.failing_since is None


async def test_who_was_failing_is_asked_with_one_event_after_a_restart() -> None:
    store, feed, poster = Store(), Feed(50), Poster(lambda number: 500)
    async with running(store, feed, poster, endpoint(failing_since=datetime.now(UTC))):
        await until(lambda: store.rows)
        await asyncio.sleep(0.1)
    assert poster.sent == [0] and feed.limits == [1] and store.places == [256]


async def test_what_waits_is_tried_when_it_is_due_and_dies_after_the_last_attempt() -> None:
    late = len(schedule.RETRY_AFTER_S)
    store = Store([kept(1), kept(2, in_s=3_600), kept(3, tries=late)])
    poster = Poster(lambda number: 200 if number == 1 else 500)
    async with running(store, Feed(0), poster):
        await until(lambda: len(store.tries) >= 2)
        await asyncio.sleep(0.05)
    assert sorted(poster.sent) == [1, 3]
    found = {each.id.int - 1_000: each for each in store.tries}
    assert found[1].state is DeliveryState.DELIVERED
    assert (found[3].state, found[3].tries, found[3].next_at) == (DeliveryState.DEAD, late + 1, None)


async def test_what_was_asked_for_is_tried_at_once() -> None:
    store, poster = Store(), Poster(lambda number: 200)
    async with running(store, Feed(0), poster) as (sender, _):
        await asyncio.sleep(0.02)
        sender.ask(kept(7, in_s=3_600))
        await until(lambda: store.tries)
    assert poster.sent == [7]


async def test_what_its_owner_may_see_no_more_is_a_dead_letter() -> None:
    store = Store([kept(1, event=-256)])
    async with running(store, Feed(0), Poster(lambda number: 200)):
        await until(lambda: store.tries)
    assert (store.tries[0].state, store.tries[0].error) == (DeliveryState.DEAD, endpoint_sender.NOT_OWN)


async def test_in_order_what_waits_keeps_what_follows_of_its_wallet_waiting() -> None:
    store, poster = Store([kept(0, in_s=3_600)]), Poster(lambda number: 200)
    async with running(store, Feed(6), poster, endpoint(ordered=True)):
        await until(lambda: store.places[0] == 6 * 256)
        await asyncio.sleep(0.05)
    assert sorted(poster.sent) == [1, 2, 4, 5], "0 and 3 are of the wallet that waits"
    assert [each.event >> 8 for each in store.rows if each.state is DeliveryState.PENDING] == [0, 3]


async def test_an_attempt_that_hangs_is_stored_and_ends_beside_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.webhooks.stretch.ENDED_WITHIN_S", 0.02)
    monkeypatch.setattr("switch.webhooks.stretch.LOOK_EVERY_S", 0.02)
    store, poster = Store(), Poster(lambda number: 200)
    poster.hang = asyncio.Event()
    async with running(store, Feed(2), poster):
        await until(lambda: store.places[0] == 2 * 256)
        assert [(each.state, each.tries, each.tried_at) for each in store.rows] == [
            (DeliveryState.PENDING, 0, None)
        ] * 2
        await asyncio.sleep(0.05)
        assert sorted(poster.sent) == [0, 1], "it is not tried again meanwhile"
        poster.hang.set()
        await until(lambda: len(store.tries) == 2)
    assert {each.state for each in store.tries} == {DeliveryState.DELIVERED}


async def test_410_and_days_without_success_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store([kept(1)])
    async with running(store, Feed(0), Poster(lambda number: 410)) as (_, task):
        await asyncio.wait_for(task, 60)
    assert store.disabled is EndpointState.GONE
    monkeypatch.setattr(schedule, "DISABLE_AFTER_S", 0.05)
    monkeypatch.setattr(schedule, "RETRY_AFTER_S", (0.03,) * 10)
    monkeypatch.setattr("switch.webhooks.endpoint_sender.DUE_EVERY_S", 0.01)
    store = Store([kept(1)])
    async with running(store, Feed(0), Poster(lambda number: 500)) as (_, task):
        await asyncio.wait_for(task, 60)
    assert store.disabled is EndpointState.FAILED


async def test_an_endpoint_to_which_nothing_was_sent_for_days_is_not_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "DISABLE_AFTER_S", 0.05)
    monkeypatch.setattr(schedule, "QUIET_S", 0.1)
    monkeypatch.setattr(schedule, "RETRY_AFTER_S", ())
    store, poster = Store([kept(1)]), Poster(lambda number: 500)
    async with running(store, Feed(0), poster) as (sender, _):
        await until(lambda: len(store.tries) == 1)
        await asyncio.sleep(0.3)
        assert store.disabled is None, "there was nothing to send"
        sender.ask(kept(2))
        await until(lambda: len(store.tries) == 2)
        await asyncio.sleep(0.1)
        assert store.disabled is None, "the first failure after a silence"


@pytest.mark.parametrize(("tried_s_ago", "disabled"), [(None, False), (50 * 3_600, False), (3_600, True)])
async def test_an_endpoint_that_failed_for_days_is_disabled_by_a_failure_after_a_restart_only_if_it_was_tried_lately(
    tried_s_ago: float | None, disabled: bool
) -> None:
    now = datetime.now(UTC)
    attempts = (
        ()
        if tried_s_ago is None
        else (Attempt(tried_at=now - timedelta(seconds=tried_s_ago), took_ms=1, status=500, error=None),)
    )
    store = Store([msgspec.structs.replace(kept(1), attempts=attempts)])
    failing = endpoint(failing_since=now - timedelta(days=4))
    async with running(store, Feed(0), Poster(lambda number: 500), failing):
        await until(lambda: bool(store.tries))
        await asyncio.sleep(0.1)
    assert (store.disabled is EndpointState.FAILED) == disabled


async def test_a_delivery_that_got_through_just_before_keeps_its_endpoint() -> None:
    store = Store()
    async with running(store, Feed(0), Poster(lambda number: 500)) as (sender, _):
        sender._failing_since = time.time() - 4 * 86_400
        for delivered in (False, True):
            sender._note(AttemptResult(took_ms=1, status=200 if delivered else 500, error=None, asked_s=None))
        await asyncio.sleep(0.05)
    assert store.disabled is None


async def test_who_stops_stores_what_was_sent() -> None:
    store, poster = Store(), Poster(lambda number: 200)
    poster.hang = asyncio.Event()
    async with running(store, Feed(1_000), poster) as (sender, task):
        await until(lambda: poster.sent)
        sender.stop()
        poster.hang.set()
        await asyncio.wait_for(task, 60)
    assert len(poster.sent) == len(store.rows) < 1_000 and store.places[0] == len(poster.sent) * 256


async def test_too_much_that_waits_stops_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_sender, "PENDING_MAX", 2)
    feed = Feed(10)
    async with running(Store([kept(1, in_s=3_600), kept(2, in_s=3_600)]), feed, Poster(lambda number: 200)):
        await asyncio.sleep(0.1)
    assert feed.limits == []
