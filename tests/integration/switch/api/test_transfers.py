"""Payments over HTTP: one by one, in batches of JSON and Arrow, linked; a key's second use has the first one's answer."""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from actors.records.codes import Code
from actors.rpc.interface import ShardUnavailable
from actors.stores.batch_keys import BatchKeyStore
from switch.api.services import Limits
from switch.api.transfers import DIGEST_INLINE_BYTES_MAX
from switch.gateway.write_queue import WriteQueueLimits
from tests.front_door import RunningSwitch, running_front_door, running_switch
from tests.payments import funded, group, money, once_posted, row, shown


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


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


async def test_a_large_batch_waits_for_no_threads_that_others_keep(switch: RunningSwitch) -> None:
    user, shop = (await funded(switch))[1], await switch.wallet("merchant")
    rows = [row(user, shop, 1, str(uuid.uuid4())) for _ in range(400)]
    assert len(msgspec.json.encode({"transfers": rows})) > DIGEST_INLINE_BYTES_MAX
    over = threading.Event()
    with ThreadPoolExecutor(1) as only:
        asyncio.get_running_loop().set_default_executor(only)
        asyncio.get_running_loop().run_in_executor(None, over.wait)
        try:
            async with asyncio.timeout(60):
                answer = await switch.call("POST", "/v1/transfers/batch", {"transfers": rows}, key=str(uuid.uuid4()))
        finally:
            over.set()
    assert [each["code"] for each in answer.json["results"]] == ["ok"] * len(rows)


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
        await store.forget()
        assert await session.fetchval("SELECT count(*) FROM batch_key") == 0


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


async def test_a_payment_with_its_fee_is_made_as_a_whole(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    shops = [await switch.wallet("merchant") for _ in range(2)]
    fees = await switch.wallet("fee")
    rows = [row(payer, shops[0], 400, "g1"), row(payer, shops[1], 500, "g2"), row(payer, fees, 90, "g3")]
    results = await group(switch, rows)
    assert [(r["code"], r["status"], r["replayed"]) for r in results] == [("ok", "posted", False)] * 3
    again = await group(switch, rows)
    assert [(r["id"], r["replayed"]) for r in again] == [(r["id"], True) for r in results]
    part = await group(switch, rows[:2])
    assert {r["code"] for r in part} == {"idempotency_mismatch"}
    await once_posted(switch, payer, 10)
    for shop, amount in zip(shops, (400, 500), strict=True):
        await once_posted(switch, shop, amount)


async def test_a_group_with_one_bad_row_moves_nothing(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    shop = await switch.wallet("merchant")
    fees = await switch.wallet("fee")
    poor = await group(switch, [row(payer, shop, 900, "p1"), row(payer, fees, 101, "p2")])
    assert [(r["code"], r["status"]) for r in poor] == [
        ("linked_declined", "declined"),
        ("insufficient_funds", "declined"),
    ]
    nobody = "00000000-0000-8000-8000-000000000000"
    lost = await group(switch, [row(payer, shop, 1, "q1"), row(payer, nobody, 1, "q2")])
    assert [(r["code"], r["status"]) for r in lost] == [("linked_refused", "refused"), ("payee_not_found", "refused")]
    _, other = await funded(switch, 1_000)
    two = await group(switch, [row(payer, shop, 1, "s1"), row(other, shop, 1, "s2")])
    assert {r["code"] for r in two} == {"group_invalid"}
    assert await money(switch, payer) == (1_000, 0)
    once = await group(switch, [row(payer, shop, 1, "same"), row(payer, fees, 1, "same")])
    assert {r["code"] for r in once} == {"group_invalid"}
    assert [r["code"] for r in await group(switch, [row(payer, shop, 1, "same"), row(payer, fees, 1, "new")])] == [
        "ok"
    ] * 2


async def test_an_exchange_goes_through_liquidity_wallets(switch: RunningSwitch) -> None:
    _, euros = await funded(switch, 1_000)
    dollars = await switch.wallet(currency="USD")
    pools = [await switch.wallet("liquidity"), await switch.wallet("liquidity", currency="USD")]
    results = await group(switch, [row(euros, pools[0], 1_000, "x1"), row(pools[1], dollars, 1_080, "x2", "USD")])
    assert [r["code"] for r in results] == ["ok", "ok"]
    await once_posted(switch, dollars, 1_080)
    await once_posted(switch, euros, 0)


async def test_arrow_rows_are_held_and_linked(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    _, poor = await funded(switch, 10)
    shop, fees = await switch.wallet("merchant"), await switch.wallet("fee")
    lines = [(payer, shop, 300, True, 60, None), (payer, shop, 200, False, None, 7), (poor, shop, 8, False, None, 8)]
    lines += [(payer, fees, 20, False, None, 7), (poor, fees, 5, True, None, 8), (payer, shop, 1, False, None, None)]
    payers, payees, amounts, holds, seconds, groups = zip(*lines, strict=True)
    table = pa.table(
        {
            "idempotency_key": pa.array([uuid.uuid4().bytes for _ in lines], pa.binary(16)),
            "payer": pa.array([uuid.UUID(w).bytes for w in payers], pa.binary(16)),
            "payee": pa.array([uuid.UUID(w).bytes for w in payees], pa.binary(16)),
            "amount": pa.array(amounts, pa.int64()),
            "currency": pa.array(["EUR"] * len(lines)),
            "hold": pa.array(holds),
            "expires_in": pa.array(seconds, pa.int32()),
            "group": pa.array(groups, pa.int32()),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {"Content-Type": "application/vnd.apache.arrow.stream"}
    for replayed in (False, True):
        answer = await switch.call(
            "POST", "/v1/transfers/batch", data=sink.getvalue().to_pybytes(), headers=headers, key=str(uuid.uuid4())
        )
        assert answer.status == 200, answer.raw
        with pa.ipc.open_stream(answer.raw) as reader:
            results = reader.read_all()
        codes = [0, 0, Code.LINKED_DECLINED, 0, Code.INSUFFICIENT_FUNDS, 0]
        assert results["code"].to_pylist() == codes
        assert results["replayed"].to_pylist() == [replayed] * 6
    assert await money(switch, payer) == (1_000 - 200 - 20 - 1, 300)
    assert await money(switch, poor) == (10, 0)
    first = await shown(switch, str(uuid.UUID(bytes=results["id"][0].as_py())))
    assert (first["type"], first["status"], first["left"]) == ("hold", "held", 300)
