"""Why a payment was decided so: every rule's value and the card's points as the journal gives them again, which is what was recorded."""

from typing import Any

import pytest

from actors.stores.api_keys import KeyStore
from switch.console.scorecards import EXAMPLE
from tests.front_door import RunningSwitch, running_switch
from tests.payments import funded

pytestmark = pytest.mark.asyncio

PACK = """name: explained
fallback: approve
card: corner-shop@1
rules:
  - {id: large, when: amount > 500, action: review, reason: LARGE, points: -3}
  - {id: abroad, when: country == "FI", action: decline, reason: ABROAD, mode: shadow}
  - {id: listed, when: device in lists.stolen, action: decline, reason: STOLEN}
lists:
  stolen: {kept: stolen}
"""


async def explained(switch: RunningSwitch, payment: str, token: str | None = None) -> Any:
    return await switch.call("POST", f"/v1/transfers/{payment}/explanation", {}, token=token)


async def published(switch: RunningSwitch) -> None:
    headers = {"Content-Type": "application/json"}
    card = await switch.call("PUT", "/v1/scorecards/corner-shop", data=EXAMPLE.encode(), headers=headers)
    assert card.status == 201, card.raw
    assert (await switch.call("PUT", "/v1/lists/stolen", {"type": "device"})).status == 201
    pack = await switch.call("PUT", "/v1/rule-packs/explained", {"text": PACK})
    assert pack.status == 201, pack.raw
    live = await switch.call("POST", "/v1/rule-packs/explained/mode", {"mode": "live"})
    assert live.status == 200, live.raw


async def test_every_rule_and_characteristic_is_as_it_was_when_it_was_decided(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        bank, payer = await funded(switch, 10_000)
        await published(switch)
        first = (await switch.pay(payer, bank, 100)).json["id"]
        second = await switch.pay(payer, bank, 700, context={"country": "FI", "device": "phone-1"})
        await switch.call("PUT", "/v1/lists/stolen/entries/phone-1", {"reason": "later"})
        for _ in range(5):
            await switch.pay(payer, bank, 5)
        answer = await explained(switch, second.json["id"])
        assert answer.status == 200, answer.raw
        found = answer.json["explanation"]
        assert answer.json["id"] == second.json["id"] and found["same"] is True
        assert (found["pack"], found["card"], found["action"]) == ("explained@1", "corner-shop@1", "review")
        assert found["points"] == second.json["decision"]["points"]
        rules = [(rule["id"], rule["fired"], rule["live"], rule["points"]) for rule in found["rules"]]
        assert rules == [("large", True, True, -3), ("abroad", True, False, 0), ("listed", False, True, 0)]
        lines = [(line["feature"], line["value"], line["points"], line["best"]) for line in found["lines"]]
        assert lines == [("amount", 700, 20, 20), ("count_1h", 1, 20, 20)]
        assert sum(line["points"] for line in found["lines"]) + found["base"] - 3 == found["points"]
        columns = found["columns"]
        assert (columns["count_1h"], columns["sum_1h"], columns["country"], columns["payer_kind"]) == (
            1,
            100,
            "FI",
            "user",
        )
        assert not {"payer", "payee", "device"} & set(columns)
        earlier = (await explained(switch, first)).json["explanation"]
        assert (earlier["columns"]["count_1h"], earlier["columns"]["country"], earlier["same"]) == (0, None, True)


async def test_what_nobody_scored_is_not_explained_and_not_to_everybody(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        bank, payer = await funded(switch, 10_000)
        held = (await switch.pay(payer, bank, 5, hold=True)).json["id"]
        capture = (await switch.call("POST", f"/v1/transfers/{held}/capture", {}, key="c")).json["id"]
        assert (await explained(switch, capture)).json["code"] == "transfer_not_found"
        assert (await explained(switch, held)).json["explanation"]["same"] is True
        reader = (await KeyStore(switch.pool).create("reader", ["read"])).key
        assert (await explained(switch, held, reader)).status == 403
