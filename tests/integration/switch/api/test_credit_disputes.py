"""Disputes over HTTP: opened by the holder, answered by the source, decided by an analyst, in words, with notice."""

from tests.credit_scene import credit_scene
from tests.disputes import WRONG, due_order, resolved, seen
from tests.front_door import running_switch


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
