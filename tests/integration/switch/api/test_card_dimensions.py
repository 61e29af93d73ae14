"""A scenario sees a dimension only where the score's card has it."""

from actors.database.pool import StoreUnavailable
from actors.stores.rule_packs import PackStore, StoredCard
from switch.api.card_dimensions import CardDimensions
from tests.credit_scene import credit_scene
from tests.front_door import running_switch
from tests.score_batches import publish_card, publish_scores, reported, score_row

HAS = frozenset({"history", "behaviour", "ability", "identity"})
NEW = "wallet-without-relations"


async def test_a_dimension_that_the_card_does_not_have_is_null_for_a_scenario(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        text = (await switch.call("GET", "/v1/scenarios/hotel")).json["text"].partition("tests:")[0]
        text = text.replace("data: [score, orders]", "data: [score, orders, relations]")
        text = text.replace("score >= 600", "score >= 600 && (relations == null || relations >= 100)")
        assert (await switch.call("PUT", "/v1/scenarios/hotel", {"text": text})).json["version"] == 2
        await scene.consent()
        for name in ("wallet", NEW):
            await publish_card(switch, name)
        parts = {**dict.fromkeys(HAS, 160), "relations": 0}
        answers = []
        for run, card in enumerate((f"{NEW}@1", "wallet@1", f"{NEW}@1"), 1):
            row = score_row(scene.ann_wallet, 640, run, card=card, subtotals=parts)
            assert reported(await publish_scores(switch, [row])) == [("ok", False)]
            answers.append((await scene.ask(amount=100)).json["result"])
        assert answers == ["yes", "no", "yes"], "0 points of a dimension that the card has are 0"


async def test_what_was_read_of_a_card_stays_and_a_number_of_none_is_asked_for_again(database_url: str) -> None:
    class Counting(PackStore):
        asked: int = 0

        async def card_numbered(self, number: int) -> StoredCard | None:
            if self.asked == 2:
                raise StoreUnavailable
            self.asked += 1
            return await super().card_numbered(number)

    async with running_switch(database_url) as switch:
        await publish_card(switch, NEW)
        store = Counting(switch.pool)
        found = await store.card_number(NEW, 1)
        assert found is not None
        dimensions = CardDimensions(store)
        assert await dimensions.of(found[0] + 1) == frozenset()
        assert [await dimensions.of(found[0]) for _ in range(3)] == [HAS] * 3 and store.asked == 2
