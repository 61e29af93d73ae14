"""A copy of one's own data: everything, by pages, for its holder alone."""

from typing import Any

import pytest

from actors.stores.erasure import ErasureStore
from tests.credit_scene import CreditScene, credit_scene
from tests.disputes import WRONG, due_order
from tests.front_door import running_switch
from tests.score_batches import publish_card, publish_scores, reported, score_row


async def test_a_copy_has_all_records_with_their_texts_by_pages(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        order = await due_order(scene)
        dispute = (await scene.post("/v1/credit/disputes", {"entry": order, "text": WRONG}, scene.ann)).json["id"]
        path = f"/v1/wallets/{scene.ann_wallet}/data"
        first = (await scene.get(f"{path}?limit=3", scene.ann)).json
        assert (first["wallet"]["id"], first["wallet"]["owner"]) == (scene.ann_wallet, "ann")
        assert (first["credit"]["score"], first["credit"]["open"], first["credit"]["disputed"]) == (640, 1, 1)
        records: list[Any] = first["data"]
        page = first
        while page["has_more"]:
            page = (await scene.get(f"{path}?limit=3&after={page['next']}", scene.ann)).json
            assert "wallet" not in page and len(page["data"]) <= 3
            records += page["data"]
        kinds = [each["kind"] for each in reversed(records)]
        assert kinds[:5] == ["consent_granted", "inquiry", "order_created", "order_confirmed", "order_completed"]
        by_kind = {each["kind"]: each for each in records}
        assert by_kind["dispute_opened"]["details"] == {"text": WRONG}
        assert (by_kind["dispute_opened"]["data"]["id"], by_kind["dispute_opened"]["data"]["of"]) == (dispute, order)
        assert by_kind["order_created"]["details"]["introduction"] == "Room 12, two nights"
        assert (by_kind["inquiry"]["merchant"], by_kind["inquiry"]["scenario"]) == ("inn", "hotel")
        assert by_kind["inquiry"]["data"]["score"] == 640
        assert (by_kind["inquiry"]["version"], by_kind["inquiry"]["disputed"]) == (1, False)
        assert (by_kind["consent_granted"]["version"], by_kind["consent_granted"]["standing"]) == (1, False)
        created = by_kind["order_created"]
        shown = (await scene.get(f"/v1/credit/orders/{order}", scene.inn)).json
        assert (created["order_kind"], created["confirm_by"]) == (shown["kind"], shown["confirm_by"])
        assert created["default_days"] > 0 and by_kind["dispute_opened"]["forward_by"]
        scene.scored(scene.ann_wallet, 400, disputed=1)
        no = (await scene.ask(amount=100)).json
        newest = (await scene.get(f"{path}?limit=1", scene.ann)).json["data"][0]
        assert no["reasons"] == newest["reasons"] and newest["disputed"] is True
        empty = (await scene.get(f"/v1/wallets/{scene.bob_wallet}/data", scene.bob)).json
        assert (empty["data"], empty["has_more"]) == ([], False)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_copy_is_given_to_the_holder_alone_in_pages_that_there_are(scene: CreditScene) -> None:
    path = f"/v1/wallets/{scene.ann_wallet}/data"
    assert (await scene.get(path, scene.bob)).json["code"] == "wallet_not_found"
    for stranger in (scene.inn, scene.shop):
        assert (await scene.get(path, stranger)).json["code"] == "forbidden"
    for query in ("limit=0", "limit=101", "after=x", "format=pdf"):
        refused = await scene.get(f"{path}?{query}", scene.ann)
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, query.partition("=")[0])


ERASED_AND_COPIED = {
    "replace": "details",
    "erase_profile": "wallet",
    "has_profile": "wallet",
    "erase_numbers": "details",
    "payments": "payments",
    "erase_sent": "administrators",
    "erase_proposals": "proposals",
    "erase_answers": "snoozes",
    "noted_cases": "notes",
}
"""By what an erasure does: where what it is of stands in a copy, or the word by which the copy names it as left out."""
READING = {"details", "newest_block"}


@pytest.mark.asyncio(loop_scope="session")
async def test_what_an_erasure_counts_as_a_persons_is_in_the_copy_or_named_as_left_out(scene: CreditScene) -> None:
    does = {name for name in vars(ErasureStore) if not name.startswith("_")}
    assert does - READING == set(ERASED_AND_COPIED)
    await scene.consent()
    await scene.order("", "L1")
    copy = (await scene.get(f"/v1/wallets/{scene.ann_wallet}/data", scene.ann)).json
    left_out = " ".join(each["what"] for each in copy["left_out"])
    fields = {*copy, *(name for each in copy["data"] for name in each)}
    for what, where in ERASED_AND_COPIED.items():
        assert where in fields or where in left_out, what


async def test_a_copy_has_no_subtotal_of_a_dimension_that_the_card_lacks(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        await publish_card(switch, "wallet-without-relations")
        parts = {"history": 160, "behaviour": 160, "ability": 160, "identity": 160, "relations": 0}
        row = score_row(scene.ann_wallet, 640, card="wallet-without-relations@1", subtotals=parts)
        assert reported(await publish_scores(switch, [row])) == [("ok", False)]
        copy = (await scene.get(f"/v1/wallets/{scene.ann_wallet}/data", scene.ann)).json
        del parts["relations"]
        assert copy["credit"]["subtotals"] == parts == copy["data"][0]["score"]["subtotals"]
