"""A body is the event as the list has it; of a test it says to which endpoint it goes."""

import uuid
from typing import Any, cast

import msgspec
import numpy as np

from actors.database.pool import Pool
from actors.records.layout import RECORD, WALLET_KIND, Kind
from actors.records.secret import Secret
from actors.stores.webhook_endpoints import DeliveryState, StoredDelivery
from rules.vocabulary.encodings import WalletKind
from switch.fairness.scheduling import BESIDE_S, Callers, Scheduler
from switch.views.event_feed import EventFeed
from switch.views.events import FoundEvent
from switch.views.statement import as_dict
from switch.webhooks.messages import TEST_TYPE, Messages, moment

SECRET = Secret.of(bytes(range(16)))


class Feed:
    """Knows some records."""

    def __init__(self, *found: FoundEvent) -> None:
        self.found = found
        self.asked: list[list[int]] = []

    async def times(self, found: Any) -> dict[int, int]:
        return {}

    async def at(self, caller: int, addresses: list[int], own: Any) -> list[FoundEvent]:
        self.asked.append(addresses)
        return [each for each in self.found if each.address in addresses]


def opened(address: int) -> FoundEvent:
    record = np.zeros((), RECORD)
    record["kind"], record["payee"], record["currency"], record["record_time"] = Kind.WALLET_OPENED, 65_537, 978, 1_000
    record[WALLET_KIND] = WalletKind.USER
    return FoundEvent(address, 10, as_dict(record), None, address + 1, True)


def messages(feed: Feed) -> Messages:
    scheduler = Scheduler(Callers(lambda: 0.0, BESIDE_S), 1.0)
    return Messages(cast(Pool, None), SECRET, cast(EventFeed, feed), scheduler)


def kept(number: int, event: int) -> StoredDelivery:
    return StoredDelivery(
        endpoint=uuid.UUID(int=9),
        id=uuid.UUID(int=1_000 << 80 | number),
        event=event,
        message=uuid.UUID(int=70 + number),
        type="t",
        payer=0,
        payee=0,
        state=DeliveryState.PENDING,
        tries=0,
        next_at=None,
        attempts=(),
    )


async def test_a_body_has_what_the_standard_asks_for_and_the_events_id() -> None:
    ((identity, kind, body),) = await messages(Feed()).of([opened(256)])
    found = msgspec.json.decode(body)
    assert list(found)[:2] == ["type", "timestamp"] and found["type"] == kind == "wallet.opened"
    assert found["id"] == str(identity) and found["timestamp"] == "1970-01-01T00:00:01.000Z"
    assert found["data"]["kind"] == "user" and found["data"]["status"] == "open" and found["shard"] == 0


async def test_what_is_sent_again_is_made_anew_and_what_is_not_there_is_left_out() -> None:
    feed = Feed(opened(256), opened(512))
    made = await messages(feed).again([kept(1, 512), kept(2, 768), kept(3, 0)], None)
    assert feed.asked == [[512, 768]] and sorted(each.int & 7 for each in made) == [1, 3]
    assert made[kept(1, 512).id] == (await messages(feed).of([opened(512)]))[0][2]
    test = msgspec.json.decode(made[kept(3, 0).id])
    assert test == {
        "type": TEST_TYPE,
        "timestamp": "1970-01-01T00:00:01.000Z",
        "id": str(uuid.UUID(int=73)),
        "data": {"endpoint": str(uuid.UUID(int=9))},
    }


def test_a_moment_is_in_utc() -> None:
    assert moment(1.5).isoformat() == "1970-01-01T00:00:01.500000+00:00"
