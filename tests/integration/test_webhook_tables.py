"""The tables of webhooks: a cursor moves with what is stored or not at all, under the lease alone; the log stays bounded."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from actors.database.pool import Pool
from actors.stores import webhook_endpoints, webhook_sending
from actors.stores.api_keys import Binding, KeyStore
from actors.stores.webhook_endpoints import (
    DeliveryState,
    EndpointChange,
    EndpointState,
    NewEndpoint,
    OrderedIds,
    WebhookStore,
)
from actors.stores.webhook_sending import Counts, DeliveryRow, SendingEndpoint, SendingStore, TriedRow

NOW = datetime.now(UTC)
IDS = OrderedIds()


class Tables(NamedTuple):
    pool: Pool
    store: WebhookStore
    sending: SendingStore
    account: int

    async def add(self) -> uuid.UUID:
        new = NewEndpoint(
            account=self.account, url="https://a.example", description="", types=None, ordered=False, places=[0, 0]
        )
        made = await self.store.add(new)
        assert made is not None
        return made[0].id

    async def one(self) -> SendingEndpoint:
        (found,) = await self.sending.endpoints()
        return found


@pytest.fixture
async def tables(database_url: str) -> AsyncIterator[Tables]:
    pool = await Pool.open(database_url, name="test")
    await KeyStore(pool).create("shop", ["webhooks"], Binding(owners=["shop"]))
    account = await pool.fetchval("key_account", "shop")
    yield Tables(pool, WebhookStore(pool), SendingStore(pool), account)
    await pool.close()


def row(state: DeliveryState = DeliveryState.PENDING, tried_at: datetime | None = NOW) -> DeliveryRow:
    status = 200 if state is DeliveryState.DELIVERED else 500
    return DeliveryRow(IDS.next(), 7, uuid.uuid4(), "transfer.posted", 1, 2, state, 1, NOW, tried_at, 3, status, None)


async def test_one_holds_the_lease_and_the_next_one_after_it_was_ended(tables: Tables) -> None:
    other = SendingStore(tables.pool)
    assert await tables.sending.take_lease() and await tables.sending.take_lease()
    assert not await other.take_lease()
    await other.end_lease()  # which is not its own
    assert not await other.take_lease()
    await tables.sending.end_lease()
    assert await other.take_lease() and not await tables.sending.take_lease()


async def test_a_lease_that_is_not_renewed_ends(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sending, "LEASE_S", -1.0)
    assert await tables.sending.take_lease()
    assert await SendingStore(tables.pool).take_lease()


async def test_the_cursor_moves_with_what_is_stored_or_not_at_all(tables: Tables) -> None:
    await tables.add()
    endpoint = await tables.one()
    pending, done = row(), row(DeliveryState.DELIVERED)
    counts = Counts(1, 1, NOW)
    assert not await tables.sending.sent(endpoint, [5, 6], counts, [pending]), "without the lease"
    assert await tables.sending.take_lease()
    assert await tables.sending.sent(endpoint, [5, 6], counts, [pending, done])
    assert await tables.sending.sent(endpoint, [7, 8], counts, [pending]), "the same again, when its answer was lost"
    assert (await tables.one()).places == (7, 8)
    assert [each.id for each in await tables.sending.pending(endpoint.id)] == [pending.id]
    other = SendingStore(tables.pool)
    assert not await other.sent(endpoint, [9, 9], counts, [row()]), "another one's lease"
    await tables.store.change(endpoint.id, EndpointChange(places=[1, 1]))
    assert not await tables.sending.sent(endpoint, [9, 9], counts, [row()]), "its owner has changed it"
    assert (await tables.one()).places == (1, 1) and len(await tables.store.deliveries(endpoint.id, None, 10)) == 2
    assert not await tables.sending.disable(endpoint, EndpointState.FAILED)
    assert (
        await tables.sending.disable(await tables.one(), EndpointState.FAILED) and not await tables.sending.endpoints()
    )


async def test_attempts_are_kept_up_to_a_bound_and_only_under_the_lease(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sending, "HISTORY_MAX", 3)
    await tables.add()
    endpoint, first = await tables.one(), row()
    await tables.sending.take_lease()
    await tables.sending.sent(endpoint, [5, 6], Counts(0, 1, NOW), [first])
    for number in range(6):
        tried = TriedRow(
            first.id, DeliveryState.PENDING, number, NOW, NOW + timedelta(seconds=number), number, None, "late"
        )
        await tables.sending.tried(endpoint.id, Counts(0, 1, NOW), [tried])
    stranger = TriedRow(first.id, DeliveryState.DEAD, 9, None, NOW, 9, 200, None)
    await SendingStore(tables.pool).tried(endpoint.id, Counts(9, 9, NOW), [stranger])
    found = await tables.store.delivery(endpoint.id, first.id)
    assert found is not None and [each.took_ms for each in found.attempts] == [2, 3, 4, 5]
    assert (found.state, found.tries) == (DeliveryState.PENDING, 5)
    shown = await tables.store.one(None, endpoint.id)
    assert shown is not None and (shown.delivered, shown.failed) == (0, 7)


async def test_what_is_asked_for_is_taken_once_and_old_news_of_it_does_not_count(tables: Tables) -> None:
    await tables.add()
    endpoint, dead = await tables.one(), row(DeliveryState.DEAD)
    await tables.sending.take_lease()
    await tables.sending.sent(endpoint, [5, 6], Counts(0, 1, NOW), [dead])
    asked = await tables.store.ask(endpoint.id, dead.id)
    assert asked is not None and (asked.state, asked.tries) == (DeliveryState.PENDING, 0)
    assert await tables.sending.pending(endpoint.id) == []
    await tables.sending.tried(
        endpoint.id, Counts(0, 1, NOW), [TriedRow(dead.id, DeliveryState.DEAD, 1, None, NOW, 1, 500, None)]
    )
    assert await tables.sending.asked([uuid.uuid4()]) == [], "another endpoint is in nobody's way"
    (found,) = await tables.sending.asked([endpoint.id])
    assert found.state is DeliveryState.PENDING, "an attempt from before it was asked for"
    await tables.sending.taken([found])
    assert await tables.sending.asked([endpoint.id]) == [] and len(await tables.sending.pending(endpoint.id)) == 1


async def test_the_log_keeps_the_newest(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sending, "DELIVERED_ROWS_MAX", 3)
    monkeypatch.setattr(webhook_sending, "DEAD_ROWS_MAX", 2)
    await tables.add()
    endpoint = await tables.one()
    rows = [row(state) for _ in range(5) for state in DeliveryState]
    old = row(DeliveryState.DEAD, NOW - timedelta(days=31))
    await tables.sending.take_lease()
    await tables.sending.sent(endpoint, [5, 6], Counts(0, 0, None), [*rows, old])
    await tables.sending.prune(endpoint.id)
    kept = {state: await tables.store.deliveries(endpoint.id, None, 100, state) for state in DeliveryState}
    assert {state.name: len(found) for state, found in kept.items()} == {"PENDING": 5, "DELIVERED": 3, "DEAD": 1}
    newest = [each.id for each in rows if each.state is DeliveryState.DELIVERED][:-4:-1]
    assert [each.id for each in kept[DeliveryState.DELIVERED]] == newest


async def test_secrets_before_the_newest_sign_until_they_end_and_are_few(tables: Tables) -> None:
    identity = await tables.add()
    for _ in range(6):
        assert await tables.store.rotate(identity, timedelta(hours=1))
    secrets = (await tables.one()).secrets
    assert len(secrets) == 1 + webhook_endpoints.OLD_SECRETS_MAX and len(set(secrets)) == len(secrets)
    last = await tables.store.rotate(identity, timedelta(0))
    assert (await tables.one()).secrets == (last,)
    assert await tables.store.rotate(uuid.uuid4(), timedelta(0)) is None


async def test_endpoints_are_as_many_as_there_may_be(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_endpoints, "ENDPOINTS_OF_ONE_MAX", 2)
    new = NewEndpoint(
        account=tables.account, url="https://a.example", description="", types=None, ordered=False, places=[0]
    )
    assert [await tables.store.add(new) is not None for _ in range(3)] == [True, True, False]


async def test_an_account_whose_keys_are_revoked_gets_nothing_more(tables: Tables) -> None:
    await tables.add()
    assert (await tables.one()).bound is not None
    async with tables.pool.session() as session:
        await session.execute("UPDATE api_key SET revoked_at = now() WHERE name = 'shop'")
    assert await tables.sending.endpoints() == []
    await KeyStore(tables.pool).create("shop", ["read"])
    assert await tables.sending.endpoints() == [], "a key that may not have webhooks"
    await KeyStore(tables.pool).create("shop", ["webhooks"])
    assert len(await tables.sending.endpoints()) == 1
