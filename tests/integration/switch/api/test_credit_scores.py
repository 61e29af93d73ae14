"""Scores published over HTTP: by row, once by run and wallet; what does not add up is refused before anything is published."""

from typing import Any

import pytest

from actors.database.pool import Pool
from actors.rpc.interface import ShardUnavailable
from tests.credit_scene import CreditScene, credit_scene
from tests.front_door import running_switch
from tests.score_batches import publish_card, publish_scores, reported, score_row, stream


async def test_a_batch_of_scores_is_what_holders_see_once_by_run_and_wallet(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        card = await publish_card(switch)
        bank = await switch.wallet("external")
        codes = list(dict.fromkeys(item.reason for item in card.characteristics))
        reasons = [{"code": codes[9], "gap": 31}, {"code": codes[0], "gap": 8}]
        nobody = "00000000-0000-4000-8000-000000000000"
        rows = [
            score_row(scene.ann_wallet, 655, 7, reasons=reasons),
            score_row(nobody, 600, 7),
            score_row(scene.bob_wallet, None, 7),
            score_row(bank, 600, 7),
        ]
        first = reported(await publish_scores(switch, rows, key="run-7"))
        lost = ("wallet_not_found", False)
        assert first == [("ok", False), lost, ("ok", False), lost]
        assert reported(await publish_scores(switch, rows, key="run-7")) == [("ok", True), lost, ("ok", True), lost]
        other = await publish_scores(switch, rows[:1], key="run-7")
        assert other.json["code"] == "idempotency_mismatch"
        shown = (await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit", scene.ann)).json
        assert (shown["score"], shown["band"], shown["card"], shown["run"]) == (655, "very_good", "wallet@1", 7)
        assert shown["reasons"] == reasons and sum(shown["subtotals"].values()) == 655
        none = (await scene.get(f"/v1/wallets/{scene.bob_wallet}/credit", scene.bob)).json
        assert (none["score"], none["na_cause"]) == (None, "few_days")
        later = [score_row(scene.ann_wallet, 700, 8), score_row(scene.ann_wallet, 701, 8)]
        assert reported(await publish_scores(switch, later)) == [("ok", False), ("ok", True)]
        assert reported(await publish_scores(switch, rows[:1])) == [("run_superseded", False)]
        await _deleted(scene)


async def _deleted(scene: CreditScene) -> None:
    """A score that a dispute deletes is none; those before it are told yet."""
    credit = f"/v1/wallets/{scene.ann_wallet}/credit"
    score = (await scene.get(credit, scene.ann)).json["id"]
    body = {"entry": score, "text": "That is not me."}
    dispute = (await scene.post("/v1/credit/disputes", body, scene.ann)).json
    assert (dispute["entry_kind"], dispute["source"], dispute["status"]) == ("score", None, "open")
    path = f"/v1/credit/disputes/{dispute['id']}"
    assert (await scene.post(f"{path}/forward", {}, scene.switch.key)).json["code"] == "case_not_open"
    await scene.post(f"{path}/resolve", {"outcome": "deleted", "text": "Mixed up."}, scene.switch.key)
    none = (await scene.get(credit, scene.ann)).json
    assert (none["score"], none["na_cause"], "id" in none) == (None, "not_scored", False)
    history = (await scene.get(f"{credit}/history", scene.ann)).json["data"]
    assert [each["score"] for each in history] == [700, 655]


WRONG: dict[str, dict[str, Any]] = {
    "score[1]": {"score": 951},
    "subtotals[1]": {"score": 656},
    "na_cause[1]": {"na_cause": "few_days"},
    "reasons": {"reasons": [{"code": "BLOOD", "gap": 1}]},
    "reasons[1]": {"reasons": [{"code": "PAYMENTS_90D", "gap": 0}]},
    "run": {"run": 2},
    "card": {"card": "wallet-without-relations@1"},
}
TWICE = {"reasons": [{"code": "PAYMENTS_90D", "gap": 1}] * 2}
MANY = {"reasons": [{"code": "PAYMENTS_90D", "gap": 1}] * 5}
UNSCORED: list[dict[str, Any]] = [
    {"na_cause": None},
    {"na_cause": "bad_luck"},
    {"subtotals": dict.fromkeys(("history", "behaviour", "ability", "identity", "relations"), 1)},
    {"reasons": [{"code": "PAYMENTS_90D", "gap": 1}]},
]


async def test_what_does_not_add_up_is_refused_whole_and_names_the_column(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        good = score_row(scene.bob_wallet, 640)
        missing = await publish_scores(switch, [good])
        assert missing.json["code"] == "scorecard_not_found"
        assert missing.json["detail"].startswith("There is no scorecard 'wallet@")
        await publish_card(switch)
        before = await switch.blocks()
        scored = [*WRONG.items(), ("reasons[1]", TWICE), ("reasons[1]", MANY)]
        for field, changes in scored:
            row = {**score_row(scene.ann_wallet, 655), **changes}
            answer = await publish_scores(switch, [good, row])
            assert answer.json["errors"][0]["field"] == field, (changes, answer.raw)
        for changes in UNSCORED:
            answer = await publish_scores(switch, [good, {**score_row(scene.ann_wallet, None), **changes}])
            assert answer.json["code"] == "invalid_field", changes
        for label in ("wallet", "wallet@x", "@1"):
            answer = await publish_scores(switch, [{**good, "card": label}])
            assert answer.json["errors"][0]["field"] == "card"
        assert (await publish_scores(switch, stream([good])[:-40])).json["code"] == "malformed_arrow"
        headers = {"Content-Type": "application/json"}
        answer = await switch.call("POST", "/v1/scores/batch", data=b"{}", headers=headers)
        assert answer.json["code"] == "unsupported_media_type"
        assert await switch.blocks() == before
        assert reported(await publish_scores(switch, [good, {**score_row(scene.ann_wallet, 655), "as_of": 2**44}])) == [
            ("ok", False),
            ("invalid_request", False),
        ], "a time to come is the shard's to refuse"


async def test_an_answer_that_is_lost_is_asked_for_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        await publish_card(switch)
        (client,) = switch.clients
        publish, calls = client.publish, []

        async def losing(*given: Any) -> Any:
            answer = await publish(*given)
            calls.append(len(given[0]))
            if len(calls) == 1:
                raise ShardUnavailable(False)
            return answer

        monkeypatch.setattr(client, "publish", losing)
        rows = [score_row(scene.ann_wallet, 655), score_row(scene.bob_wallet, 600)]
        assert reported(await publish_scores(switch, rows)) == [("ok", True)] * 2
        assert calls == [2, 2]


async def test_a_batch_during_which_a_standby_was_promoted_is_to_be_sent_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its first calls stored the standby may lack; what its last ones stored tells nothing of that."""
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await publish_card(switch)
        rows = [score_row(scene.ann_wallet, 655, 7)]
        timelines = [1, 2, 2, 2]

        async def timeline(_: Pool) -> int:
            return timelines.pop(0)

        monkeypatch.setattr(Pool, "timeline", timeline)
        refused = await publish_scores(switch, rows)
        assert (refused.status, refused.json["code"], refused.json["retryable"]) == (503, "database_unavailable", True)
        assert reported(await publish_scores(switch, rows)) == [("ok", True)] and not timelines


async def test_a_holder_reads_all_scores_newest_first_page_by_page(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        await publish_card(switch)
        path = f"/v1/wallets/{scene.ann_wallet}/credit/history"
        empty = (await scene.get(path, scene.ann)).json
        assert empty == {"data": [], "has_more": False, "next": None}
        for run in range(1, 6):
            score = None if run == 1 else 600 + run
            assert reported(await publish_scores(switch, [score_row(scene.ann_wallet, score, run)])) == [("ok", False)]
            await scene.consent()
        await publish_scores(switch, [score_row(scene.bob_wallet, 700, 9)])
        runs, page = [], (await scene.get(f"{path}?limit=2", scene.ann)).json
        while True:
            runs += [(each["run"], each["score"]) for each in page["data"]]
            if not page["has_more"]:
                break
            page = (await scene.get(f"{path}?limit=2&after={page['next']}", scene.ann)).json
        assert runs == [(5, 605), (4, 604), (3, 603), (2, 602), (1, None)] and len(page["data"]) == 1
        first = (await scene.get(f"{path}?limit=2", scene.ann)).json
        bobs = await scene.get(f"/v1/wallets/{scene.bob_wallet}/credit/history?after={first['next']}", scene.bob)
        assert bobs.json["code"] == "invalid_query", "a cursor is for its own list"


async def test_a_page_of_scores_looks_at_so_many_records_and_goes_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.views.credit_records.STEPS_MAX", 2)
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        await publish_card(switch)
        for run in (1, 2):
            await publish_scores(switch, [score_row(scene.ann_wallet, 600 + run, run)])
            for _ in range(3):
                await scene.consent()
        path, runs, pages = f"/v1/wallets/{scene.ann_wallet}/credit/history", [], 0
        page = (await scene.get(path, scene.ann)).json
        while True:
            runs += [each["run"] for each in page["data"]]
            pages += 1
            if not page["has_more"]:
                break
            page = (await scene.get(f"{path}?after={page['next']}", scene.ann)).json
        assert runs == [2, 1] and pages == 3
