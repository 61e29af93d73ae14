"""A holder reads the published score of a wallet, and why there is none."""

import numpy as np

from actors.records.credit_layout import SCORE
from actors.records.ids import Secret, decode_wallet
from actors.records.layout import Kind
from switch.http.times import now_ms
from tests.credit_scene import credit_scene
from tests.front_door import SECRET, running_switch


async def test_a_holder_sees_the_published_score_with_its_subtotals_and_why_there_is_none(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        (client,) = switch.clients
        ann, bob = (decode_wallet(Secret.of(SECRET), wallet) for wallet in (scene.ann_wallet, scene.bob_wallet))
        scores = np.zeros(2, SCORE)
        scores["kind"], scores["holder"], scores["run"], scores["as_of"] = Kind.SCORE, (ann, bob), 7, now_ms() - 1_000
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
