"""CFPB v. Experian, 7 January 2025: disputes not passed on in time, generic codes, the source believed blindly, unclear answers, silent
reinsertion. Each is a test."""

from collections.abc import AsyncIterator

import pytest

from actors.records.layout import Kind
from rules.scenarios.law import PRESETS, CreditLaw
from tests.credit_scene import CreditScene, credit_scene
from tests.disputes import WRONG, due_order, resolved, seen
from tests.front_door import running_switch
from tests.unit.actors.shard.one_shard import DAY_MS, OneShard


@pytest.fixture
async def scene(database_url: str) -> AsyncIterator[CreditScene]:
    async with running_switch(database_url) as switch:
        yield await credit_scene(switch)


_NUMBERS = iter(range(1_000))


async def disputed(scene: CreditScene) -> tuple[str, str]:
    """Ids of a new order and of its dispute."""
    order = await due_order(scene, number=f"N{next(_NUMBERS)}")
    opened = await scene.post("/v1/credit/disputes", {"entry": order, "text": WRONG}, scene.ann)
    assert opened.status == 201, opened.raw
    dispute: str = opened.json["id"]
    return order, dispute


@pytest.mark.parametrize("law", PRESETS.values(), ids=PRESETS)
def test_disputes_are_passed_on_in_time_and_end_in_time_though_nobody_does_anything(law: CreditLaw) -> None:
    shard = OneShard()
    holder, opened_at = shard.wallet(), shard.now
    due, forward_by = opened_at + law.dispute_days * DAY_MS, opened_at + law.forward_hours * 3_600_000
    shard.credit(Kind.DISPUTE_OPENED, holder, reference=77, expiry=due, confirm_by=forward_by)
    shard.wait(forward_by - shard.now)
    (passed_on,) = shard.records()[shard.records()["kind"] == Kind.DISPUTE_FORWARDED]
    assert passed_on["record_time"] - opened_at <= 5 * DAY_MS
    shard.wait(due - shard.now)
    assert shard.kinds()[-1] == Kind.DISPUTE_RESOLVED and shard.state(holder)["credit"]["disputed"] == 0


async def test_the_source_gets_the_holders_own_words_and_no_code_for_them(scene: CreditScene) -> None:
    order, dispute = await disputed(scene)
    shown = await seen(scene, dispute, "forwarded", scene.inn)
    assert (shown["text"], shown["entry"]) == (WRONG, order)
    empty = await scene.post("/v1/credit/disputes", {"entry": order, "text": ""}, scene.ann)
    assert empty.json["errors"][0]["field"] == "text", "nor can a dispute have no words"


async def test_what_a_source_says_decides_nothing(scene: CreditScene) -> None:
    _, dispute = await disputed(scene)
    stated = {"outcome": "kept", "text": "It is owed."}
    answered = await scene.post(f"/v1/credit/disputes/{dispute}/answer", stated, scene.inn)
    assert answered.json["status"] == "answered" and "resolution" not in answered.json
    own = await scene.post(f"/v1/credit/disputes/{dispute}/resolve", stated, scene.inn)
    assert own.json["code"] == "forbidden"
    assert (await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit", scene.ann)).json["disputed"] is True
    assert (await resolved(scene, dispute, "deleted")).json["status"] == "deleted", "against its word"
    _, silent = await disputed(scene)
    assert (await resolved(scene, silent, "kept")).json["code"] == "case_unanswered", "nor does its silence"


async def test_an_answer_says_what_was_decided_why_by_whom_and_what_it_does(scene: CreditScene) -> None:
    order, dispute = await disputed(scene)
    for body in ({"outcome": "kept"}, {"outcome": "kept", "text": ""}, {"outcome": "done", "text": "x"}):
        unclear = await scene.post(f"/v1/credit/disputes/{dispute}/resolve", body, scene.switch.key)
        assert unclear.json["code"] == "invalid_field", body
    await scene.post(f"/v1/credit/disputes/{dispute}/answer", {"outcome": "kept", "text": "Owed."}, scene.inn)
    await resolved(scene, dispute, "kept", statement="I still say that I paid.")
    kept = (await scene.get(f"/v1/credit/disputes/{dispute}", scene.ann)).json
    shown = kept["resolution"]
    assert (shown["outcome"], shown["by"], kept["statement"]) == ("kept", "tests", "I still say that I paid.")
    assert shown["text"] and shown["meaning"] and shown["at"] <= kept["due_at"]
    assert shown["text"] in kept["notices"][-1]["text"] and shown["meaning"] in kept["notices"][-1]["text"]
    (beside,) = (await scene.get(f"/v1/credit/orders/{order}", scene.inn)).json["disputes"]
    assert beside["statement"] == kept["statement"], "whoever reads the order reads the statement"


async def test_nothing_that_was_deleted_comes_back_silently(scene: CreditScene) -> None:
    order, dispute = await disputed(scene)
    path, why = f"/v1/credit/disputes/{dispute}/reinsert", {"text": "A court has found that it is owed."}
    assert (await scene.post(path, why, scene.switch.key)).json["code"] == "case_not_open"
    await resolved(scene, dispute, "deleted")
    assert (await scene.post(path, {}, scene.switch.key)).json["code"] == "invalid_field", "it needs a reason"
    first, second = [await scene.post(path, why, scene.switch.key) for _ in range(2)]
    assert first.json["status"] == "reinserted" and second.json["replayed"] is True
    assert (await scene.post(path, {"text": "again"}, scene.switch.key)).json["code"] == "case_not_open"
    notices = (await seen(scene, dispute, "reinserted"))["notices"]
    assert why["text"] in notices[-1]["text"] and len(notices) == 3
    events = (await scene.get("/v1/events?types=credit.dispute_reinserted", scene.switch.key)).json["data"]
    assert len(events) == 1
    again = await scene.post("/v1/credit/disputes", {"entry": order, "text": "Not true."}, scene.ann)
    assert again.status == 201, "what is back can be disputed again"
