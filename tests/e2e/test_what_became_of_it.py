"""A payment's current status is shown everywhere: by its hold's id, in statements, to a retry, and to who wants it no more."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.audit.audit import audit_database
from tests.front_door import RunningSwitch, running_switch
from tests.reviewer import REVIEWED, Reviewer


@pytest.fixture
async def switch(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[RunningSwitch]:
    seconds = 1 if "[expired]" in request.node.name else 600
    async with running_switch(database_url, shards=2, scorer=Reviewer(), review_expires_in_s=seconds) as running:
        yield running
        assert (await audit_database(database_url)).differences == []


async def funded(switch: RunningSwitch, amount: int) -> tuple[str, str]:
    bank, user = await switch.wallet("external"), await switch.wallet()
    assert (await switch.pay(bank, user, amount)).status == 201
    return user, await switch.wallet("merchant")


async def shown(switch: RunningSwitch, identity: str) -> Any:
    return (await switch.call("GET", f"/v1/transfers/{identity}")).json


async def post(switch: RunningSwitch, path: str, body: Any) -> Any:
    return await switch.call("POST", path, body, key=str(uuid.uuid4()))


async def test_a_captured_hold_is_refunded_by_its_own_id_and_says_how_much_is_left(switch: RunningSwitch) -> None:
    user, shop = await funded(switch, 500)
    hold = (await switch.pay(user, shop, 100, hold=True, reference="order 7")).json["id"]
    none = await post(switch, f"/v1/transfers/{hold}/refund", {})
    assert (none.json["code"], none.json["detail"]) == ("not_refundable", "Nothing of this hold was captured.")
    await post(switch, f"/v1/transfers/{hold}/capture", {"amount": 90})
    ended = await shown(switch, hold)
    assert [ended[name] for name in ("status", "captured", "released", "refunded", "left")] == [
        "captured",
        90,
        10,
        0,
        90,
    ]
    refund = await post(switch, f"/v1/transfers/{hold}/refund", {"amount": 40})
    assert refund.status == 201 and refund.json["reference"] == "order 7"
    assert refund.json["of"] == ended["captures"][0]["id"]
    assert [(await shown(switch, hold))[name] for name in ("refunded", "left")] == [40, 50]


async def test_a_hold_with_several_captures_names_them(switch: RunningSwitch) -> None:
    user, shop = await funded(switch, 500)
    hold = (await switch.pay(user, shop, 100, hold=True)).json["id"]
    first = await post(switch, f"/v1/transfers/{hold}/capture", {"amount": 10, "final": False})
    early = await post(switch, f"/v1/transfers/{hold}/refund", {})
    assert early.json["code"] == "not_refundable" and first.json["id"] in early.json["detail"]
    second = await post(switch, f"/v1/transfers/{hold}/capture", {"amount": 20})
    late = await post(switch, f"/v1/transfers/{hold}/refund", {})
    assert first.json["id"] in late.json["detail"] and second.json["id"] in late.json["detail"]


async def test_lines_of_captures_and_refunds_name_what_they_are_of_and_its_reference(switch: RunningSwitch) -> None:
    user, shop = await funded(switch, 500)
    hold = (await switch.pay(user, shop, 100, hold=True, reference="order 7", metadata={"a": "b"})).json["id"]
    capture = (await post(switch, f"/v1/transfers/{hold}/capture", {})).json["id"]
    refund = (await post(switch, f"/v1/transfers/{capture}/refund", {"amount": 30})).json["id"]
    for wallet in (user, shop):
        async with asyncio.timeout(60):  # credits between shards
            reported: dict[str, tuple[str, str, dict[str, str]]] = {}
            while not {capture, refund} <= reported.keys():
                lines = (await switch.call("GET", f"/v1/wallets/{wallet}/transfers")).json["data"]
                reported = {line["id"]: (line.get("of"), line.get("reference"), line.get("metadata")) for line in lines}
        assert reported[capture] == (hold, "order 7", {"a": "b"})
        assert reported[refund] == (capture, "order 7", {"a": "b"})
    assert (await shown(switch, refund))["reference"] == "order 7"


async def test_who_asked_for_a_payment_in_review_can_void_it(switch: RunningSwitch) -> None:
    user, shop = await funded(switch, 5_000)
    for hold in (False, True):
        made = (await switch.pay(user, shop, REVIEWED, **({"hold": True} if hold else {}))).json
        assert made["status"] == "in_review"
        voided = await switch.call("POST", f"/v1/transfers/{made['id']}/void", {}, key=f"v{hold}")
        assert (voided.status, voided.json["type"]) == (201, "void")
        again = await switch.call("POST", f"/v1/transfers/{made['id']}/void", {}, key=f"v{hold}")
        assert (again.status, again.json["replayed"], again.json["id"]) == (201, True, voided.json["id"])
        reported = await shown(switch, made["id"])
        assert (reported["status"], reported["review"]["status"]) == ("voided", "voided")
        late = await post(switch, f"/v1/reviews/{made['id']}/approve", {})
        assert (late.status, late.json["code"]) == (409, "hold_voided")
        once_more = await post(switch, f"/v1/transfers/{made['id']}/void", {})
        assert (once_more.status, once_more.json["code"]) == (409, "hold_voided")
    listed = (await switch.call("GET", "/v1/reviews?status=voided")).json["data"]
    assert len(listed) == 2 and (await switch.call("GET", "/v1/reviews")).json["data"] == []
    assert [(await switch.call("GET", f"/v1/wallets/{user}")).json[name] for name in ("posted", "held")] == [5_000, 0]


async def test_a_void_of_an_approved_hold_that_is_sent_again_has_the_same_answer(switch: RunningSwitch) -> None:
    user, shop = await funded(switch, 5_000)
    made = (await switch.pay(user, shop, REVIEWED, hold=True)).json["id"]
    assert (await post(switch, f"/v1/reviews/{made}/approve", {})).status == 201
    voided = await switch.call("POST", f"/v1/transfers/{made}/void", {}, key="v")
    assert (voided.status, voided.json["type"]) == (201, "void")
    again = await switch.call("POST", f"/v1/transfers/{made}/void", {}, key="v")
    assert (again.status, again.json["replayed"], again.json["id"]) == (201, True, voided.json["id"])
    other = (await switch.pay(user, shop, REVIEWED, hold=True)).json["id"]
    refused = await switch.call("POST", f"/v1/transfers/{other}/void", {}, key="v")
    assert (refused.status, refused.json["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("ended", ["approve", "decline", "expired", "voided"])
async def test_a_retry_after_a_reviews_end_tells_the_end(switch: RunningSwitch, ended: str) -> None:
    user, shop = await funded(switch, 5_000)
    body = {"payer": user, "payee": shop, "amount": REVIEWED, "currency": "EUR"}
    row = {**body, "idempotency_key": "row"}
    made = (await switch.call("POST", "/v1/transfers", body, key="k")).json
    (in_batch,) = (await switch.call("POST", "/v1/transfers/batch", {"transfers": [row]}, key="b")).json["results"]
    assert (made["status"], in_batch["status"]) == ("in_review", "in_review")
    for identity in (made["id"], in_batch["id"]):
        if ended == "expired":
            await asyncio.sleep(1.0)
        elif ended == "voided":
            await post(switch, f"/v1/transfers/{identity}/void", {})
        else:
            await post(switch, f"/v1/reviews/{identity}/{ended}", {})
    expected = {
        "approve": (201, None, "posted", "ok"),
        "decline": (409, "review_declined", "declined", "review_declined"),
        "expired": (409, "review_expired", "declined", "review_expired"),
        "voided": (409, "hold_voided", "declined", "hold_voided"),
    }[ended]
    again = await switch.call("POST", "/v1/transfers", body, key="k")
    assert (again.status, again.json.get("code"), again.json["replayed"]) == (*expected[:2], True)
    assert again.json.get("transfer_id", again.json.get("id")) == made["id"]
    (again_in_batch,) = (await switch.call("POST", "/v1/transfers/batch", {"transfers": [row]}, key="b")).json[
        "results"
    ]
    assert (again_in_batch["status"], again_in_batch["code"], again_in_batch["id"]) == (*expected[2:], in_batch["id"])


async def test_a_wallet_tells_the_decimals_of_its_currency(switch: RunningSwitch) -> None:
    for currency, decimals in (("EUR", 2), ("JPY", 0), ("KWD", 3)):
        wallet = await switch.wallet(currency=currency)
        assert (await switch.call("GET", f"/v1/wallets/{wallet}")).json["decimals"] == decimals
