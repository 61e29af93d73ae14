"""A copy of one's own data: everything, by pages, for its holder alone."""

from typing import Any

import pytest

from tests.credit_scene import CreditScene, credit_scene
from tests.disputes import WRONG, due_order
from tests.front_door import running_switch


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
