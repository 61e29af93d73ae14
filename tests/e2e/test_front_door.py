"""Keys, limits and connections over the HTTP API, with real shards and a real journal."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest

from actors.database.pool import Pool
from actors.records.secret import Secret
from actors.stores.api_keys import KeyRefused, KeyStore
from switch.api.services import Limits
from switch.fairness import connections
from switch.fairness.rates import RequestLimits
from tests.front_door import SECRET, RunningSwitch, running_front_door, running_switch
from tests.payments import funded


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_connections_without_a_key_make_room_and_one_that_tries_keys_is_closed(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_PAUSE_MAX_S", 0.001)
    async with running_front_door(switch, Limits(connections_max=4)) as front_door, aiohttp.ClientSession() as session:
        host, port = front_door.base.removeprefix("http://").split(":")
        key = {"Authorization": f"Bearer {front_door.key}"}
        async with session.get(front_door.base + "/v1/events", headers=key) as answer:
            assert answer.status == 200
        streams = [await asyncio.open_connection(host, int(port)) for _ in range(4)]
        async with asyncio.timeout(60):
            assert await streams[0][0].read() == b"", "the oldest without a key was closed"
        async with session.get(front_door.base + "/v1/events", headers=key) as answer:
            assert answer.status == 200, "on the connection that it had"
        reader, writer = streams[3]
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer y\r\n\r\n" * 20)
        async with asyncio.timeout(60):
            refused = await reader.read()
        assert (
            refused.count(b"HTTP/1.1 401") == connections.FAILED_KEYS_MAX and refused.count(b"Connection: close") == 1
        )
        for _, each in streams:
            each.close()


async def test_scopes_decide_and_a_revoked_key_ends(switch: RunningSwitch) -> None:
    pool = await Pool.open(switch.database_url, name="test")
    store = KeyStore(pool)
    created = {scope: await store.create("one account", [scope]) for scope in ("admin", "pay", "read", "import")}
    bank, user = await funded(switch)
    body = {"payer": bank, "payee": user, "amount": 1, "currency": "EUR"}
    expected = {"admin": (403, 200), "pay": (201, 403), "read": (403, 200), "import": (403, 403)}
    for scope, key in created.items():
        paid = await switch.call("POST", "/v1/transfers", body, key="s", token=key.key)
        read = await switch.call("GET", f"/v1/wallets/{user}", token=key.key)
        assert (paid.status, read.status) == expected[scope], scope
    late = await switch.call(
        "POST", "/v1/transfers", body, key="s", token=created["pay"].key, headers={"Shardpay-Time": "x"}
    )
    assert (late.status, late.json["code"]) == (403, "forbidden")
    rotated = await store.create("one account", ["pay"])
    same = await switch.call("POST", "/v1/transfers", body, key="s", token=rotated.key)
    assert (same.status, same.json["replayed"]) == (201, True)
    assert await store.revoke(created["read"].id)
    async with asyncio.timeout(60):
        while (await switch.call("GET", f"/v1/wallets/{user}", token=created["read"].key)).status != 401:
            pass
    assert {key.revoked_at is None for key in await store.list(Secret.of(SECRET)) if key.id == created["read"].id} == {
        False
    }
    await pool.close()


async def test_a_key_ends_in_its_time_and_its_successor_is_the_same_caller(switch: RunningSwitch) -> None:
    pool = await Pool.open(switch.database_url, name="test")
    store = KeyStore(pool)
    bank, user = await funded(switch)
    body = {"payer": bank, "payee": user, "amount": 1, "currency": "EUR"}
    short = await store.create("shop", ["pay"], life=timedelta(seconds=2))
    assert (await switch.call("POST", "/v1/transfers", body, key="k", token=short.key)).status == 201
    successor = await store.rotate(short.id, timedelta(days=1), None)
    again = await switch.call("POST", "/v1/transfers", body, key="k", token=successor.key)
    assert (again.status, again.json["replayed"]) == (201, True)
    assert successor.scopes == ("pay",)
    async with asyncio.timeout(60):
        while (await switch.call("POST", "/v1/transfers", body, key="k", token=short.key)).status != 401:
            pass
    with pytest.raises(KeyRefused, match="that works"):
        await store.rotate(short.id, timedelta(days=1))
    listed = {key.id: key for key in await store.list(Secret.of(SECRET))}
    assert (listed[short.id].state, listed[successor.id].state) == ("expired", "active")
    assert listed[successor.id].last_used_at is not None and listed[successor.id].expires_at is None
    await pool.close()


async def test_a_caller_that_asks_too_much_is_told_to_wait_and_pays_on(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    limits = Limits(requests=RequestLimits(reads_per_s=5))
    async with running_front_door(switch, limits) as limited:
        async with asyncio.timeout(30):
            while (refused := await limited.call("GET", f"/v1/wallets/{user}")).status == 200:
                pass
        assert (refused.status, refused.json["code"]) == (429, "too_many_requests")
        assert int(refused.headers["Retry-After"]) >= 1
        assert (await limited.pay(user, bank, 1)).status == 201
        other = await KeyStore(switch.pool).create("another caller", ["read"])
        assert (await limited.call("GET", f"/v1/wallets/{user}", token=other.key)).status == 200
