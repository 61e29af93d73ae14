"""A run is undone over HTTP: the scores before it hold again, once by run and wallet, and nothing that was deleted comes back."""

from typing import Any

import msgspec
import pyarrow as pa
import pytest

from rules.scenarios.law import PRESETS
from switch.api.services import Limits
from switch.gateway import arrow
from tests.credit_scene import CreditScene, credit_scene
from tests.disputes import resolved
from tests.front_door import Answer, RunningSwitch, running_switch
from tests.score_batches import publish_card, publish_scores, reported, score_row, stream

SCHEMA = pa.schema([("wallet", pa.binary(16)), ("undone", pa.int64()), ("run", pa.int64())])


async def undo(switch: RunningSwitch, wallets: list[str], undone: int, run: int, **more: Any) -> Answer:
    rows = [{"wallet": bytes.fromhex(wallet.replace("-", "")), "undone": undone, "run": run} for wallet in wallets]
    headers = {"Content-Type": arrow.CONTENT_TYPE}
    return await switch.call("POST", "/v1/scores/undo", data=stream(rows, SCHEMA), headers=headers, **more)


async def credit_of(scene: CreditScene, wallet: str) -> Any:
    return (await scene.get(f"/v1/wallets/{wallet}/credit", scene.switch.key)).json


async def test_wallets_have_the_scores_before_the_run_again(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        card = await publish_card(switch)
        first, second, never, kept, later = [await switch.wallet() for _ in range(5)]
        nobody = "00000000-0000-4000-8000-000000000000"
        reasons = [{"code": card.characteristics[0].reason, "gap": 31}]
        await publish_scores(
            switch, [score_row(each, 655, 6, reasons=reasons) for each in (first, second, kept, later)]
        )
        before = await credit_of(scene, first)
        await scene.ask(first)  # between the two scores on its chain
        await publish_scores(switch, [score_row(each, 500, 7) for each in (first, second, never, later)])
        await publish_scores(switch, [score_row(later, 510, 8)])

        asked = [first, second, never, kept, later, nobody, await switch.wallet("external")]
        lost = ("wallet_not_found", False)
        done = reported(await undo(switch, asked, 7, 9, key="undo-7"))
        assert done == [*[("ok", False)] * 3, ("ok", True), ("run_superseded", False), lost, lost]
        shown = await credit_of(scene, first)
        new = ("id", "run", "published_at")
        assert {**shown, **{name: before[name] for name in new}} == before and shown["run"] == 9
        none = await credit_of(scene, never)
        assert (none["score"], none["na_cause"], none["run"]) == (None, "withdrawn", 9)
        assert [(await credit_of(scene, each))["run"] for each in (kept, later)] == [6, 8], "as they were"
        history = (await scene.get(f"/v1/wallets/{first}/credit/history", scene.switch.key)).json["data"]
        assert [(each["score"], each["run"]) for each in history] == [(655, 9), (500, 7), (655, 6)]

        again = reported(await undo(switch, asked, 7, 9, key="undo-7"))
        assert again[:3] == [("ok", True)] * 3 and (await credit_of(scene, first))["id"] == shown["id"]
        assert reported(await publish_scores(switch, [score_row(first, 500, 7)])) == [("run_superseded", False)]
        back = reported(await undo(switch, [first, never], 9, 10))
        assert back == [("ok", False)] * 2, "an undo is a run, so it is undone as one"
        assert [(await credit_of(scene, each))["score"] for each in (first, never)] == [500, 500]


async def _deleted(scene: CreditScene, wallet: str, owner: str) -> str:
    """Have a dispute delete the wallet's score; the dispute's id."""
    score = (await scene.get(f"/v1/wallets/{wallet}/credit", owner)).json["id"]
    dispute: str = (await scene.post("/v1/credit/disputes", {"entry": score, "text": "Not me."}, owner)).json["id"]
    ended = await scene.post(f"/v1/credit/disputes/{dispute}/resolve", {"outcome": "deleted"}, scene.switch.key)
    assert ended.json["status"] == "deleted"
    return dispute


async def test_a_score_that_a_dispute_deleted_does_not_come_back(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await publish_card(switch)
        both = [scene.ann_wallet, scene.bob_wallet]
        await publish_scores(switch, [score_row(each, 655, 6) for each in both])
        await _deleted(scene, scene.ann_wallet, scene.ann)
        back = await _deleted(scene, scene.bob_wallet, scene.bob)
        why = {"text": "A court has found that it is his."}
        await scene.post(f"/v1/credit/disputes/{back}/reinsert", why, scene.switch.key)
        await publish_scores(switch, [score_row(each, 500, 7) for each in both])
        assert reported(await undo(switch, both, 7, 8)) == [("ok", False)] * 2
        ann, bob = [await credit_of(scene, each) for each in both]
        assert (ann["score"], ann["na_cause"]) == (None, "withdrawn")
        assert bob["score"] == 655, "it was brought back, with notice"
        await publish_scores(switch, [score_row(scene.ann_wallet, 510, 9)])
        await _deleted(scene, scene.ann_wallet, scene.ann)
        assert reported(await undo(switch, both[:1], 9, 10)) == [("ok", True)], "there is no score that could be undone"


async def _disputed(scene: CreditScene, score: str) -> str:
    body = {"entry": score, "text": "Not me."}
    opened = await scene.post("/v1/credit/disputes", body, scene.ann)
    assert opened.status == 201, opened.raw
    dispute: str = opened.json["id"]
    return dispute


async def test_a_score_that_is_disputed_does_not_hold_again(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await publish_card(switch)
        ann = scene.ann_wallet
        await publish_scores(switch, [score_row(ann, 655, 6)])
        dispute = await _disputed(scene, (await credit_of(scene, ann))["id"])
        await publish_scores(switch, [score_row(ann, 500, 7)])
        assert reported(await undo(switch, [ann], 7, 8)) == [("ok", False)]
        await resolved(scene, dispute, "deleted")
        shown = await credit_of(scene, ann)
        assert (shown["score"], shown["na_cause"]) == (None, "withdrawn")


@pytest.mark.parametrize("meanwhile", ["a later run", "a dispute"])
async def test_what_becomes_of_a_wallet_between_a_look_and_its_new_score_is_looked_at(
    database_url: str, meanwhile: str
) -> None:
    """The score of a run that was published meanwhile was lost, and one that was disputed meanwhile held again."""
    async with running_switch(database_url, shards=1, limits=Limits(deadline_s=60.0)) as switch:
        scene = await credit_scene(switch)
        await publish_card(switch)
        client: Any = switch.clients[0]
        ann = scene.ann_wallet
        await publish_scores(switch, [score_row(ann, 655, 6)])
        before = (await credit_of(scene, ann))["id"]
        await publish_scores(switch, [score_row(ann, 500, 7)])
        publish = client.publish

        async def publish_later(*arguments: Any) -> Any:
            client.publish = publish
            if meanwhile == "a dispute":
                await _disputed(scene, before)
            else:
                await publish_scores(switch, [score_row(ann, 510, 8)])
            return await publish(*arguments)

        client.publish = publish_later
        undone = reported(await undo(switch, [ann], 7, 9))
        shown = await credit_of(scene, ann)
        if meanwhile == "a dispute":
            assert (undone, shown["score"], shown["na_cause"]) == ([("ok", False)], None, "withdrawn")
        else:
            assert (undone, shown["score"]) == ([("run_superseded", False)], 510)


@pytest.mark.parametrize("which", ["older", "copy"])
async def test_a_score_does_not_hold_again_under_another_run_than_that_of_which_it_was_deleted(
    database_url: str, which: str
) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await publish_card(switch)
        ann = scene.ann_wallet
        await publish_scores(switch, [score_row(ann, 655, 6)])
        await publish_scores(switch, [score_row(ann, 500, 7)])
        await undo(switch, [ann], 7, 8)
        history = (await scene.get(f"/v1/wallets/{ann}/credit/history", scene.ann)).json["data"]
        assert [(each["score"], each["run"]) for each in history] == [(655, 8), (500, 7), (655, 6)]
        await publish_scores(switch, [score_row(ann, 510, 9)])
        dispute = await _disputed(scene, history[-1 if which == "older" else 0]["id"])
        await resolved(scene, dispute, "deleted")
        assert reported(await undo(switch, [ann], 9, 10)) == [("ok", False)]
        shown = await credit_of(scene, ann)
        assert (shown["score"], shown["na_cause"]) == (None, "withdrawn")


async def test_a_score_by_a_card_that_the_law_has_forbidden_since_does_not_hold_again(database_url: str) -> None:
    lawful = "wallet-without-relations"
    async with running_switch(database_url) as switch:
        wallet, other = [await switch.wallet() for _ in range(2)]
        await publish_card(switch)
        await publish_card(switch, lawful)
        parts = {"history": 160, "behaviour": 160, "ability": 160, "identity": 160, "relations": 0}
        without = {"card": f"{lawful}@1", "subtotals": parts}
        rows = [score_row(wallet, 655, 6), score_row(other, 640, 6, **without)]
        for row in rows:
            assert reported(await publish_scores(switch, [row])) == [("ok", False)]
    law = msgspec.structs.replace(PRESETS["cn"], relations=False)
    async with running_switch(database_url, law=law) as switch:
        for each in (wallet, other):
            await publish_scores(switch, [score_row(each, 640, 7, **without)])
        assert reported(await undo(switch, [wallet, other], 7, 8)) == [("ok", False)] * 2
        first, second = [(await switch.call("GET", f"/v1/wallets/{each}/credit")).json for each in (wallet, other)]
        assert (first["score"], first["na_cause"]) == (None, "withdrawn")
        assert (second["score"], second["run"]) == (640, 8)


in_session = pytest.mark.asyncio(loop_scope="session")


@in_session
@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([(7, 7)], "run"),
        ([(7, 6)], "run"),
        ([(0, 6)], "undone"),
        ([(1, 2**32)], "run"),
        ([(1, 3), (2, 3)], "undone"),
        ([(1, 3), (1, 4)], "run"),
    ],
)
async def test_what_cannot_be_undone_is_refused_by_its_field(
    scene: CreditScene, rows: list[tuple[int, int]], field: str
) -> None:
    wallet = bytes.fromhex(scene.ann_wallet.replace("-", ""))
    body = stream([{"wallet": wallet, "undone": undone, "run": run} for undone, run in rows], SCHEMA)
    headers = {"Content-Type": arrow.CONTENT_TYPE}
    refused = await scene.switch.call("POST", "/v1/scores/undo", data=body, headers=headers)
    assert (refused.status, [each["field"] for each in refused.json["errors"]]) == (422, [field]), refused.raw


@in_session
async def test_only_a_credit_team_undoes_and_only_in_arrow(scene: CreditScene) -> None:
    for token in (scene.ann, scene.inn):
        assert (await undo(scene.switch, [scene.ann_wallet], 1, 2, token=token)).json["code"] == "forbidden"
    headers = {"Content-Type": "application/json"}
    refused = await scene.switch.call("POST", "/v1/scores/undo", data=b"{}", headers=headers)
    assert refused.json["code"] == "unsupported_media_type"
