"""Disputes and reviews over HTTP: opened by the holder, answered by the source, decided by an analyst, in words, with notice."""

import asyncio
from typing import Any

import msgspec

from rules.scenarios.law import PRESETS
from switch.http.times import time_ms
from tests.credit_scene import DAY_MS, CreditScene, credit_scene
from tests.front_door import Answer, running_switch
from tests.score_batches import publish_card, publish_scores, score_row

WRONG = "I paid this in cash on 3 May, here is the receipt's number: 4711."


async def due_order(scene: CreditScene, number: str = "A1") -> str:
    """An order of Ann's whose bill she cannot pay."""
    await scene.consent()
    order: str = (await scene.order(number=number)).json["id"]
    await scene.do(order, "confirm", scene.ann)
    due = await scene.do(order, "complete", scene.inn, items=[{"name": "Room", "amount": 9_000}])
    assert due.json["status"] == "due"
    return order


async def seen(scene: CreditScene, dispute: str, status: str, token: str = "") -> Any:
    """The dispute, once it has this status: its shard's own clock takes a moment."""
    for _ in range(200):
        found = (await scene.get(f"/v1/credit/disputes/{dispute}", token or scene.ann)).json
        if found["status"] == status:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(found)


async def resolved(scene: CreditScene, dispute: str, outcome: str, key: str | None = None, **more: str) -> Answer:
    """What an analyst's answer gives."""
    body = {"outcome": outcome, "text": "The bank's statement shows it.", **more}
    return await scene.post(f"/v1/credit/disputes/{dispute}/resolve", body, scene.switch.key, key)


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


async def test_an_inquiry_is_disputed_and_a_decision_looked_at_by_a_person(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await scene.consent()
        scene.scored(scene.ann_wallet, 400)
        no = (await scene.ask(amount=5_000)).json
        assert no["result"] == "no"
        receipt, path = no["receipt"], "/v1/credit/reviews"
        opened = await scene.post(path, {"receipt": receipt, "text": "I earn more now."}, scene.ann)
        assert (opened.status, opened.json["status"], opened.json["overdue"]) == (201, "open", False)
        assert opened.json["due_at"] > opened.json["opened_at"]
        review = opened.json["id"]
        other = await scene.post(path, {"receipt": receipt, "text": "Please."}, scene.ann)
        assert other.json["code"] == "case_exists"
        for token in (switch.key, scene.inn, scene.ann):
            query = f"?wallet={scene.ann_wallet}" if token == scene.ann else ""
            (listed,) = (await scene.get(path + query, token)).json["data"]
            assert (listed["id"], listed["text"]) == (review, "I earn more now.")
        assert "review" not in (await scene.get(f"/v1/credit/decisions/{receipt}", scene.inn)).json
        stated = {"outcome": "overturned", "text": "Her new contract was not known then."}
        assert (await scene.post(f"{path}/{review}/resolve", stated, scene.inn)).json["code"] == "forbidden"
        done = (await scene.post(f"{path}/{review}/resolve", stated, switch.key)).json
        assert (done["status"], done["resolution"]["by"]) == ("overturned", "tests")
        assert (await scene.post(f"{path}/{review}/resolve", stated, switch.key)).json["code"] == "case_not_open"
        assert (await scene.get(path, switch.key)).json["data"] == []
        reported = (await scene.get(f"/v1/credit/decisions/{receipt}", scene.ann)).json
        assert stated["text"] in reported["review"]["notices"][0]["text"]
        assert (await scene.get(f"/v1/credit/decisions/{receipt}", scene.inn)).json["review"] == "overturned"
        late = await scene.post(path, {"receipt": receipt, "text": "Once more."}, scene.ann)
        assert late.json["code"] == "case_exists", "a decision is looked at once"

        asked = await scene.post("/v1/credit/disputes", {"entry": receipt, "text": "I never asked."}, scene.ann)
        assert (asked.json["entry_kind"], asked.json["source"]) == ("inquiry", "inn")
        (beside,) = (await scene.get(f"/v1/credit/decisions/{receipt}", scene.ann)).json["disputes"]
        assert beside["id"] == asked.json["id"]


async def test_clocks_and_what_is_offered_are_those_of_the_configured_law(database_url: str) -> None:
    law = msgspec.structs.replace(PRESETS["us"], human_review=False, relations=False)
    async with running_switch(database_url, law=law) as switch:
        scene = await credit_scene(switch)
        order = await due_order(scene)
        opened = (await scene.post("/v1/credit/disputes", {"entry": order, "text": WRONG}, scene.ann)).json
        opened_at, due_at, forward_by = (day(opened[name]) for name in ("opened_at", "due_at", "forward_by"))
        assert (round(due_at - opened_at), round(forward_by - opened_at)) == (30, 5)
        assert opened["status"] == "open", "five days to pass it on; an analyst may be faster"
        path = f"/v1/credit/disputes/{opened['id']}/forward"
        forwarded = await scene.post(path, {}, switch.key)
        assert (forwarded.json["status"], forwarded.json["due_at"]) == ("forwarded", opened["due_at"])
        assert (await scene.post(path, {}, switch.key)).json["code"] == "case_not_open"
        receipt = (await scene.ask(amount=100)).json["receipt"]
        review = await scene.post("/v1/credit/reviews", {"receipt": receipt, "text": "Please."}, scene.ann)
        assert (review.json["code"], "human_review" in review.json["detail"]) == ("forbidden", True)
        await publish_card(switch)
        published = await publish_scores(switch, [score_row(scene.ann_wallet, 655, 7)])
        assert "credit.relations" in published.json["errors"][0]["message"], "whom she pays may not count here"


def day(text: str) -> float:
    """Days since 1970 of an answer's time."""
    return time_ms(text) / DAY_MS
