"""The HTTP API over real shards and a real journal: what callers see, from opening a wallet to reading a statement."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
import numpy as np
import pyarrow as pa
import pytest
from multidict import CIMultiDict

from actors.database.connection import connect
from actors.database.pool import Pool
from actors.records.ids import Secret, decode_wallet
from actors.records.layout import RECORD
from actors.rpc.interface import ShardUnavailable
from actors.shard.messages import Legs
from actors.stores.api_keys import KeyRefused, KeyStore
from actors.stores.batch_keys import WINDOW, BatchKeyStore
from actors.stores.wallet_profiles import WalletStore
from switch.api.app import ROUTES
from switch.api.services import Limits
from switch.fairness import connections
from switch.fairness.rates import RequestLimits
from switch.gateway.write_queue import WriteQueueLimits
from switch.problems.table import PROBLEMS
from tests.front_door import SECRET, RunningSwitch, running_front_door, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def funded(switch: RunningSwitch, amount: int = 10_000, **fields: Any) -> tuple[str, str]:
    """An external wallet, and a user wallet that got money from it."""
    bank = await switch.wallet("external")
    user = await switch.wallet(**fields)
    answer = await switch.pay(bank, user, amount)
    assert answer.status == 201, answer.raw
    return bank, user


async def once_posted(switch: RunningSwitch, wallet: str, posted: int) -> dict[str, Any]:
    """The wallet, once its posted balance is as expected; a remote credit may take a moment."""
    async with asyncio.timeout(10):
        while True:
            shown: dict[str, Any] = (await switch.call("GET", f"/v1/wallets/{wallet}")).json
            if shown["posted"] == posted:
                return shown


# Wallets.


async def test_a_wallet_is_shown_as_it_was_opened(switch: RunningSwitch) -> None:
    body = {
        "currency": "EUR",
        "kind": "merchant",
        "external_id": "shop-1",
        "owner": "Ann",
        "floor": -500,
        "tier": 3,
        "attributes": {"mcc": 5411},
        "metadata": {"a": "b"},
    }
    created = await switch.call("POST", "/v1/wallets", body, key="w1")
    assert created.status == 201
    wallet = created.json
    assert wallet["replayed"] is False
    assert wallet["available"] == 500
    shown = await switch.call("GET", f"/v1/wallets/{wallet['id']}")
    del wallet["replayed"]
    assert shown.json == wallet
    assert {name: shown.json[name] for name in body} == body
    again = await switch.call("POST", "/v1/wallets", body, key="w1")
    assert (again.status, again.json["id"], again.json["replayed"]) == (201, wallet["id"], True)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await switch.call("POST", "/v1/wallets", {**body, "tier": 4}, key="w1")
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    taken = await switch.call("POST", "/v1/wallets", body, key="w2")
    assert (taken.status, taken.json["code"]) == (409, "external_id_taken")


async def test_wallets_are_found_by_external_id_and_owner(switch: RunningSwitch) -> None:
    ids = [await switch.wallet(external_id=f"x{i}", owner="Ann") for i in range(5)]
    found = (await switch.call("GET", "/v1/wallets?external_id=x3")).json
    assert ([w["id"] for w in found["data"]], found["has_more"], found["next"]) == ([ids[3]], False, None)
    assert (await switch.call("GET", "/v1/wallets?external_id=nobody")).json["data"] == []
    seen, after = [], ""
    while True:
        page = (await switch.call("GET", f"/v1/wallets?owner=Ann&limit=2{after}")).json
        seen += [w["id"] for w in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize("name", ["\u200bé 😀", " "])
async def test_whatever_name_a_wallet_was_given_finds_it(switch: RunningSwitch, name: str) -> None:
    identity = await switch.wallet(external_id=name, owner=name)
    for field in ("external_id", "owner"):
        found = await switch.call("GET", f"/v1/wallets?{urlencode({field: name})}")
        assert [wallet["id"] for wallet in found.json["data"]] == [identity]


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
            async with asyncio.timeout(10):
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


async def test_freezing_stops_paying_on_every_shard_and_closing_needs_an_empty_wallet(
    switch: RunningSwitch,
) -> None:
    bank, user = await funded(switch)
    other = await switch.wallet()
    assert (await switch.call("POST", f"/v1/wallets/{user}/freeze", {})).json["status"] == "frozen"
    refused = await switch.pay(user, other, 1)
    assert (refused.status, refused.json["code"], refused.json["money_moved"]) == (409, "payer_frozen", "no")
    assert (await switch.call("POST", f"/v1/wallets/{user}/unfreeze")).json["status"] == "open"
    full = await switch.call("POST", f"/v1/wallets/{user}/close", {})
    assert (full.status, full.json["code"]) == (409, "wallet_not_empty")
    assert (await switch.pay(user, bank, 10_000)).status == 201
    assert (await switch.call("POST", f"/v1/wallets/{user}/close", {})).json["status"] == "closed"
    assert (await switch.call("POST", f"/v1/wallets/{bank}/freeze", {})).json["status"] == "frozen"
    wallets = [await switch.wallet() for _ in range(4)]
    answers = [await switch.pay(bank, wallet, 1) for wallet in wallets]
    assert {answer.json["code"] for answer in answers} == {"payer_frozen"}
    shut = await switch.call("POST", f"/v1/wallets/{bank}/close", {})
    assert (shut.status, shut.json["code"]) == (409, "operator_wallet")


async def test_a_patch_changes_the_tier_and_the_profile(switch: RunningSwitch) -> None:
    wallet = await switch.wallet(owner="Ann", metadata={"a": "1"})
    changed = await switch.call("PATCH", f"/v1/wallets/{wallet}", {"tier": 7, "owner": None, "metadata": {"b": "2"}})
    assert changed.status == 200
    assert (changed.json["tier"], changed.json["owner"], changed.json["metadata"]) == (7, None, {"b": "2"})
    bank = await switch.wallet("external")
    refused = await switch.call("PATCH", f"/v1/wallets/{bank}", {"tier": 1})
    assert (refused.status, refused.json["code"]) == (409, "operator_wallet")


# Payments.


async def test_a_payment_is_answered_replayed_and_found_again(switch: RunningSwitch) -> None:
    _, user = await funded(switch)
    other = await switch.wallet()
    body = {
        "payer": user,
        "payee": other,
        "amount": 1_200,
        "currency": "EUR",
        "kind": "payment",
        "reference": "order 7",
        "metadata": {"b": "2", "a": "1"},
        "context": {"channel": "app", "device": "phone", "country": "DE", "ip": "192.0.2.1"},
    }
    paid = await switch.call("POST", "/v1/transfers", body, key="p1")
    assert paid.status == 201, paid.raw
    transfer = paid.json
    assert {name: transfer[name] for name in body} == body
    assert (transfer["status"], transfer["replayed"]) == ("posted", False)
    assert transfer["decision"]["action"] == "approve"
    assert transfer["decision"]["pack"] == "default@1"
    again = await switch.call("POST", "/v1/transfers", body, key='"p1"')
    assert again.status == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert {**again.json, "replayed": False} == transfer
    shown = await switch.call("GET", f"/v1/transfers/{transfer['id']}")
    lifecycle = {"refunded": 0, "left": 1_200, "refunds": []}
    assert {**shown.json, "replayed": False} == {**transfer, **lifecycle}
    found = await switch.call("GET", f"/v1/transfers?wallet={user}&idempotency_key=p1")
    assert found.json == shown.json
    unseen = await switch.call("GET", f"/v1/transfers?wallet={user}&idempotency_key=p2")
    assert (unseen.status, unseen.json["code"], unseen.json["money_moved"]) == (404, "key_not_seen", "unknown")
    assert "account 'tests'" in unseen.json["detail"] and user in unseen.json["detail"]
    differs = await switch.call("POST", "/v1/transfers", {**body, "amount": 1}, key="p1")
    assert (differs.status, differs.json["code"]) == (422, "idempotency_mismatch")
    assert "amount" in differs.json["detail"]
    differs = await switch.call("POST", "/v1/transfers", {**body, "reference": "x"}, key="p1")
    assert "body" in differs.json["detail"]


async def test_a_decline_is_recorded_and_replayed(switch: RunningSwitch) -> None:
    user, other = await switch.wallet(), await switch.wallet()
    body = {"payer": user, "payee": other, "amount": 5, "currency": "EUR"}
    first = await switch.call("POST", "/v1/transfers", body, key="d")
    assert (first.status, first.json["code"]) == (402, "insufficient_funds")
    assert first.headers["Content-Type"] == "application/problem+json"
    assert first.json["decision"]["action"] == "approve"
    assert first.json["detail"] == f"5 EUR (minor units) is more than the wallet {user} can pay."
    shown = await switch.call("GET", f"/v1/transfers/{first.json['transfer_id']}")
    assert (shown.json["status"], shown.json["code"]) == ("declined", "insufficient_funds")
    again = await switch.call("POST", "/v1/transfers", body, key="d")
    assert {**again.json, "replayed": False} == first.json
    assert again.json["replayed"] is True


async def test_scoring_holds_what_drains_a_wallet_for_review_with_reasons(switch: RunningSwitch) -> None:
    _, user = await funded(switch, 2_000_000)
    held = await switch.pay(user, await switch.wallet(), 2_000_000)
    assert (held.status, held.json["status"]) == (201, "in_review")
    assert held.json["decision"]["action"] == "review"
    assert "DRAINS_TO_NEW_PAYEE" in held.json["decision"]["reasons"]


async def test_money_named_with_after_can_be_spent_at_once(switch: RunningSwitch) -> None:
    _, first = await funded(switch, 100)
    payees = [await switch.wallet() for _ in range(6)]
    for payee in payees:
        paid = await switch.pay(first, payee, 10)
        spent = await switch.pay(payee, first, 10, after=paid.json["id"])
        assert spent.status == 201, spent.raw
    assert (await once_posted(switch, first, 100))["posted"] == 100


async def test_an_effective_time_moves_the_payment_into_the_past(switch: RunningSwitch) -> None:
    at = {"Shardpay-Time": "2024-01-31T10:00:00.5Z"}
    wallets = []
    for kind in ("external", "user"):
        body = {"kind": kind, "currency": "EUR"}
        wallets.append((await switch.call("POST", "/v1/wallets", body, headers=at)).json["id"])
    payment = {"payer": wallets[0], "payee": wallets[1], "amount": 5, "currency": "EUR"}
    paid = await switch.call("POST", "/v1/transfers", payment, key="t", headers=at)
    assert (paid.status, paid.json["effective_at"]) == (201, "2024-01-31T10:00:00.500Z")
    future = {"Shardpay-Time": "2999-01-01T00:00:00Z"}
    refused = await switch.call("POST", "/v1/transfers", payment, key="u", headers=future)
    assert (refused.status, refused.json["code"]) == (422, "effective_time_in_future")


async def test_a_json_batch_answers_each_row(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    others = [await switch.wallet() for _ in range(4)]
    unknown = "00003000-0f18-86a7-a655-811d7f69def9"
    rows = [
        {"idempotency_key": f"r{i}", "payer": user, "payee": other, "amount": 10, "currency": "EUR"}
        for i, other in enumerate(others)
    ]
    rows.append({**rows[0], "idempotency_key": "r9", "amount": 1_000_000})
    rows.append({**rows[0], "idempotency_key": "r10", "payer": unknown})
    rows.append({**rows[0], "idempotency_key": "r11", "payer": bank, "reference": "from the bank"})
    answer = await switch.call("POST", "/v1/transfers/batch", {"transfers": rows}, key=str(uuid.uuid4()))
    assert answer.status == 200, answer.raw
    results = answer.json["results"]
    codes = ["ok"] * 4 + ["insufficient_funds", "payer_not_found", "ok"]
    assert [r["code"] for r in results] == codes
    statuses = ["posted"] * 4 + ["declined", "refused", "posted"]
    assert [r["status"] for r in results] == statuses
    assert results[5]["id"] is None
    shown = await switch.call("GET", f"/v1/transfers/{results[6]['id']}")
    assert shown.json["reference"] == "from the bank"
    again = (await switch.call("POST", "/v1/transfers/batch", {"transfers": rows}, key=str(uuid.uuid4()))).json[
        "results"
    ]
    assert [r["id"] for r in again] == [r["id"] for r in results]
    assert [r["replayed"] for r in again] == [True] * 5 + [False, True]


async def test_a_batch_key_used_with_another_body_moves_no_money(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    row = {"payer": bank, "payee": user, "amount": 10, "currency": "EUR"}
    first, second = ({"transfers": [{**row, "idempotency_key": name}]} for name in ("one", "two"))
    before = (await switch.call("GET", f"/v1/wallets/{user}")).json["posted"]
    assert (await switch.call("POST", "/v1/transfers/batch", first)).json["code"] == "missing_idempotency_key"
    paid, again = [await switch.call("POST", "/v1/transfers/batch", first, key="monday") for _ in range(2)]
    assert paid.json["results"][0]["id"] == again.json["results"][0]["id"] and again.json["results"][0]["replayed"]
    other = await switch.call("POST", "/v1/transfers/batch", second, key="monday")
    assert (other.status, other.json["code"], other.json["money_moved"]) == (422, "idempotency_mismatch", "no")
    broken = await switch.call("POST", "/v1/transfers/batch", {"transfers": [{**row}]}, key="tuesday")
    assert broken.status == 422
    assert (await switch.call("POST", "/v1/transfers/batch", second, key="tuesday")).status == 200, "nothing was bound"
    assert (await switch.call("GET", f"/v1/wallets/{user}")).json["posted"] == before + 20


async def test_a_batch_key_whose_time_is_over_is_new_and_forgotten(switch: RunningSwitch) -> None:
    store = BatchKeyStore(switch.pool)
    async with switch.pool.session() as session:
        account = await session.fetchval("SELECT min(id) FROM account")
        assert await store.use(account, b"k" * 16, b"a" * 16)
        assert not await store.use(account, b"k" * 16, b"b" * 16)
        await session.execute("UPDATE batch_key SET used_at = now() - interval '25 hours'")
        assert await store.use(account, b"k" * 16, b"b" * 16)
        assert not await store.use(account, b"k" * 16, b"a" * 16)
        await session.execute("UPDATE batch_key SET used_at = now() - interval '25 hours'")
        await switch.pool.fetch("batch_keys_forget", WINDOW)
        assert await session.fetchval("SELECT count(*) FROM batch_key") == 0


async def test_a_query_parameter_that_no_route_knows_is_refused_on_each(switch: RunningSwitch) -> None:
    """`?dry_run=true` must not pay: a caller who means it to try something out would move money."""
    for route in ROUTES:
        path = re.sub(r"\{[a-z]+:([a-z]+)[^}]*\}", r"\1", route.path)
        path = re.sub(r"\{[a-z]+\}", "x", path)
        body: dict[str, Any] | None = None if route.method == "GET" else {}
        answer = await switch.call(route.method, f"{path}?dry_run=true", body, key="k")
        assert (answer.status, answer.json["code"]) == (422, "invalid_query"), (route.path, answer.raw)
        assert [error["field"] for error in answer.json["errors"]] == ["dry_run"]


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key", "Shardpay-Time"])
async def test_a_header_given_twice_is_refused(switch: RunningSwitch, name: str) -> None:
    bank, user = await funded(switch)
    body = {"payer": bank, "payee": user, "amount": 10, "currency": "EUR"}
    headers = CIMultiDict({"Authorization": f"Bearer {switch.key}", "Idempotency-Key": "twice"})
    headers.add(name, headers.get(name, "2026-01-01T00:00:00Z"))
    if name == "Shardpay-Time":
        headers.add(name, "2026-01-02T00:00:00Z")
    async with switch.session.post(switch.base + "/v1/transfers", json=body, headers=headers) as response:
        problem = await response.json()
    assert problem["code"] in ("unauthenticated", "invalid_idempotency_key", "invalid_shardpay_time")
    assert f"more than one {name} header" in problem["detail"]


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
        async with asyncio.timeout(5):
            assert await streams[0][0].read() == b"", "the oldest without a key was closed"
        async with session.get(front_door.base + "/v1/events", headers=key) as answer:
            assert answer.status == 200, "on the connection that it had"
        reader, writer = streams[3]
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer y\r\n\r\n" * 20)
        async with asyncio.timeout(5):
            refused = await reader.read()
        assert (
            refused.count(b"HTTP/1.1 401") == connections.FAILED_KEYS_MAX and refused.count(b"Connection: close") == 1
        )
        for _, each in streams:
            each.close()


async def test_an_arrow_batch_is_the_same_payments(switch: RunningSwitch) -> None:
    bank, _ = await funded(switch)
    users = [await switch.wallet() for _ in range(10)]
    keys = [uuid.uuid4() for _ in users]
    table = pa.table(
        {
            "idempotency_key": pa.array([key.bytes for key in keys], pa.binary(16)),
            "payer": pa.array([uuid.UUID(bank).bytes] * 10, pa.binary(16)),
            "payee": pa.array([uuid.UUID(user).bytes for user in users], pa.binary(16)),
            "amount": pa.array(np.arange(1, 11)),
            "currency": pa.array(["EUR"] * 10).dictionary_encode(),
            "device": pa.array(["d"] * 10),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {"Content-Type": "application/vnd.apache.arrow.stream"}
    data = sink.getvalue().to_pybytes()
    answer = await switch.call("POST", "/v1/transfers/batch", data=data, headers=headers, key=str(uuid.uuid4()))
    assert answer.status == 200, answer.raw
    with pa.ipc.open_stream(answer.raw) as reader:
        results = reader.read_all()
    assert results["code"].to_pylist() == [0] * 10
    assert results["replayed"].to_pylist() == [False] * 10
    identity = str(uuid.UUID(bytes=results["id"][3].as_py()))
    shown = await switch.call("GET", f"/v1/transfers/{identity}")
    assert (shown.json["payee"], shown.json["amount"]) == (users[3], 4)
    body = {"payer": bank, "payee": users[3], "amount": 4, "currency": "EUR", "context": {"device": "d"}}
    same = await switch.call("POST", "/v1/transfers", body, key=str(keys[3]))
    assert (same.status, same.json["id"], same.json["replayed"]) == (201, identity, True)


# Statements.


async def test_a_statement_lists_both_directions_newest_first_with_balances(switch: RunningSwitch) -> None:
    _, user = await funded(switch, 1_000)
    others = [await switch.wallet() for _ in range(4)]
    for i, other in enumerate(others):
        assert (await switch.pay(user, other, 100 + i, reference=f"n{i}")).status == 201
        assert (await switch.call("POST", f"/v1/wallets/{user}/freeze", {})).status == 200
        assert (await switch.call("POST", f"/v1/wallets/{user}/unfreeze", {})).status == 200
    entries, after = [], ""
    while True:
        page = (await switch.call("GET", f"/v1/wallets/{user}/transfers?limit=2{after}")).json
        entries += page["data"]
        assert len(page["data"]) <= 2
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert [e["amount"] for e in entries] == [103, 102, 101, 100, 1_000]
    assert [e["balance_after"] for e in entries] == [594, 697, 799, 900, 1_000]
    assert [e["direction"] for e in entries] == ["out"] * 4 + ["in"]
    assert entries[0]["reference"] == "n3"
    for i, other in enumerate(others):
        await once_posted(switch, other, 100 + i)
        (entry,) = (await switch.call("GET", f"/v1/wallets/{other}/transfers")).json["data"]
        assert (entry["direction"], entry["amount"], entry["reference"]) == ("in", 100 + i, f"n{i}")
        assert entry["id"] == entries[3 - i]["id"]
        assert entry["payer"] == user


async def test_an_operator_wallet_shows_all_its_stripes(switch: RunningSwitch) -> None:
    bank = await switch.wallet("external")
    users = [await switch.wallet() for _ in range(8)]
    for user in users:
        assert (await switch.pay(bank, user, 7)).status == 201
    shown = (await switch.call("GET", f"/v1/wallets/{bank}")).json
    assert (shown["posted"], shown["available"], shown["floor"]) == (-56, None, None)
    entries, after = [], ""
    while True:
        page = (await switch.call("GET", f"/v1/wallets/{bank}/transfers?limit=3{after}")).json
        entries += page["data"]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert [e["payee"] for e in entries] == users[::-1], "merged over the stripes, newest first"
    assert [e["balance_after"] for e in entries] == [-7 * count for count in range(8, 0, -1)]
    empty = (await switch.call("GET", f"/v1/wallets/{users[0]}/transfers?limit=1")).json
    assert (len(empty["data"]), empty["has_more"], empty["next"]) == (1, False, None)


# Keys, limits, operations.


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
    async with asyncio.timeout(10):
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
    successor = await store.rotate(short.id, timedelta(days=1))
    again = await switch.call("POST", "/v1/transfers", body, key="k", token=successor.key)
    assert (again.status, again.json["replayed"]) == (201, True)
    assert successor.scopes == ("pay",)
    async with asyncio.timeout(10):
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


async def test_a_lost_answer_is_asked_again_until_the_deadline(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    losses = 3

    def lose() -> None:
        nonlocal losses
        losses -= 1
        if losses >= 0:
            raise ShardUnavailable(False)

    for client in switch.clients:
        client.after = lose
    paid = await switch.pay(bank, user, 5)
    assert (paid.status, paid.json["replayed"]) == (201, True)
    assert (await once_posted(switch, user, 10_005))["posted"] == 10_005


async def test_a_shard_that_cannot_be_reached_is_a_503_that_says_what_moved(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    body = {"payer": bank, "payee": user, "amount": 5, "currency": "EUR"}
    for not_sent, moved in ((True, "no"), (False, "unknown")):

        def fail(not_sent: bool = not_sent) -> None:
            raise ShardUnavailable(not_sent)

        for client in switch.clients:
            client.before = fail
        async with running_front_door(switch, Limits(deadline_s=0.2)) as strict:
            answer = await strict.call("POST", "/v1/transfers", body, key="u")
            assert (answer.status, answer.json["money_moved"]) == (503, moved), answer.raw
            assert answer.headers["Retry-After"] == "1"
            batch = {"transfers": [{**body, "idempotency_key": "a"}]}
            answer = await strict.call("POST", "/v1/transfers/batch", batch, key=str(uuid.uuid4()))
            assert (answer.status, answer.json["money_moved"]) == (503, moved), answer.raw


async def test_a_full_queue_is_a_503_at_once(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    body = {"payer": bank, "payee": user, "amount": 5, "currency": "EUR"}
    limits = Limits(queue=WriteQueueLimits(calls_max=1, queue_rows_max=2, call_rows_max=1))
    async with running_front_door(switch, limits) as strict:
        answers = await asyncio.gather(*(strict.call("POST", "/v1/transfers", body, key=f"q{i}") for i in range(50)))
    assert {answer.status for answer in answers} == {201, 503}
    refused = [answer.json for answer in answers if answer.status == 503]
    assert {(each["code"], each["money_moved"], each["retryable"]) for each in refused} == {("overloaded", "no", True)}


async def test_probes_and_metrics(switch: RunningSwitch) -> None:
    await funded(switch)
    for path in ("/healthz", "/readyz"):
        assert (await switch.call("GET", path)).status == 200
    text = (await switch.call("GET", "/metrics")).raw.decode()
    for line in (
        'shardpay_requests_total{route="POST /v1/transfers",status="201"} 1.0',
        'shardpay_results_total{code="ok"} 1.0',
        'shardpay_decisions_total{action="approve"} 1.0',
        'shardpay_queue_rows{shard="1"} 0.0',
        'shardpay_table_fill_ratio{shard="1",table="keys"}',
        'shardpay_table_fill_ratio{shard="0",table="holds"}',
    ):
        assert line in text
    assert (await switch.call("GET", "/readyz")).json == {"status": "ready", "shards": 2, "warnings": []}
    for client in switch.clients:

        async def unreachable(addresses: Any) -> Any:
            raise ShardUnavailable(True)

        client.wallets = unreachable  # type: ignore[method-assign]
    answer = await switch.call("GET", "/readyz")
    assert (answer.status, answer.json["code"]) == (503, "not_ready")


async def test_readiness_warns_of_a_clock_that_was_set_and_names_what_stops_intake(switch: RunningSwitch) -> None:
    core = switch.clients[0]._host.core
    core.clock_off_ms = 7_000
    answer = await switch.call("GET", "/readyz")
    assert (answer.status, len(answer.json["warnings"])) == (200, 1)
    assert "the database's clock is 7000 ms ahead" in answer.json["warnings"][0]
    assert 'shardpay_clock_off_ms{shard="0"} 7000.0' in (await switch.call("GET", "/metrics")).raw.decode()
    core._timed = False
    answer = await switch.call("GET", "/readyz")
    assert (answer.status, answer.json["code"]) == (503, "not_ready")
    assert "shard 0: its journal is being read, or the database's clock" in answer.json["detail"]


async def test_a_stopped_channel_shows_in_readiness_and_payments_within_shards_go_on(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    here, there = (client._host.core for client in switch.clients)
    while here.ledger.wallet(decode_wallet(Secret.of(SECRET), user)) is None:
        user = await switch.wallet()
        assert (await switch.pay(bank, user, 1_000)).status == 201
    receiver = there.receivers[0]
    while receiver.cursor.block < here.writer.sealed_block or there._recorded[0] < receiver.cursor.block:
        other = await switch.wallet()  # of the one shard or the other, until a remote credit was the last in flight
        assert (await switch.pay(user, other, 1)).status == 201
        await once_posted(switch, other, 1)
    wrong = Legs(
        sender=0,
        writer=here.writer.writer.number + 1,
        timeline=there.timeline,
        since=receiver.cursor.block,
        since_hash=bytes(32),
        until=receiver.cursor.block + 1,
        until_hash=bytes(32),
        records=np.zeros(0, RECORD),
        addresses=np.zeros(0, np.int64),
    )
    await switch.clients[1]._host.push(wrong)
    answer = await switch.call("GET", "/readyz")
    assert answer.status == 200
    reported = "shard 1: channels: what shards [0] sent contradicts their journals and is not taken in"
    assert answer.json["warnings"] == [reported]
    assert (await switch.pay(user, bank, 1)).status == 201


async def test_a_drain_answers_what_is_under_way(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    body = {"payer": bank, "payee": user, "amount": 5, "currency": "EUR"}
    sent = asyncio.Event()
    for client in switch.clients:
        client.before = sent.set
    paying = [asyncio.create_task(switch.call("POST", "/v1/transfers", body, key=f"drain{i}")) for i in range(20)]
    await sent.wait()
    await switch.front_door.stop()
    answers = await asyncio.gather(*paying, return_exceptions=True)
    assert all(isinstance(a, aiohttp.ClientConnectionError) or a.status in (201, 503) for a in answers)  # type: ignore[union-attr]
    assert any(not isinstance(a, BaseException) and a.status == 201 for a in answers)
    with pytest.raises(aiohttp.ClientConnectionError):
        await switch.call("GET", "/healthz")
