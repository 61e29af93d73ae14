"""Captures, voids and refunds over HTTP: each once by its key, never more than there is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.records.addresses import shard_of
from actors.records.ids import decode_transfer
from actors.records.secret import Secret
from switch.views import statement
from tests.front_door import SECRET, RunningSwitch, running_switch
from tests.payments import act, funded, hold, money, once_posted, shown


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


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
    monkeypatch.setattr(statement, "FEW_PARTS", 1)
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
    async with asyncio.timeout(60):
        while await money(switch, payer) != (500, 0):
            await asyncio.sleep(0.05)
    assert (await shown(switch, held["id"]))["status"] == "expired"
    assert (await act(switch, held["id"], "capture", "late")).json["code"] == "hold_expired"
    posted = await switch.pay(payer, shop, 500)
    assert posted.status == 201
    assert (await act(switch, posted.json["id"], "void", "no")).json["code"] == "not_a_hold"


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
    async with asyncio.timeout(60):
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


@pytest.mark.parametrize("shard", [0, 1])
async def test_money_on_suspense_is_paid_on_to_any_shard_and_outside_and_can_be_frozen(
    switch: RunningSwitch, shard: int
) -> None:
    bank = await switch.wallet("external")
    gone, near, far = [await opened_on(switch, on, bank) for on in (shard, shard, 1 - shard)]
    paid = (await switch.pay(gone, far, 5)).json["id"]
    await once_posted(switch, far, 10)
    assert (await switch.call("POST", f"/v1/wallets/{gone}/close")).status == 200
    assert (await act(switch, paid, "refund", "r")).status == 201
    suspense = (await suspended(switch))["wallet"]
    for payee in (far, near, bank):
        answer = await switch.pay(suspense, payee, 1)
        assert answer.status == 201, answer.raw
    assert await money(switch, suspense) == (2, 0)
    assert (await switch.call("POST", f"/v1/wallets/{suspense}/freeze")).status == 200
    for payee in (far, near, bank):
        assert (await switch.pay(suspense, payee, 1)).json["code"] == "payer_frozen"
    assert (await switch.call("POST", f"/v1/wallets/{suspense}/unfreeze")).status == 200
    assert (await switch.pay(suspense, far, 2)).status == 201
    assert await money(switch, suspense) == (0, 0)
