"""Holds, refunds, linked groups and looks back in time over the HTTP API, with real shards and a real journal."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
import pytest

from actors.audit.audit import audit_database
from actors.database.connection import connect
from actors.records.addresses import shard_of
from actors.records.codes import Code
from actors.records.ids import Secret, decode_transfer
from actors.records.layout import CHAIN_STRIDE
from switch.http.times import time_text
from switch.views import statement
from tests.e2e.test_front_door import funded, once_posted
from tests.front_door import SECRET, Answer, RunningSwitch, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def hold(switch: RunningSwitch, payer: str, payee: str, amount: int, **fields: Any) -> dict[str, Any]:
    answer = await switch.pay(payer, payee, amount, hold=True, **fields)
    assert (answer.status, answer.json["status"]) == (201, "held"), answer.raw
    return answer.json


async def act(switch: RunningSwitch, transfer: str, what: str, key: str, **body: Any) -> Answer:
    return await switch.call("POST", f"/v1/transfers/{transfer}/{what}", body, key=key)


async def shown(switch: RunningSwitch, transfer: str) -> dict[str, Any]:
    answer = await switch.call("GET", f"/v1/transfers/{transfer}")
    assert answer.status == 200, answer.raw
    return answer.json


async def money(switch: RunningSwitch, wallet: str) -> tuple[int, int]:
    wallet_shown = (await switch.call("GET", f"/v1/wallets/{wallet}")).json
    return wallet_shown["posted"], wallet_shown["held"]


# Holds.


async def test_a_hold_is_captured_in_parts_and_the_rest_is_released(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    shop = await switch.wallet("merchant")
    held = await hold(switch, payer, shop, 600, expires_in=3_600)
    assert held["type"] == "hold" and held["expires_at"]
    assert await money(switch, payer) == (1_000, 600)
    assert (await switch.pay(payer, shop, 401)).json["code"] == "insufficient_funds"
    first = await act(switch, held["id"], "capture", "c1", amount=200, final=False)
    assert (first.status, first.json["type"], first.json["of"]) == (201, "capture", held["id"])
    assert (first.json["amount"], first.json["status"], first.json["left"]) == (200, "posted", 200)
    assert await money(switch, payer) == (800, 400)
    now = await shown(switch, held["id"])
    assert (now["status"], now["captured"], now["left"], now["released"]) == ("held", 200, 400, 0)
    again = await act(switch, held["id"], "capture", "c1", amount=200, final=False)
    assert (again.json["id"], again.json["replayed"]) == (first.json["id"], True)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await act(switch, held["id"], "capture", "c1", amount=201, final=False)
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    too_much = await act(switch, held["id"], "capture", "c2", amount=401)
    assert (too_much.status, too_much.json["code"]) == (409, "hold_exceeded")
    last = await act(switch, held["id"], "capture", "c3", amount=100)
    assert last.status == 201
    assert await money(switch, payer) == (700, 0)
    end = await shown(switch, held["id"])
    assert (end["status"], end["captured"], end["released"], end["left"]) == ("captured", 300, 300, 300)
    assert [part["amount"] for part in end["captures"]] == [200, 100]
    late = await act(switch, held["id"], "capture", "c4")
    assert (late.status, late.json["code"], late.json["money_moved"]) == (409, "hold_captured", "no")
    await once_posted(switch, shop, 300)


async def test_of_more_parts_than_are_listed_the_sums_and_the_end_are_told(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement, "PARTS_MAX", 2)
    _, payer = await funded(switch, 1_000)
    shop = await switch.wallet("merchant")
    held = await hold(switch, payer, shop, 600)
    for i in range(4):
        captured = await act(switch, held["id"], "capture", f"c{i}", amount=100, final=i == 3)
        assert captured.status == 201
    await once_posted(switch, shop, 400)
    for i in range(3):
        assert (await act(switch, captured.json["id"], "refund", f"r{i}", amount=10)).status == 201
    now = await shown(switch, held["id"])
    assert (now["status"], now["captured"], now["released"], now["refunded"], now["left"]) == (
        "captured",
        400,
        200,
        30,
        370,
    )
    assert len(now["captures"]) + len(now["refunds"]) <= 2
    assert (await act(switch, held["id"], "capture", "c4")).json["code"] == "hold_captured"
    last = await shown(switch, captured.json["id"])
    assert (last["refunded"], last["left"], len(last["refunds"])) == (30, 70, 2)


async def test_a_hold_is_voided_once(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 500)
    shop = await switch.wallet("merchant")
    held = await hold(switch, payer, shop, 500)
    voided = await act(switch, held["id"], "void", "v1")
    assert (voided.status, voided.json["type"], voided.json["status"], voided.json["amount"]) == (
        201,
        "void",
        "voided",
        500,
    )
    assert (await act(switch, held["id"], "void", "v1")).json["replayed"] is True
    assert await money(switch, payer) == (500, 0)
    assert (await act(switch, held["id"], "void", "v2")).json["code"] == "hold_voided"
    assert (await act(switch, held["id"], "capture", "v3")).json["code"] == "hold_voided"
    assert (await shown(switch, held["id"]))["released"] == 500


async def test_a_hold_expires_by_itself(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 500)
    shop = await switch.wallet("merchant")
    held = await hold(switch, payer, shop, 500, expires_in=1)
    async with asyncio.timeout(10):
        while await money(switch, payer) != (500, 0):
            await asyncio.sleep(0.05)
    assert (await shown(switch, held["id"]))["status"] == "expired"
    assert (await act(switch, held["id"], "capture", "late")).json["code"] == "hold_expired"
    posted = await switch.pay(payer, shop, 500)
    assert posted.status == 201
    assert (await act(switch, posted.json["id"], "void", "no")).json["code"] == "not_a_hold"


async def test_a_wallet_with_a_hold_does_not_close(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 500)
    shop = await switch.wallet("merchant")
    held = await hold(switch, payer, shop, 500)
    assert (await switch.call("POST", f"/v1/wallets/{payer}/close", {})).json["code"] == "wallet_not_empty"
    assert (await switch.call("POST", f"/v1/wallets/{payer}/freeze", {})).status == 200
    assert (await act(switch, held["id"], "capture", "honoured")).status == 201
    assert (await switch.call("POST", f"/v1/wallets/{payer}/close", {})).status == 200


# Refunds.


async def test_refunds_never_go_beyond_what_was_paid(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    shops = [await switch.wallet("merchant") for _ in range(3)]
    for shop in shops:
        paid = (await switch.pay(payer, shop, 300)).json["id"]
        first = await act(switch, paid, "refund", f"r1 {shop}", amount=100)
        assert (first.status, first.json["type"], first.json["of"], first.json["payer"]) == (201, "refund", paid, shop)
        assert (await act(switch, paid, "refund", f"r1 {shop}", amount=100)).json["replayed"] is True
        assert (await act(switch, paid, "refund", f"r2 {shop}", amount=201)).json["code"] == "refund_exceeded"
        rest = await act(switch, paid, "refund", f"r3 {shop}")
        assert rest.json["amount"] == 200
        assert (await act(switch, paid, "refund", f"r4 {shop}")).json["code"] == "refund_exceeded"
        now = await shown(switch, paid)
        assert (now["refunded"], now["left"], [r["amount"] for r in now["refunds"]]) == (300, 0, [100, 200])
        assert (await act(switch, first.json["id"], "refund", "r5")).json["code"] == "not_refundable"
        await once_posted(switch, shop, 0)
    await once_posted(switch, payer, 1_000)


async def test_a_capture_and_a_top_up_can_be_refunded_and_a_hold_cannot(switch: RunningSwitch) -> None:
    bank = await switch.wallet("external")
    payer = await switch.wallet()
    top_up = (await switch.pay(bank, payer, 900)).json["id"]
    shop = await switch.wallet("merchant")
    held = await hold(switch, payer, shop, 400)
    assert (await act(switch, held["id"], "refund", "r0")).json["code"] == "not_refundable"
    captured = (await act(switch, held["id"], "capture", "c")).json["id"]
    assert (await act(switch, captured, "refund", "r1", amount=150)).status == 201
    assert (await shown(switch, held["id"]))["refunded"] == 150
    assert (await shown(switch, captured))["left"] == 250
    await once_posted(switch, payer, 650)
    assert (await act(switch, top_up, "refund", "r2", amount=651)).json["code"] == "insufficient_funds"
    assert (await act(switch, top_up, "refund", "r3", amount=650)).status == 201
    await once_posted(switch, payer, 0)


async def opened_on(switch: RunningSwitch, shard: int, bank: str) -> str:
    """A user wallet on a shard, with 5 on it: the shard keeps what pays it."""
    while True:
        user = await switch.wallet()
        paid = decode_transfer(Secret.of(SECRET), (await switch.pay(bank, user, 5)).json["id"])
        if shard_of(paid) == shard:
            return user


async def suspended(switch: RunningSwitch) -> dict[str, Any]:
    """`data` of the first remote credit that its payee could not take."""
    async with asyncio.timeout(10):
        while True:
            page = await switch.call("GET", "/v1/events?types=leg.suspended")
            if page.json["data"]:
                data: dict[str, Any] = page.json["data"][0]["data"]
                return data


@pytest.mark.parametrize("shard", [0, 1])
async def test_what_a_closed_wallet_could_not_take_is_found_on_suspense_and_paid_on(
    switch: RunningSwitch, shard: int
) -> None:
    bank = await switch.wallet("external")
    gone, heir, shop = [await opened_on(switch, on, bank) for on in (shard, shard, 1 - shard)]
    paid = (await switch.pay(gone, shop, 5)).json["id"]
    await once_posted(switch, shop, 10)
    assert (await switch.call("POST", f"/v1/wallets/{gone}/close")).status == 200
    refund = (await act(switch, paid, "refund", "r")).json["id"]
    leg = await suspended(switch)
    assert (leg["of"], leg["payee"], leg["amount"]) == (refund, gone, 5)
    assert await money(switch, leg["wallet"]) == (5, 0)
    assert (await switch.pay(leg["wallet"], heir, 3)).status == 201
    entries, after = [], ""
    while True:
        page = await switch.call("GET", f"/v1/wallets/{leg['wallet']}/transfers?limit=1{after}")
        assert page.status == 200, page.raw
        entries += page.json["data"]
        if not page.json["has_more"]:
            break
        after = f"&after={page.json['next']}"
    assert [(e["direction"], e["amount"], e["balance_after"]) for e in entries] == [("out", 3, 2), ("in", 5, 5)]
    assert (await switch.call("GET", f"/v1/transfers/{refund}")).json["suspense"] is True
    original = (await switch.call("GET", f"/v1/transfers/{paid}")).json
    assert "suspense" not in original and [part["suspense"] for part in original["refunds"]] == [True]
    lines = {line["id"]: line for line in (await switch.call("GET", f"/v1/wallets/{shop}/transfers")).json["data"]}
    assert lines[refund]["suspense"] is True and "suspense" not in lines[paid]


# Groups.


def row(payer: str, payee: str, amount: int, key: str, currency: str = "EUR") -> dict[str, Any]:
    return {"payer": payer, "payee": payee, "amount": amount, "currency": currency, "idempotency_key": key}


async def group(switch: RunningSwitch, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = await switch.call(
        "POST", "/v1/transfers/batch", {"transfers": rows, "linked": True}, key=str(uuid.uuid4())
    )
    assert answer.status == 200, answer.raw
    results: list[dict[str, Any]] = answer.json["results"]
    return results


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


# Looks back.


async def test_a_statement_shows_movements_of_every_type(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    shop = await switch.wallet("merchant")
    held = await hold(switch, payer, shop, 300)
    captured = (await act(switch, held["id"], "capture", "c", amount=200)).json["id"]
    refunded = (await act(switch, captured, "refund", "r", amount=50)).json["id"]
    await once_posted(switch, payer, 850)
    await once_posted(switch, shop, 150)
    page = (await switch.call("GET", f"/v1/wallets/{payer}/transfers")).json["data"]
    assert [(e["type"], e["direction"], e["amount"], e["balance_after"]) for e in page] == [
        ("refund", "in", 50, 850),
        ("capture", "out", 200, 800),
        ("transfer", "in", 1_000, 1_000),
    ]
    assert [e["id"] for e in page][:2] == [refunded, captured]
    shop_page = (await switch.call("GET", f"/v1/wallets/{shop}/transfers")).json["data"]
    assert [(e["type"], e["direction"], e["balance_after"]) for e in shop_page] == [
        ("refund", "out", 150),
        ("capture", "in", 200),
    ]


async def test_the_balance_at_any_time_and_statements_between_times(switch: RunningSwitch) -> None:
    start, step = int(time.time() * 1000) - 86_400_000, 60_000
    wallets = []
    for kind in ("external", "user"):
        at = {"Shardpay-Time": time_text(start - 1)}
        opened = await switch.call("POST", "/v1/wallets", {"kind": kind, "currency": "EUR"}, headers=at)
        wallets.append(opened.json["id"])
    bank, user = wallets
    count = 2 * CHAIN_STRIDE + 40
    rows = [{**row(bank, user, 10, f"t{i}"), "effective_at": time_text(start + i * step)} for i in range(count)]
    answer = await switch.call("POST", "/v1/transfers/batch", {"transfers": rows}, key=str(uuid.uuid4()))
    assert {r["code"] for r in answer.json["results"]} == {"ok"}
    for i in (0, 1, CHAIN_STRIDE - 1, CHAIN_STRIDE, CHAIN_STRIDE + 1, count - 1):
        for extra, posted in ((-1, 10 * i), (0, 10 * (i + 1)), (step - 1, 10 * (i + 1))):
            then = time_text(start + i * step + extra)
            got = (await switch.call("GET", f"/v1/wallets/{user}/balance?at={then}")).json
            assert (got["posted"], got["currency"]) == (posted, "EUR"), (i, extra)
            bank_got = (await switch.call("GET", f"/v1/wallets/{bank}/balance?at={then}")).json
            assert bank_got["posted"] == -posted
    first, last = 200, 300
    span = f"from={time_text(start + first * step)}&to={time_text(start + last * step)}"
    seen: list[int] = []
    after = ""
    while True:
        page = (await switch.call("GET", f"/v1/wallets/{user}/transfers?limit=40&{span}{after}")).json
        seen += [e["balance_after"] for e in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert seen == [10 * (i + 1) for i in range(last - 1, first - 1, -1)]


# The audit.


async def lively(switch: RunningSwitch) -> None:
    """Some of everything, on several shards."""
    _, payer = await funded(switch, 5_000)
    shops = [await switch.wallet("merchant") for _ in range(3)]
    fees = await switch.wallet("fee")
    for i, shop in enumerate(shops):
        held = await hold(switch, payer, shop, 300, expires_in=1 if i == 2 else 60)
        if i < 2:
            captured = (await act(switch, held["id"], "capture", f"c{i}", amount=100, final=bool(i))).json["id"]
            assert (await act(switch, captured, "refund", f"s{i}", amount=30)).status == 201
        if i == 0:
            assert (await act(switch, held["id"], "void", "v")).status == 201
        assert (await switch.pay(payer, shop, 10)).status == 201
        await group(switch, [row(payer, shop, 20, f"g{i}"), row(payer, fees, 2, f"h{i}")])
    async with asyncio.timeout(10):
        while (await money(switch, payer))[1]:
            await asyncio.sleep(0.05)


async def test_an_audit_of_everything_finds_nothing_and_then_each_flipped_byte(switch: RunningSwitch) -> None:
    await lively(switch)
    report = await audit_database(switch.database_url)
    assert report.differences == []
    assert (report.holds, report.captures, report.refunds) == (3, 2, 2)
    connection = await connect(switch.database_url, name="test")
    try:
        blocks = await connection.fetch("SELECT shard, block, length(records) AS size FROM journal ORDER BY 1, 2")
        dice = random.Random(7)
        for block in dice.sample(blocks, 25):
            byte, bit = dice.randrange(block["size"]), 1 << dice.randrange(8)
            flip = "UPDATE journal SET records = set_byte(records, $3, get_byte(records, $3) # $4) WHERE shard = $1 AND block = $2"
            place = (block["shard"], block["block"], byte, bit)
            await connection.execute(flip, *place)
            stated = (await audit_database(switch.database_url)).differences
            assert any(f"shard {block['shard']} block {block['block']}" in text for text in stated), (place, stated)
            await connection.execute(flip, *place)
        assert (await audit_database(switch.database_url)).differences == []
        for table in ("reference", "anchor"):
            await connection.execute(
                "INSERT INTO reference VALUES (5, 6)"
                if table == "reference"
                else "INSERT INTO anchor VALUES (5, 0, 1, 6)"
            )
            assert any(f"table {table}" in text for text in (await audit_database(switch.database_url)).differences)
            await connection.execute(f"DELETE FROM {table} WHERE record = 6")
    finally:
        await connection.close()
