"""The points table and what-if over HTTP: a pencil gets the published score, and a change does what it was said to do."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

import pyarrow as pa

from actors.audit.audit import audit_database
from models.credit.what_if import INFLUENCED
from switch.api.services import PAGES_MAX
from tests.credit_scene import credit_scene
from tests.front_door import running_switch
from tests.score_batches import (
    SCHEMA,
    computed_row,
    publish_card,
    publish_scores,
    reported,
    score_row,
    some_features,
    stream,
    with_features,
)


async def test_a_holder_recomputes_the_score_and_a_change_gives_what_was_said(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        card = await publish_card(switch)
        features, schema = some_features(card), with_features(card)
        row = computed_row(card, scene.ann_wallet, features)
        rows = [row, score_row(scene.bob_wallet, 640, features=None)]
        assert reported(await publish_scores(switch, stream(rows, schema))) == [("ok", False)] * 2
        base = f"/v1/wallets/{scene.ann_wallet}/credit"
        table = (await scene.get(f"{base}/points", scene.ann)).json
        shown = (await scene.get(base, scene.ann)).json
        for field in ("score", "band", "subtotals", "reasons", "card", "run", "as_of"):
            assert table[field] == shown[field], field
        assert table["score"] == row["score"] == sum(line["points"] for line in table["lines"])
        for name, subtotal in table["subtotals"].items():
            assert subtotal == sum(line["points"] for line in table["lines"] if line["dimension"] == name)
        assert all(line["bins"][line["own"]]["points"] == line["points"] for line in table["lines"])

        better = {"payments_90d": 40, "lowest_balance_90d": 90_000.0}
        stated = (await scene.post(f"{base}/what-if", {"changes": better}, scene.ann)).json
        changed = {name: int(value) for name, value in better.items()}
        reported(
            await publish_scores(switch, stream([computed_row(card, scene.ann_wallet, features | changed, 2)], schema))
        )
        after = (await scene.get(base, scene.ann)).json
        assert stated == {field: after[field] for field in stated} and stated["score"] != shown["score"]
        same = (await scene.post(f"{base}/what-if", {"changes": {}}, scene.ann)).json
        assert same["score"] == after["score"]
        none = [score_row(scene.bob_wallet, None, 3, features=None)]
        assert reported(await publish_scores(switch, stream(none, schema))) == [("ok", False)], (
            "nothing is known of anybody in it"
        )
        without = await scene.get(f"/v1/wallets/{scene.bob_wallet}/credit/points", scene.bob)
        assert without.json["code"] == "features_not_published"
    assert (await audit_database(database_url)).differences == []


async def test_what_computes_for_long_waits_for_a_place_among_the_pages(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        pages, base = switch.services.pages, f"/v1/wallets/{scene.ann_wallet}/credit"
        for ask in (
            partial(scene.get, f"{base}/points", scene.ann),
            partial(scene.post, f"{base}/what-if", {"changes": {}}, scene.ann),
        ):
            async with AsyncExitStack() as others:
                for at in range(PAGES_MAX):
                    await others.enter_async_context(pages.place(1_000 + at))
                answer = asyncio.create_task(ask())
                while not pages._waiting and not answer.done():
                    await asyncio.sleep(0)
                assert not answer.done()
            assert (await answer).json["code"] == "features_not_published"


async def test_nobody_is_told_to_become_another_or_to_know_others(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        card = await publish_card(switch)
        await publish_scores(
            switch, stream([computed_row(card, scene.ann_wallet, some_features(card))], with_features(card))
        )
        path = f"/v1/wallets/{scene.ann_wallet}/credit/what-if"
        others = {item.feature for item in card.characteristics if item.dimension not in INFLUENCED}
        assert {"wallet_age_days", "counterparties_180d"} <= others
        for feature in (*sorted(others), "days_since_default", "shoe_size"):
            refused = await scene.post(path, {"changes": {feature: 5}}, scene.ann)
            assert refused.json["errors"][0]["field"] == f"changes.{feature}", refused.raw
        for value in ("many", None, True, [1]):
            refused = await scene.post(path, {"changes": {"payments_90d": value}}, scene.ann)
            assert refused.json["code"] == "invalid_field", value


async def test_features_that_do_not_give_the_score_are_not_published(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        card = await publish_card(switch)
        features, schema = some_features(card), with_features(card)
        row = computed_row(card, scene.ann_wallet, features)
        before = await switch.blocks()
        other = {**row["features"], "payments_90d": 10_000}
        wrong = {"features": other}, {"reasons": row["reasons"][:1]}
        for changes in wrong:
            refused = await publish_scores(switch, stream([{**row, **changes}], schema))
            assert refused.json["errors"][0]["field"] == "features[0]", refused.raw
        fewer = SCHEMA.append(pa.field("features", pa.struct([("payments_90d", pa.int64())])))
        refused = await publish_scores(switch, stream([row], fewer))
        assert refused.json["errors"][0]["field"] == "features"
        assert await switch.blocks() == before
