"""Disputes over HTTP: opened by the holder, answered by the source, decided by an analyst, in words, with notice."""

import asyncio
from typing import Any

import numpy as np
import pytest

from actors.records.credit_layout import CREDIT_REQUEST, Resolution
from actors.records.ids import decode_transfer, decode_wallet, transfer_id
from actors.records.layout import Kind
from actors.records.secret import Secret
from actors.stores.api_keys import KeyStore
from switch.http.times import now_ms
from tests.credit_scene import DAY_MS, CreditScene, credit_scene
from tests.disputes import WRONG, due_order, resolved, seen
from tests.front_door import SECRET, running_switch


async def test_a_dispute_from_the_holder_through_its_source_to_an_analyst(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        order = await due_order(scene)
        opened = await scene.post("/v1/credit/disputes", {"entry": order, "text": WRONG}, scene.ann)
        assert (opened.status, opened.json["source"], opened.json["text"]) == (201, "inn", WRONG)
        dispute = opened.json["id"]
        assert opened.headers["Location"] == f"/v1/credit/disputes/{dispute}"
        again = await scene.post("/v1/credit/disputes", {"entry": order, "text": WRONG}, scene.ann)
        assert (again.json["id"], again.json["replayed"]) == (dispute, True)
        more = await scene.post("/v1/credit/disputes", {"entry": order, "text": "And more."}, scene.ann)
        assert more.json["code"] == "case_exists"
        forwarded = await seen(scene, dispute, "forwarded")
        assert (
            forwarded["forwarded_at"] <= forwarded["due_at"] and "in your own words" in forwarded["notices"][0]["text"]
        )
        assert (await scene.ask(amount=100)).json["disputed"] is True
        assert (await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit", scene.ann)).json["disputed"] is True

        (waiting,) = (await scene.get("/v1/credit/disputes", scene.inn)).json["data"]
        assert (waiting["id"], waiting["text"]) == (dispute, WRONG), "its source reads the holder's own words"
        (queued,) = (await scene.get("/v1/credit/disputes", switch.key)).json["data"]
        assert queued["id"] == dispute
        unanswered = await resolved(scene, dispute, "kept")
        assert unanswered.json["code"] == "case_unanswered"
        stated = {"outcome": "kept", "text": "Nobody paid."}
        answered = await scene.post(f"/v1/credit/disputes/{dispute}/answer", stated, scene.inn, "a1")
        assert (answered.json["status"], answered.json["answer"]["text"]) == ("answered", "Nobody paid.")
        repeated = await scene.post(f"/v1/credit/disputes/{dispute}/answer", stated, scene.inn, "a1")
        assert repeated.json["replayed"] is True
        for path in ("resolve", "reinsert", "forward"):
            own = await scene.post(f"/v1/credit/disputes/{dispute}/{path}", stated, scene.inn)
            assert own.json["code"] == "forbidden", "a source does not decide on what it said itself"

        deleted = (await resolved(scene, dispute, "deleted")).json
        assert (deleted["status"], deleted["resolution"]["by"]) == ("deleted", "tests")
        assert deleted["resolution"]["text"] in deleted["notices"][-1]["text"]
        assert (await resolved(scene, dispute, "kept")).json["code"] == "case_not_open"
        assert (await scene.get("/v1/credit/disputes", switch.key)).json["data"] == []
        assert (await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit", scene.ann)).json["disputed"] is False
        (beside,) = (await scene.get(f"/v1/credit/orders/{order}", scene.inn)).json["disputes"]
        assert (beside["id"], beside["status"]) == (dispute, "deleted")


async def test_who_made_an_entry_never_decides_on_it_with_any_key_of_its_account(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene, keys = await credit_scene(switch), KeyStore(switch.pool)
        market, another = [(await keys.create("market", [scope])).key for scope in ("merchant", "analyst")]
        await scene.consent(merchant="market")
        question = {"wallet": scene.ann_wallet, "scenario": "hotel", "amount": 100}
        receipt = (await scene.post("/v1/credit/decisions", question, market)).json["receipt"]
        outcome = {"outcome": "deleted", "text": "The bank's statement shows it."}
        path = "/v1/credit/disputes"
        dispute = (await scene.post(path, {"entry": receipt, "text": WRONG}, scene.ann)).json["id"]
        assert (await scene.get(f"{path}/{dispute}", another)).status == 200, "it may read it"
        for call, body in (("resolve", outcome), ("reinsert", {"text": "A mistake."})):
            for token, code in ((another, "forbidden"), (switch.key, None)):
                answer = await scene.post(f"{path}/{dispute}/{call}", body, token)
                assert answer.json.get("code") == code, answer.raw
        review = (await scene.post("/v1/credit/reviews", {"receipt": receipt, "text": "Please."}, scene.ann)).json["id"]
        stated = {"outcome": "upheld", "text": "It stands."}
        for token, code in ((another, "forbidden"), (switch.key, None)):
            answer = await scene.post(f"/v1/credit/reviews/{review}/resolve", stated, token)
            assert answer.json.get("code") == code, answer.raw


async def test_an_entry_that_stands_deleted_is_disputed_again_only_once_it_is_back(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene, path = await credit_scene(switch), "/v1/credit/disputes"
        order = await due_order(scene)
        first = (await scene.post(path, {"entry": order, "text": WRONG}, scene.ann)).json["id"]
        assert (await resolved(scene, first, "deleted")).json["status"] == "deleted"
        more = {"entry": order, "text": "And it was late."}
        assert (await scene.post(path, more, scene.ann)).json["code"] == "case_exists"
        same = await scene.post(path, {"entry": order, "text": WRONG}, scene.ann)
        assert (same.json["id"], same.json["status"], same.json["replayed"]) == (first, "deleted", True)
        why = {"text": "A court has found that it is owed."}
        assert (await scene.post(f"{path}/{first}/reinsert", why, switch.key)).json["status"] == "reinserted"
        second = await scene.post(path, more, scene.ann)
        assert second.status == 201 and second.json["id"] != first


async def _second_deletion(scene: CreditScene, entry: str) -> str:
    """A dispute of an entry that stands deleted, and deletes it once more, as journals of earlier versions can hold; its id."""
    secret, rows = Secret.of(SECRET), np.zeros(1, CREDIT_REQUEST)
    holder = decode_wallet(secret, scene.ann_wallet)
    rows["holder"], rows["home"], rows["seen"], rows["caller"], rows["digest"] = holder, holder, -1, 1, 5
    rows["op"], rows["reference"], rows["key_lo"] = Kind.DISPUTE_OPENED, decode_transfer(secret, entry), 71
    rows["expiry"] = now_ms() + DAY_MS
    (opened,) = await scene.switch.clients[0].credit(rows, {})
    rows["op"], rows["reference"], rows["key_lo"] = Kind.DISPUTE_RESOLVED, opened["address"], 72
    rows["kind"] = Resolution.DELETED
    (ended,) = await scene.switch.clients[0].credit(rows, {})
    assert opened["code"] == ended["code"] == 0
    return transfer_id(secret, int(opened["record_time"]), int(opened["address"]))


async def test_of_two_disputes_that_deleted_an_entry_the_newer_is_reinserted_first(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene, path = await credit_scene(switch), "/v1/credit/disputes"
        order = await due_order(scene)
        first = (await scene.post(path, {"entry": order, "text": WRONG}, scene.ann)).json["id"]
        await resolved(scene, first, "deleted")
        second, why = await _second_deletion(scene, order), {"text": "A court has found that it is owed."}
        refused = await scene.post(f"{path}/{first}/reinsert", why, switch.key)
        assert (refused.json.get("code"), "later dispute" in refused.json.get("detail", "")) == ("case_not_open", True)
        for dispute in (second, first):
            back = await scene.post(f"{path}/{dispute}/reinsert", why, switch.key)
            assert back.json["status"] == "reinserted", back.raw


async def test_of_what_is_asked_about_a_dispute_several_times_at_once_one_is_made(database_url: str) -> None:
    """Each read what there was before any was recorded: two disputes of one entry were open, and one was reinserted twice."""
    async with running_switch(database_url, shards=1) as switch:
        scene, path = await credit_scene(switch), "/v1/credit/disputes"
        order = await due_order(scene)

        async def made(call: str, token: str, *bodies: dict[str, str]) -> list[Any]:
            answers = await asyncio.gather(*(scene.post(call, body, token) for body in bodies))
            assert sum("code" not in each.json and not each.json.get("replayed") for each in answers) == 1, [
                each.raw for each in answers
            ]
            return [each.json.get("code", each.json.get("status")) for each in answers]

        words = [{"entry": order, "text": text} for text in (WRONG, WRONG, "And it was late.", "And it was late.")]
        answers = await made(path, scene.ann, *words)
        assert answers.count("case_exists") == 2, answers
        (dispute,) = (await scene.get(path, switch.key)).json["data"]
        await resolved(scene, dispute["id"], "deleted")
        why = {"text": "A court has found that it is owed."}
        assert set(await made(f"{path}/{dispute['id']}/reinsert", switch.key, why, why, why)) == {"reinserted"}


in_session = pytest.mark.asyncio(loop_scope="session")
NOBODY = "00003000-0f18-86a7-a655-811d7f69def9"


@in_session
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "Wrong."}, "entry"),
        ({"entry": "x", "text": "Wrong."}, "entry"),
        ({"entry": NOBODY}, "text"),
        ({"entry": NOBODY, "text": ""}, "text"),
        ({"entry": NOBODY, "text": "x" * 2_001}, "text"),
        ({"entry": NOBODY, "text": "a\x07b"}, "text"),
        ({"entry": NOBODY, "text": "Wrong.", "outcome": "deleted"}, "outcome"),
    ],
)
async def test_what_no_dispute_can_say_is_refused_by_its_field(scene: CreditScene, body: Any, field: str) -> None:
    refused = await scene.post("/v1/credit/disputes", body, scene.ann)
    assert (refused.status, [each["field"] for each in refused.json["errors"]]) == (422, [field]), refused.raw


@in_session
async def test_only_the_holder_of_an_entry_disputes_it_and_only_an_entry(scene: CreditScene) -> None:
    consent = (await scene.consent()).json["id"]
    receipt = (await scene.ask(amount=100)).json["receipt"]
    for entry, token, code in (
        (receipt, scene.bob, "entry_not_found"),
        (receipt, scene.inn, "forbidden"),
        (consent, scene.ann, "entry_not_found"),
        (NOBODY, scene.ann, "entry_not_found"),
        (scene.ann_wallet, scene.ann, "entry_not_found"),
    ):
        refused = await scene.post("/v1/credit/disputes", {"entry": entry, "text": "Wrong."}, token)
        assert refused.json["code"] == code, (entry, refused.raw)


@in_session
async def test_a_dispute_is_seen_and_moved_by_its_parties_alone(scene: CreditScene) -> None:
    await scene.consent()
    receipt = (await scene.ask(amount=101)).json["receipt"]
    opened = await scene.post("/v1/credit/disputes", {"entry": receipt, "text": "I did not ask."}, scene.ann, "d1")
    path = f"/v1/credit/disputes/{opened.json['id']}"
    again = await scene.post("/v1/credit/disputes", {"entry": receipt, "text": "I did not ask."}, scene.ann, "d1")
    assert (again.json["id"], again.headers["Idempotent-Replayed"]) == (opened.json["id"], "true")
    for stranger in (scene.bob, scene.shop):
        assert (await scene.get(path, stranger)).json["code"] == "case_not_found"
    for party in (scene.ann, scene.inn, scene.switch.key):
        assert (await scene.get(path, party)).json["text"] == "I did not ask."
    answer = {"outcome": "kept", "text": "The log shows it."}
    assert (await scene.post(f"{path}/answer", answer, scene.shop)).json["code"] == "case_not_found"
    assert (await scene.post(f"{path}/answer", answer, scene.ann)).json["code"] == "forbidden"
    wrong = await scene.post(f"{path}/resolve", {"outcome": "overturned", "text": "x"}, scene.switch.key)
    assert (wrong.status, wrong.json["errors"][0]["field"]) == (422, "outcome"), "that is a review's outcome"
    missing = await scene.post(f"/v1/credit/disputes/{receipt}/resolve", answer, scene.switch.key)
    assert missing.json["code"] == "case_not_found", "a receipt is no dispute"


@in_session
@pytest.mark.parametrize("outcome", ["corrected", "deleted"])
async def test_what_ends_for_the_holder_needs_no_more_words_than_its_outcome(scene: CreditScene, outcome: str) -> None:
    order = await due_order(scene, f"ends {outcome}")
    dispute = (await scene.post("/v1/credit/disputes", {"entry": order, "text": WRONG}, scene.ann)).json["id"]
    ended = await scene.post(f"/v1/credit/disputes/{dispute}/resolve", {"outcome": outcome}, scene.switch.key)
    assert (ended.status, ended.json["status"], ended.json["resolution"]["text"]) == (200, outcome, "")
    assert ended.json["notices"][-1]["text"] == ended.json["resolution"]["meaning"]
