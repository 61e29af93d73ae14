"""Service orders over HTTP: from the receipt to the payment, what is owed, and whose order it is."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from actors.stores.order_numbers import OrderNumberStore
from switch.http.times import now_ms, time_text
from switch.views import credit_records
from tests.credit_scene import credit_scene
from tests.front_door import running_switch

BILL: dict[str, Any] = {"items": [{"name": "two nights", "amount": 18_000}, {"name": "minibar", "amount": 1_500}]}


async def test_an_order_goes_from_the_receipt_to_its_payment(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        bank = await switch.wallet("external")
        await switch.pay(bank, scene.ann_wallet, 50_000)
        await scene.consent()
        made = await scene.order()
        assert (made.status, made.json["status"], made.json["cap"]) == (201, "created", 20_000)
        order = made.json["id"]
        assert (await scene.do(order, "complete", scene.inn, **BILL)).json["code"] == "order_state"
        assert (await scene.do(order, "confirm", scene.inn)).json["code"] == "forbidden"
        assert (await scene.do(order, "confirm", scene.bob)).json["code"] == "order_not_found"
        assert (await scene.do(order, "confirm", scene.ann)).json["status"] == "confirmed"
        assert (await scene.do(order, "modify", scene.inn, cap=25_000)).json["code"] == "cap_exceeded"
        assert (await scene.do(order, "modify", scene.inn, cap=19_500)).json["cap"] == 19_500
        assert (await scene.do(order, "modify", scene.inn, cap=19_000)).json["code"] == "order_changed"
        more = [*BILL["items"], {"name": "a lamp", "amount": 1}]
        assert (await scene.do(order, "complete", scene.inn, items=more)).json["code"] == "cap_exceeded"
        bill = {**BILL, "discounts": [{"name": "no breakfast", "amount": 500}]}
        paid = await scene.do(order, "complete", scene.inn, key="bill", **bill)
        assert (paid.json["status"], paid.json["amount"]) == ("paid", 19_000)
        assert [each["step"] for each in paid.json["steps"]] == [
            "created",
            "confirmed",
            "modified",
            "completed",
            "paid",
        ]
        again = await scene.do(order, "complete", scene.inn, key="bill", **bill)
        assert again.json == {**paid.json, "replayed": True}
        transfer = (await switch.call("GET", f"/v1/transfers/{paid.json['transfer']}")).json
        assert (transfer["amount"], transfer["payer"], transfer["payee"]) == (19_000, scene.ann_wallet, scene.till)
        assert transfer["reference"] == f"order:{order}"
        assert (await switch.call("GET", f"/v1/wallets/{scene.ann_wallet}")).json["posted"] == 31_000
        assert (await scene.do(order, "cancel", scene.inn)).json["code"] == "order_state"
        for token, query in ((scene.inn, "?number=A1"), (scene.inn, ""), (scene.ann, f"?wallet={scene.ann_wallet}")):
            (shown,) = (await scene.get(f"/v1/credit/orders{query}", token)).json["data"]
            assert shown == paid.json
        assert (await scene.get("/v1/credit/orders?number=A1", scene.shop)).json["data"] == []
        assert (await scene.get(f"/v1/credit/orders?wallet={scene.ann_wallet}", scene.shop)).json["data"] == []
        assert (await scene.get(f"/v1/credit/orders?wallet={scene.ann_wallet}", scene.bob)).json[
            "code"
        ] == "wallet_not_found"
        for stranger in (scene.bob, scene.shop):
            assert (await scene.get(f"/v1/credit/orders/{order}", stranger)).json["code"] == "order_not_found"


async def test_what_cannot_be_collected_is_owed_with_visible_attempts_until_the_holder_pays(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        bank = await switch.wallet("external")
        await scene.consent(standing={"cap": 30_000})
        order = (await scene.order()).json
        assert order["status"] == "confirmed", "the standing consent did it"
        due = (await scene.do(order["id"], "complete", scene.inn, **BILL)).json
        assert (due["status"], due["amount"]) == ("due", 19_500) and "transfer" not in due
        attempt = due["steps"][-1]
        assert attempt["step"] == "attempt" and attempt["next_attempt_at"] > attempt["at"]
        for _ in range(2):
            tried = await scene.do(order["id"], "pay", scene.ann, key="now")
            assert (tried.status, tried.json["code"]) == (402, "insufficient_funds")
        shown = (await scene.get(f"/v1/credit/orders/{order['id']}", scene.ann)).json
        assert [each["step"] for each in shown["steps"]][-2:] == ["attempt", "attempt"], "one key is one attempt"
        for wallet, counts in (
            (scene.till, "1 service order that is not over pays to it, and 0 from it."),
            (scene.ann_wallet, "0 service orders that are not over pay to it, and 1 from it."),
        ):
            refused = (await switch.call("POST", f"/v1/wallets/{wallet}/close", {})).json
            assert refused["code"] == "wallet_has_orders" and counts in refused["detail"]
        await switch.pay(bank, scene.ann_wallet, 20_000)
        assert (await scene.do(order["id"], "pay", scene.bob)).json["code"] == "order_not_found"
        paid = (await scene.do(order["id"], "pay", scene.ann)).json
        assert paid["status"] == "paid" and paid["transfer"]


async def test_an_order_rests_on_a_receipt_that_said_yes_once_in_time_and_for_so_much(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        nothing = (await scene.ask()).json["receipt"]
        assert (await scene.order(nothing)).json["code"] == "receipt_refused"
        await scene.consent()
        receipt = (await scene.ask(amount=10_000)).json["receipt"]
        cases: tuple[tuple[dict[str, Any], str], ...] = (
            ({"cap": 10_001}, "receipt_refused"),
            ({"kind": "pay_later"}, "invalid_field"),
            ({"currency": "USD"}, "invalid_field"),
            ({"payee": scene.bob_wallet}, "payee_not_found"),
            ({"due_at": time_text(now_ms() - 1)}, "invalid_field"),
            ({"price": 5}, "invalid_field"),
        )
        for more, code in cases:
            assert (await scene.order(receipt, **{"cap": 10_000, **more})).json["code"] == code, more
        made = await scene.order(receipt, cap=10_000)
        again = await scene.order(receipt, cap=10_000)
        assert (made.status, again.json) == (201, {**made.json, "replayed": True}), "number and receipt are its key"
        assert (await scene.order(receipt, cap=9_000)).json["code"] == "order_number_taken"
        assert (await scene.order(receipt, cap=10_000, number="A2")).json["code"] == "receipt_refused"
        other = (await scene.ask(amount=10_000)).json["receipt"]
        assert (await scene.order(other, cap=10_000)).json["code"] == "order_number_taken"
        foreign = await scene.post("/v1/credit/orders", {**_body(scene.till), "receipt": receipt}, scene.shop)
        assert foreign.json["code"] == "receipt_not_found"


async def test_an_order_needs_the_consent_still_and_one_that_was_made_goes_on_without(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        consent = (await scene.consent()).json["id"]
        first, second = [(await scene.ask(amount=10_000)).json["receipt"] for _ in range(2)]
        made = (await scene.order(first, cap=10_000)).json
        assert (await scene.delete(f"/v1/consents/{consent}", scene.ann)).json["status"] == "withdrawn"
        refused = await scene.order(second, "A2", cap=10_000)
        assert (refused.status, refused.json["code"]) == (404, "consent_not_found")
        assert (await scene.get("/v1/credit/orders?number=A2", scene.inn)).json["data"] == []
        assert (await scene.order(first, cap=10_000)).json == {**made, "replayed": True}
        assert (await scene.do(made["id"], "confirm", scene.ann)).json["status"] == "confirmed"
        assert (await scene.do(made["id"], "complete", scene.inn, **BILL)).json["code"] == "cap_exceeded"
        await scene.consent()
        assert (await scene.order(second, "A2", cap=10_000)).status == 201


def _body(payee: str) -> dict[str, object]:
    return {
        "kind": "deposit_waived",
        "cap": 1,
        "currency": "EUR",
        "payee": payee,
        "number": "S1",
        "introduction": "x",
    }


async def test_a_receipt_makes_one_order_though_its_number_was_given_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when an order is stored more than a minute after its number was taken."""
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await scene.consent()
        receipt = (await scene.ask(amount=10_000)).json["receipt"]
        assert (await scene.order(receipt, cap=10_000)).status == 201
        monkeypatch.setattr(OrderNumberStore, "take", AsyncMock(return_value=[]))
        second = await scene.order(receipt, cap=10_000, number="A2")
        assert second.json["code"] == "receipt_refused"


async def test_an_order_shows_where_it_stands_however_often_its_holder_tried(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credit_records, "ATTEMPTS_SHOWN", 3)
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        bank = await switch.wallet("external")
        await scene.consent(standing={"cap": 30_000})
        order = (await scene.order()).json["id"]
        await scene.do(order, "complete", scene.inn, **BILL)
        for _ in range(6):
            assert (await scene.do(order, "pay", scene.ann)).status == 402
        await switch.pay(bank, scene.ann_wallet, 20_000)
        paid = (await scene.do(order, "pay", scene.ann)).json
        assert (paid["status"], paid["amount"]) == ("paid", 19_500)
        assert [each["step"] for each in paid["steps"]] == ["created", "completed", *["attempt"] * 3, "paid"]


async def test_a_number_that_none_can_be_is_refused(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        for number in ("%00", "x" * 65):
            assert (await scene.get(f"/v1/credit/orders?number={number}", scene.inn)).json["code"] == "invalid_query"


async def test_two_requests_at_once_make_one_order(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await scene.consent()
        receipt = (await scene.ask(amount=10_000)).json["receipt"]
        made = await asyncio.gather(*(scene.order(receipt, cap=10_000) for _ in range(6)))
        assert {each.status for each in made} == {201} and len({each.json["id"] for each in made}) == 1
        several = [(await scene.ask(amount=10_000)).json["receipt"] for _ in range(3)]
        ended = await asyncio.gather(*(scene.order(each, cap=10_000, number="B1") for each in several))
        assert sorted(each.status for each in ended) == [201, 409, 409]
        assert {each.json["code"] for each in ended if each.status == 409} == {"order_number_taken"}


async def test_a_holder_has_no_more_open_orders_than_the_scenario_says(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await scene.consent()
        made = [await scene.order(number=f"N{i}", cap=1_000) for i in range(4)]
        assert [each.status for each in made] == [201, 201, 201, 409] and made[3].json["code"] == "too_many_orders"
        assert (await scene.do(made[0].json["id"], "cancel", scene.inn)).json["status"] == "cancelled"
        assert (await scene.order(number="N4", cap=1_000)).status == 201, (
            "the number of a refused order is free in a minute"
        )
