"""Wallets over HTTP are opened once by key and by external id, one by one and in batches, whoever dies on the way."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from actors.database.connection import connect
from actors.ledger.table import new_table
from actors.rpc.interface import ShardUnavailable
from actors.stores.api_keys import KeyStore
from actors.stores.wallet_profiles import WalletStore
from switch.api.services import Limits
from switch.problems.table import PROBLEMS
from tests.front_door import LocalClient, RunningSwitch, running_front_door, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_a_batch_opens_wallets_of_all_kinds_in_order(switch: RunningSwitch) -> None:
    wallets = [
        {"currency": "EUR", "kind": "user", "external_id": "b0"},
        {"currency": "EUR", "kind": "external", "external_id": "b1"},
        {"currency": "USD", "kind": "fee"},
        {"currency": "EUR", "kind": "merchant", "external_id": "b0"},
    ]
    answer = await switch.call("POST", "/v1/wallets/batch", {"wallets": wallets}, key="batch")
    assert answer.status == 200
    results = answer.json["results"]
    assert [r["code"] for r in results] == ["ok", "ok", "ok", "external_id_taken"]
    assert [r["status"] for r in results] == ["created", "created", "created", "refused"]
    for wallet, result in zip(wallets[:3], results[:3], strict=True):
        shown = (await switch.call("GET", f"/v1/wallets/{result['id']}")).json
        assert (shown["kind"], shown["currency"]) == (wallet["kind"], wallet["currency"])
    again = await switch.call("POST", "/v1/wallets/batch", {"wallets": wallets}, key="batch")
    assert again.json == answer.json


async def test_equal_wallet_batches_at_once_make_each_wallet_once(switch: RunningSwitch) -> None:
    """Six at once waited for each other in a circle and were answered that the database cannot be reached."""
    for turn in range(4):
        wallets = [
            {"currency": "EUR", "kind": ("user", "external")[i % 60 == 0], "external_id": f"{turn}-{i * 7919 % 200}"}
            for i in range(200)
        ]
        calls = [switch.call("POST", "/v1/wallets/batch", {"wallets": wallets}, key=f"{turn}") for _ in range(6)]
        answers = await asyncio.gather(*calls)
        assert [answer.status for answer in answers] == [200] * 6, [answer.raw[:200] for answer in answers]
        ids = {tuple(row["id"] for row in answer.json["results"]) for answer in answers}
        assert len(ids) == 1 and len(set(*ids)) == 200


async def test_a_deadlock_is_tried_again_and_told_to_nobody(switch: RunningSwitch) -> None:
    rows = [{"currency": "EUR", "kind": "user", "external_id": name} for name in ("first", "last")]
    await switch.call("POST", "/v1/wallets/batch", {"wallets": rows}, key="k")
    connection = await connect(switch.database_url, name="test")
    try:
        found = await connection.fetch(
            "SELECT account, key_hash, address FROM wallet_profile WHERE external_id IS NOT NULL ORDER BY key_hash"
        )
        await connection.execute("UPDATE wallet_profile SET address = NULL")
        lock = "SELECT 1 FROM wallet_profile WHERE key_hash = $1 FOR UPDATE"
        await connection.execute(
            "SET deadlock_timeout = '1min'"
        )  # so the other side looks first, and is the one that ends
        async with connection.transaction():
            await connection.execute(lock, found[1]["key_hash"])
            filling = asyncio.create_task(
                WalletStore(switch.pool).opened(found[0]["account"], {row["key_hash"]: row["address"] for row in found})
            )
            async with asyncio.timeout(60):
                while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(0.01)
                await connection.execute(lock, found[0]["key_hash"])
        await filling
        assert await connection.fetchval("SELECT count(*) FROM wallet_profile WHERE address IS NOT NULL") == 2
    finally:
        await connection.close()


async def test_of_equal_rows_one_is_created_and_the_others_are_told_its_id(switch: RunningSwitch) -> None:
    wallets = [{"currency": "EUR", "kind": "user", "external_id": "twin"}] * 3
    created, *others = (await switch.call("POST", "/v1/wallets/batch", {"wallets": wallets})).json["results"]
    assert (created["status"], created["code"]) == ("created", "ok")
    for other in others:
        assert other == {
            "id": created["id"],
            "status": "refused",
            "code": "external_id_taken",
            "detail": PROBLEMS["external_id_taken"].title,
        }
    again = await switch.call("POST", "/v1/wallets", wallets[0])
    assert (again.status, again.json["code"]) == (409, "external_id_taken") and created["id"] in again.json["detail"]
    other = await KeyStore(switch.pool).create("another account", ["admin"])
    foreign = await switch.call("POST", "/v1/wallets", wallets[0], token=other.key)
    assert (foreign.status, foreign.json["code"]) == (409, "external_id_taken") and created[
        "id"
    ] not in foreign.raw.decode()


def forget_keys(client: LocalClient) -> None:
    """As a shard does within two days."""
    ledger = client._host.core.ledger
    keys = ledger.capacity.keys
    ledger.book = ledger.book._replace(keys=new_table(keys), older_keys=new_table(keys))


async def test_an_operator_wallet_that_a_front_door_left_half_made_is_healed_after_its_key_is_forgotten(
    switch: RunningSwitch,
) -> None:
    def lost() -> None:
        raise ShardUnavailable(False)

    body = {"currency": "EUR", "kind": "external", "external_id": "bank"}
    async with running_front_door(switch, Limits(deadline_s=0.3)) as other:
        switch.clients[1].after = lost
        assert (await other.call("POST", "/v1/wallets", body, key="k")).status == 503
    switch.clients[1].after = lambda: None
    for client in switch.clients:
        forget_keys(client)
    healed = await switch.call("POST", "/v1/wallets", body, key="k")
    assert healed.status == 201, healed.raw
    bank, user = healed.json["id"], await switch.wallet()
    assert (await switch.pay(bank, user, 5)).status == 201
    shown = await switch.call("GET", f"/v1/wallets/{bank}")
    assert (shown.json["external_id"], shown.json["posted"]) == ("bank", -5)


@pytest.mark.parametrize("kind", ["user", "external"])
async def test_a_wallet_that_was_refused_takes_no_external_id(switch: RunningSwitch, kind: str) -> None:
    body = {"currency": "EUR", "kind": kind, "external_id": "shop-1"}
    future = {"Shardpay-Time": "2999-01-01T00:00:00Z"}
    refused = await switch.call("POST", "/v1/wallets", body, key="k1", headers=future)
    assert (refused.status, refused.json["code"]) == (422, "effective_time_in_future")
    batch = await switch.call("POST", "/v1/wallets/batch", {"wallets": [body]}, key="k2", headers=future)
    assert [row["code"] for row in batch.json["results"]] == ["effective_time_in_future"]
    assert (await switch.call("POST", "/v1/wallets", body, key="k3")).status == 201


async def test_a_front_door_that_died_between_reservation_and_ledger_is_healed(switch: RunningSwitch) -> None:
    def lost() -> None:
        raise ShardUnavailable(False)

    body = {"currency": "EUR", "kind": "user", "external_id": "healed"}
    operator = {"currency": "EUR", "kind": "external", "external_id": "healed-operator"}
    limits = Limits(deadline_s=0.3)
    async with running_front_door(switch, limits) as other:
        for client in switch.clients:
            client.after = lost
        assert (await other.call("POST", "/v1/wallets", body)).status == 503
        assert (await other.call("POST", "/v1/wallets", operator)).status == 503
    for client in switch.clients:
        client.after = lambda: None
    assert (await switch.call("POST", "/v1/wallets", {**body, "tier": 1})).status == 409
    for each in (body, operator):
        healed = await switch.call("POST", "/v1/wallets", each)
        assert healed.status == 201
        shown = await switch.call("GET", f"/v1/wallets/{healed.json['id']}")
        assert shown.json["external_id"] == each["external_id"]
        assert (await switch.call("POST", "/v1/wallets", each)).status == 409
