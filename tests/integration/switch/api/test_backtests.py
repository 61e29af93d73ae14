"""Backtests over HTTP: what is asked is one pack and a time that there is; labels name payments, each refusal its field."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from actors.stores.api_keys import Binding, KeyStore
from switch.http.times import now_ms, time_text
from tests.front_door import RunningSwitch, running_switch
from tests.payments import funded

pytestmark = pytest.mark.asyncio(loop_scope="session")

PACK = "name: strict\nfallback: approve\nrules:\n  - {id: big, when: amount >= 50, action: decline, reason: BIG}\n"
NOBODY = "00003000-0f18-86a7-a655-811d7f69def9"
CARD = {"name": "c", "version": 1, "characteristics": []}


async def asked(switch: RunningSwitch, body: Any, what: str = "rule-packs", **more: Any) -> Any:
    return await switch.call("POST", f"/v1/{what}/backtest", body, **more)


async def test_a_pack_is_tried_on_what_was_paid_with_labels_by_id_and_by_key(shared: RunningSwitch) -> None:
    bank, shop = await shared.wallet("external"), await shared.wallet("merchant")
    paid = [(await shared.pay(bank, shop, amount)).json["id"] for amount in (10, 60, 70)]
    body = {"payer": bank, "payee": shop, "amount": 80, "currency": "EUR"}
    assert (await shared.call("POST", "/v1/transfers", body, key="named")).status == 201
    labels = [{"id": paid[0], "label": False}, {"id": paid[1], "label": True}]
    # An operator wallet pays, so the payment is named by the wallet that is paid.
    labels.append({"wallet": shop, "idempotency_key": "named", "label": True})
    answer = await asked(shared, {"text": PACK, "labels": labels})
    assert answer.status == 200, answer.raw
    report = answer.json["report"]
    assert (report["pack"], report["attempts"], report["changed"]) == ("strict", 4, 3)
    assert answer.json["seconds"] > 0


async def test_hits_are_split_by_what_became_of_the_payments(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        _, payer = await funded(switch, 1_000)
        shop = await switch.wallet("merchant")
        await asyncio.sleep(0.02)
        before = time_text(now_ms())  # by another clock than the shard's
        await asyncio.sleep(0.02)
        refunded, fraud, _ = [(await switch.pay(payer, shop, 60)).json["id"] for _ in range(3)]
        held = (await switch.pay(payer, shop, 70, hold=True)).json["id"]
        capture = (await switch.call("POST", f"/v1/transfers/{held}/capture", {}, key="c")).json["id"]
        for paid in (refunded, capture):
            answer = await switch.call("POST", f"/v1/transfers/{paid}/refund", {"amount": 1}, key=paid)
            assert answer.status == 201, answer.raw
        await switch.call("PUT", f"/v1/transfers/{fraud}/label", {"label": True})
        assert (await switch.pay(payer, shop, 9_000)).status == 402
        await switch.pay(payer, shop, 5)
        report = (await asked(switch, {"text": PACK, "from": before})).json["report"]
        split = {"kept": 1, "declined": 1, "refunded": 2, "fraud": 1}
        assert [(rule["id"], rule["hits"], rule["became"]) for rule in report["rules"]] == [("big", 5, split)]
        declined = next(each for each in report["decisions"] if each["now"] == "decline")
        assert declined["became"] == split
        assert sum(sum(each["became"].values()) for each in report["decisions"]) == report["attempts"] == 6


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": PACK, "name": "default"}, "text"),
        ({"text": PACK, "version": 1}, "version"),
        ({"text": "a\0b"}, "text"),
        ({"name": "default", "files": {"a.txt": ""}}, "files"),
        ({"text": PACK, "from": "yesterday"}, "from"),
        ({"text": PACK, "to": "2026-13-01T00:00:00Z"}, "to"),
        ({"text": PACK, "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "to"),
        ({"text": PACK, "labels": [{"id": NOBODY, "label": True}]}, "labels[0].id"),
        ({"text": PACK, "labels": [{"label": True}]}, "labels[0]"),
        ({"text": PACK, "labels": [{"id": NOBODY, "wallet": NOBODY, "label": True}]}, "labels[0]"),
        (
            {"text": PACK, "labels": [{"wallet": str(uuid4()), "idempotency_key": "k", "label": True}]},
            "labels[0].wallet",
        ),
        ({"text": PACK, "labels": [{"id": NOBODY}]}, "labels[0].label"),
        ({"text": PACK, "mode": "live"}, "mode"),
    ],
)
async def test_what_cannot_be_tried_is_refused_by_its_field(shared: RunningSwitch, body: Any, field: str) -> None:
    answer = await asked(shared, body)
    assert (answer.status, [each["field"] for each in answer.json["errors"]]) == (422, [field]), answer.raw


@pytest.mark.parametrize(
    ("what", "body", "status", "code"),
    [
        ("rule-packs", {"name": "nothing"}, 404, "rule_pack_not_found"),
        ("rule-packs", {"name": "default", "version": 99}, 404, "rule_pack_not_found"),
        ("rule-packs", {"text": "name: x"}, 422, "invalid_rule_pack"),
        ("scorecards", {"name": "nothing"}, 404, "scorecard_not_found"),
        ("scorecards", {"document": {"name": "c"}}, 422, "invalid_scorecard"),
        ("scorecards", {"document": CARD, "name": "c"}, 422, "invalid_field"),
        ("scorecards", {"document": CARD, "version": 1}, 422, "invalid_field"),
    ],
)
async def test_documents_that_are_not_there_or_do_not_check_are_their_problems(
    shared: RunningSwitch, what: str, body: Any, status: int, code: str
) -> None:
    answer = await asked(shared, body, what)
    assert (answer.status, answer.json["code"]) == (status, code), answer.raw


async def test_neither_a_reader_nor_a_bound_account_tries_packs(shared: RunningSwitch) -> None:
    store = KeyStore(shared.pool)
    reader = await store.create("reads", ["read"])
    bound = await store.create("inn", ["merchant"], Binding(owners=["inn"], scenarios=["hotel"]))
    for key in (reader, bound):
        assert (await asked(shared, {"text": PACK}, token=key.key)).json["code"] == "forbidden"
