"""The sender runs a task for each endpoint while it surely holds the lease, and none a moment longer."""

import asyncio
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.database.pool import StoreUnavailable
from actors.stores.webhook_endpoints import StoredDelivery
from actors.stores.webhook_sending import SendingEndpoint, SendingStore
from switch.webhooks import sender as module
from switch.webhooks.endpoint_sender import Replaced, SenderParts
from switch.webhooks.sender import SenderOptions, WebhookSender


class Store:
    """The lease and the endpoints, in memory."""

    def __init__(self) -> None:
        self.lease: bool | Exception = True
        self.looks = 0
        self.away = 0
        self.found: list[SendingEndpoint] = []
        self.by_hand: list[StoredDelivery] = []

    async def take_lease(self) -> bool:
        self.looks += 1
        if isinstance(self.lease, Exception):
            raise self.lease
        return self.lease

    async def endpoints(self) -> list[SendingEndpoint]:
        return list(self.found)

    async def asked(self, endpoints: list[uuid.UUID]) -> list[StoredDelivery]:
        return [each for each in self.by_hand if each.endpoint in endpoints]

    async def taken(self, asked: list[StoredDelivery]) -> None:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("its answer was lost")
        self.by_hand = [each for each in self.by_hand if each not in asked]


class One:
    """In place of an endpoint's sender: runs until it is ended, or fails as it is told."""

    def __init__(self, endpoint: SendingEndpoint, parts: Any) -> None:
        self.endpoint, self.fail = endpoint, asyncio.get_running_loop().create_future()
        self.asked: list[Any] = []
        self.runs = False
        parts.append(self)

    async def run(self) -> None:
        self.runs = True
        try:
            await self.fail
        finally:
            self.runs = False

    def stop(self) -> None:
        self.fail.set_result(None)

    def ask(self, kept: Any) -> None:
        self.asked.append(kept)


def endpoint(number: int, version: int = 1, secrets: tuple[bytes, ...] = ()) -> SendingEndpoint:
    return SendingEndpoint(
        id=uuid.UUID(int=number),
        account=1,
        url="",
        types=None,
        ordered=False,
        version=version,
        places=(0,),
        failing_since=None,
        bound=None,
        secrets=secrets,
    )


class Scene:
    def __init__(self) -> None:
        self.store, self.made = Store(), list[One]()
        self.sender = WebhookSender(SenderOptions(url="", secret=b"", shards=1))
        self.task = asyncio.create_task(self.sender._run(cast(SendingStore, self.store), cast(SenderParts, self.made)))

    def running(self) -> list[tuple[int, int]]:
        return sorted((each.endpoint.id.int, each.endpoint.version) for each in self.made if each.runs)

    async def looks(self, number: int) -> None:
        """Wait until so many more have been begun: all but the last are over then."""
        before = self.store.looks
        await self.until(lambda: self.store.looks >= before + number)

    async def until(self, done: Callable[[], Any]) -> None:
        async with asyncio.timeout(60):
            while not done():
                await asyncio.sleep(0.005)


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(module, "EndpointSender", One)
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    found = Scene()
    yield found
    found.sender.stop()
    await asyncio.wait_for(found.task, 60)
    await found.sender._end_all()
    assert found.running() == []


async def test_each_endpoint_has_a_task_and_a_changed_one_a_new_one(scene: Scene) -> None:
    scene.store.found = [endpoint(1), endpoint(2)]
    await scene.until(lambda: scene.running() == [(1, 1), (2, 1)])
    scene.store.found = [endpoint(1, version=2), endpoint(2, secrets=(b"new",))]
    await scene.until(lambda: scene.running() == [(1, 2), (2, 1)])
    assert len(scene.made) == 3 and scene.made[1].endpoint.secrets == (b"new",), "a secret needs no new task"
    scene.store.found = []
    await scene.until(lambda: scene.running() == [])


async def test_without_the_lease_nothing_runs(scene: Scene) -> None:
    scene.store.found = [endpoint(1)]
    await scene.until(scene.running)
    scene.store.lease = False
    await scene.until(lambda: not scene.running())
    assert not scene.sender.holds
    scene.store.lease = True
    await scene.until(scene.running)


async def test_a_lease_that_cannot_be_renewed_counts_until_another_might_take_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    scene.store.found = [endpoint(1)]
    await scene.until(scene.running)
    scene.store.lease = StoreUnavailable("away")
    clock[0] += module.SURE_S
    await scene.looks(3)
    assert scene.running()
    clock[0] += 0.1
    await scene.until(lambda: not scene.running())


async def test_one_that_fails_begins_anew_later_and_one_that_was_replaced_at_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    scene.store.found = [endpoint(1), endpoint(2)]
    await scene.until(lambda: len(scene.running()) == 2)
    scene.made[0].fail.set_exception(ValueError("a bug"))
    scene.made[1].fail.set_exception(Replaced())
    await scene.until(lambda: scene.running() == [(2, 1)] and len(scene.made) == 3)
    clock[0] += module.RESTART_S / 2
    await scene.looks(3)
    assert scene.running() == [(2, 1)]
    clock[0] += module.RESTART_S / 2
    await scene.until(lambda: len(scene.running()) == 2)


async def test_what_was_asked_for_reaches_its_endpoint_once(scene: Scene) -> None:
    kept: Any = type("Kept", (), {"endpoint": uuid.UUID(int=1)})()
    other: Any = type("Kept", (), {"endpoint": uuid.UUID(int=7)})()
    scene.store.found = [endpoint(1)]
    scene.store.by_hand = [kept, other]
    await scene.until(lambda: scene.made and scene.made[0].asked)
    await scene.looks(2)
    assert scene.made[0].asked == [kept] and scene.store.by_hand == [other]


async def test_what_was_asked_for_is_not_forgotten_when_the_database_does_not_say_that_it_noted_it(
    scene: Scene,
) -> None:
    kept: Any = type("Kept", (), {"endpoint": uuid.UUID(int=1)})()
    scene.store.found, scene.store.by_hand, scene.store.away = [endpoint(1)], [kept], 1
    await scene.until(lambda: scene.made and not scene.store.by_hand)
    assert scene.made[0].asked == [kept, kept]


async def test_who_stops_lets_its_endpoints_end_by_themselves(scene: Scene) -> None:
    scene.store.found = [endpoint(1)]
    await scene.until(scene.running)
    await asyncio.wait_for(scene.sender._stop_all(), 1)
    assert scene.running() == [] and not scene.made[0].fail.cancelled()
