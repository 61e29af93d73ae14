"""A holder reads the published score of a wallet, and why there is none."""

import numpy as np
import pytest

from actors.records.credit_layout import SCORE_ROW
from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from switch.http.times import now_ms
from tests.credit_scene import CreditScene, credit_scene
from tests.front_door import SECRET, running_switch


async def test_a_holder_sees_the_published_score_with_its_subtotals_and_why_there_is_none(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        (client,) = switch.clients
        ann, bob = (decode_wallet(Secret.of(SECRET), wallet) for wallet in (scene.ann_wallet, scene.bob_wallet))
        scores = np.zeros(2, SCORE_ROW)
        scores["holder"], scores["run"], scores["as_of"] = (ann, bob), 7, now_ms() - 1_000
        scores["score"], scores["cause"] = (655, 0), (0, 2)
        scores["subtotals"][0] = (150, 140, 130, 120, 115)
        published = await client.publish(scores, {})
        assert published["code"].tolist() == [0, 0]
        shown = (await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit", scene.ann)).json
        assert (shown["score"], shown["band"], shown["run"]) == (655, "very_good", 7)
        assert sum(shown["subtotals"].values()) == 655 and shown["orders"]["open"] == 0 and not shown["disputed"]
        none = (await scene.get(f"/v1/wallets/{scene.bob_wallet}/credit", scene.bob)).json
        assert (none["score"], none["na_cause"]) == (None, "few_payments") and "subtotals" not in none
        await scene.consent()
        assert (await scene.ask(amount=100)).json["result"] == "yes", "decisions rest on what is published"


in_session = pytest.mark.asyncio(loop_scope="session")


@in_session
@pytest.mark.parametrize("what", ["credit", "credit/inquiries", "credit/history"])
async def test_only_who_speaks_for_the_holder_reads_about_the_wallet(scene: CreditScene, what: str) -> None:
    path = f"/v1/wallets/{scene.ann_wallet}/{what}"
    assert (await scene.get(path, scene.ann)).status == 200
    assert (await scene.get(path, scene.bob)).json["code"] == "wallet_not_found"
    for stranger in (scene.inn, scene.shop):
        assert (await scene.get(path, stranger)).json["code"] == "forbidden"
    nobody = path.replace(scene.ann_wallet, "00003000-0f18-86a7-a655-811d7f69def9")
    assert (await scene.get(nobody, scene.ann)).json["code"] == "wallet_not_found"


@in_session
async def test_an_operator_wallet_has_no_credit_and_a_new_one_is_not_scored(scene: CreditScene) -> None:
    bank = await scene.switch.wallet("external")
    assert (await scene.get(f"/v1/wallets/{bank}/credit", scene.switch.key)).json["code"] == "wallet_not_found"
    new = (await scene.get(f"/v1/wallets/{scene.bob_wallet}/credit", scene.bob)).json
    assert (new["score"], new["band"], new["na_cause"], new["orders"]["open"]) == (None, None, "not_scored", 0)
    assert "subtotals" not in new and "card" not in new
    refused = await scene.get(f"/v1/wallets/{scene.bob_wallet}/credit?as_of=now", scene.bob)
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "as_of")
