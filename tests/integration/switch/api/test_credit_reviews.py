"""Reviews over HTTP: a person looks again at a decision, once, and the holder gets notice."""

from typing import Any

import pytest

from tests.credit_scene import CreditScene, credit_scene
from tests.front_door import running_switch


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


in_session = pytest.mark.asyncio(loop_scope="session")
REVIEWS = "/v1/credit/reviews"
NOBODY = "00003000-0f18-86a7-a655-811d7f69def9"


@in_session
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "Please."}, "receipt"),
        ({"receipt": 7, "text": "Please."}, "receipt"),
        ({"receipt": NOBODY, "text": ""}, "text"),
        ({"receipt": NOBODY, "text": "x" * 2_001}, "text"),
        ({"receipt": NOBODY, "text": "Please.", "score": 900}, "score"),
    ],
)
async def test_what_no_review_can_say_is_refused_by_its_field(scene: CreditScene, body: Any, field: str) -> None:
    refused = await scene.post(REVIEWS, body, scene.ann)
    assert (refused.status, [each["field"] for each in refused.json["errors"]]) == (422, [field]), refused.raw


@in_session
async def test_a_review_is_of_ones_own_receipt_and_seen_by_its_parties_alone(scene: CreditScene) -> None:
    await scene.consent()
    receipt = (await scene.ask(amount=100)).json["receipt"]
    asked = {"receipt": receipt, "text": "Look again."}
    for token, code in ((scene.bob, "receipt_not_found"), (scene.inn, "forbidden"), (scene.shop, "forbidden")):
        assert (await scene.post(REVIEWS, asked, token)).json["code"] == code
    assert (await scene.post(REVIEWS, {**asked, "receipt": NOBODY}, scene.ann)).json["code"] == "receipt_not_found"
    opened = await scene.post(REVIEWS, asked, scene.ann, "r1")
    path = f"{REVIEWS}/{opened.json['id']}"
    assert opened.headers["Location"] == path
    again = await scene.post(REVIEWS, asked, scene.ann, "r1")
    assert (again.json["id"], again.json["replayed"]) == (opened.json["id"], True)
    for stranger in (scene.bob, scene.shop):
        assert (await scene.get(path, stranger)).json["code"] == "case_not_found"
    assert (await scene.get(f"{REVIEWS}?wallet={scene.ann_wallet}", scene.bob)).json["code"] == "wallet_not_found"
    outcome = {"outcome": "deleted", "text": "x"}
    wrong = await scene.post(f"{path}/resolve", outcome, scene.switch.key)
    assert (wrong.status, wrong.json["errors"][0]["field"]) == (422, "outcome"), "that is a dispute's outcome"
    assert (await scene.get(path, scene.ann)).json["status"] == "open"
