"""What disputes and reviews share: clocks of the law, who may see a case, what is still open."""

import msgspec

from rules.scenarios.law import PRESETS
from rules.vocabulary.times import time_ms
from tests.credit_scene import DAY_MS, credit_scene
from tests.disputes import WRONG, due_order
from tests.front_door import running_switch
from tests.score_batches import publish_card, publish_scores, score_row


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
