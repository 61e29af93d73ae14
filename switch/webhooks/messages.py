"""Bodies of webhooks, made from the journal each time: what was erased meanwhile is sent no more."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from actors.database.pool import Pool
from actors.records.secret import Secret
from actors.stores.rule_packs import PackStore
from actors.stores.webhook_endpoints import StoredDelivery
from switch.fairness.scheduling import Scheduler
from switch.http.times import time_text
from switch.views.event_feed import EventFeed, Own
from switch.views.events import (
    CreditData,
    Event,
    FoundEvent,
    LegData,
    TransferData,
    WalletData,
    packs_of,
    render,
)
from switch.views.pack_names import PackCatalogue

TEST_TYPE: Final = "webhook.test"
"""It is sent when an owner asks for it, and is no event of the journal."""
SENDER: Final = 0
"""The caller that reads of the sender count for."""
_ENCODE: Final = msgspec.json.Encoder().encode


class TestData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of webhook.test: the endpoint that it was sent to."""

    endpoint: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A body: `type`, `timestamp` (the event's `created_at`) and `data` as Standard Webhooks has them, and what else the event has."""

    type: str
    timestamp: str
    id: str
    shard: int | msgspec.UnsetType = msgspec.UNSET
    effective_at: str | msgspec.UnsetType = msgspec.UNSET
    data: TransferData | LegData | WalletData | CreditData | TestData


class Messages:
    """Makes bodies."""

    def __init__(self, pool: Pool, secret: Secret, feed: EventFeed, scheduler: Scheduler) -> None:
        self._secret = secret
        self._feed = feed
        self._scheduler = scheduler
        self._catalogue = PackCatalogue(PackStore(pool))

    async def of(self, found: Sequence[FoundEvent]) -> list[tuple[uuid.UUID, str, bytes]]:
        """Id, type and body of each event."""
        names = await self._catalogue.names(packs_of(found))
        times = await self._feed.times(found)
        events = await self._scheduler.run(SENDER, render(self._secret, names, found, times))
        return [(uuid.UUID(event.id), event.type, _ENCODE(_message(event))) for event in events]

    async def again(self, kept: Sequence[StoredDelivery], own: Own | None) -> dict[uuid.UUID, bytes]:
        """Bodies of deliveries by their ids; what the owner may not see any more is left out."""
        addresses = [each.event for each in kept if each.event]
        found = await self._feed.at(SENDER, addresses, own) if addresses else []
        bodies = {each.address: body for each, (_, _, body) in zip(found, await self.of(found), strict=True)}
        made = {each.id: bodies[each.event] for each in kept if each.event in bodies}
        return made | {each.id: _test(each) for each in kept if not each.event}


def _message(event: Event) -> Message:
    return Message(
        type=event.type,
        timestamp=event.created_at,
        id=event.id,
        shard=event.shard,
        effective_at=event.effective_at,
        data=event.data,
    )


def _test(kept: StoredDelivery) -> bytes:
    made_ms = kept.id.int >> 80
    data: Any = TestData(endpoint=str(kept.endpoint))
    return _ENCODE(Message(type=TEST_TYPE, timestamp=time_text(made_ms), id=str(kept.message), data=data))


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)
