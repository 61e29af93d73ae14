"""What a payment left in the journal: events by id, and both legs of each movement, on one shard and between two."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.stores.api_keys import Binding, KeyStore
from tests.front_door import RunningSwitch, running_switch

WITHIN_S = 20.0


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def events(switch: RunningSwitch, identity: str, **sent: Any) -> Any:
    answer = await switch.call("GET", f"/v1/transfers/{identity}/events", **sent)
    assert answer.status == 200, answer.raw
    return answer.json


async def landed(switch: RunningSwitch, identity: str, legs: int) -> Any:
    """The events of a payment, once so many legs are booked."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = await events(switch, identity)
            if len([leg for leg in found["legs"] if leg["id"]]) == legs:
                return found
            await asyncio.sleep(0.02)


async def apart(switch: RunningSwitch) -> tuple[str, str]:
    """A user with money and a shop, on different shards."""
    bank, ann = await switch.wallet("external"), await switch.wallet(owner="ann")
    assert (await switch.pay(bank, ann, 50_000, kind="top_up")).status == 201
    for _ in range(20):
        shop = await switch.wallet("merchant", owner="shop")
        paid = (await switch.pay(ann, shop, 1)).json["id"]
        if len({leg["shard"] for leg in (await events(switch, paid))["legs"]}) == 2:
            return ann, shop
    raise AssertionError("all wallets are on one shard")


async def test_a_payment_between_shards_and_its_refund_have_legs_on_both(switch: RunningSwitch) -> None:
    ann, shop = await apart(switch)
    paid = (await switch.pay(ann, shop, 700)).json["id"]
    found = await landed(switch, paid, 2)
    debit, credit = found["legs"]
    assert (debit["side"], debit["wallet"], debit["id"], debit["amount"]) == ("debit", ann, paid, 700)
    assert (credit["side"], credit["wallet"], credit["movement"]) == ("credit", shop, paid)
    assert credit["shard"] != debit["shard"] and credit["id"] != paid and credit["booked_at"] >= debit["booked_at"]
    assert [each["type"] for each in found["data"]] == ["transfer.posted", "leg.landed"]
    assert found["data"][1]["id"] == credit["id"] and found["data"][1]["data"]["of"] == paid
    refund = await switch.call("POST", f"/v1/transfers/{paid}/refund", {"amount": 200}, key="back")
    assert refund.status == 201, refund.raw
    both = await landed(switch, paid, 4)
    assert [(leg["wallet"], leg["amount"]) for leg in both["legs"][2:]] == [(shop, 200), (ann, 200)]
    assert both["legs"][2]["shard"] == credit["shard"] and both["legs"][3]["shard"] == debit["shard"]
    assert "transfer.refunded" in [each["type"] for each in both["data"]]
    for each in both["data"]:
        one = await switch.call("GET", f"/v1/events/{each['id'].upper()}")
        assert (one.status, one.json) == (200, each)


async def test_what_is_booked_in_one_record_has_both_legs_there(switch: RunningSwitch) -> None:
    bank, ann = await switch.wallet("external"), await switch.wallet()
    paid = (await switch.pay(bank, ann, 5_000, kind="top_up")).json["id"]
    found = await events(switch, paid)
    assert [(leg["side"], leg["id"], leg["shard"]) for leg in found["legs"]] == [
        ("debit", paid, found["data"][0]["shard"]),
        ("credit", paid, found["data"][0]["shard"]),
    ]
    hold = (await switch.pay(ann, bank, 400, hold=True)).json["id"]
    assert (await events(switch, hold))["legs"] == [], "a hold moves nothing"
    captured = await switch.call("POST", f"/v1/transfers/{hold}/capture", {"amount": 300}, key="take")
    after = await events(switch, hold)
    assert [each["type"] for each in after["data"]] == ["transfer.held", "transfer.captured"]
    assert {leg["movement"] for leg in after["legs"]} == {after["data"][1]["id"]} and captured.status == 201
    declined = (await switch.pay(ann, bank, 10**9)).json["transfer_id"]
    refused = await events(switch, declined)
    assert ([each["type"] for each in refused["data"]], refused["legs"]) == (["transfer.declined"], [])


async def test_who_has_no_part_in_it_sees_nothing(switch: RunningSwitch) -> None:
    ann, shop = await apart(switch)
    paid = (await switch.pay(ann, shop, 700)).json["id"]
    leg = (await landed(switch, paid, 2))["legs"][1]["id"]
    keys = KeyStore(switch.pool)
    stranger = (await keys.create("eve", ["read"], Binding(owners=("eve",)))).key
    payee = (await keys.create("shop", ["read"], Binding(owners=("shop",)))).key
    assert (await switch.call("GET", f"/v1/transfers/{paid}/events", token=stranger)).json[
        "code"
    ] == "transfer_not_found"
    for event in (paid, leg):
        assert (await switch.call("GET", f"/v1/events/{event}", token=stranger)).json["code"] == "event_not_found"
    seen = await events(switch, paid, token=payee)
    assert [each["type"] for each in seen["data"]] == ["transfer.posted", "leg.landed"]
    assert seen["data"][0]["data"].get("decision") is None, "how it was decided is the payer's"
    for wrong in (f"{paid[:-1]}{'0' if paid[-1] != '0' else '1'}", "nothing"):
        assert (await switch.call("GET", f"/v1/events/{wrong}")).json["code"] == "event_not_found"
