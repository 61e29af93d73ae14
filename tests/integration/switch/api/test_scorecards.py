"""A scorecard over HTTP that decides: live, in shadow, tried on what happened. It does so in a version of the pack that has it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from switch.api.publisher import Publisher
from tests.front_door import RunningSwitch, running_switch

PACK = """# Whoever reads this keeps it.
name: carded
fallback: approve
card: {"name": "own", "version": 1, "base": 90, "characteristics": []}  # inline
thresholds: {decline_below: 60}
rules: []  # none
"""


def with_card(reference: str) -> str:
    lines = PACK.splitlines(keepends=True)
    return "".join([*lines[:3], f"card: {reference}  # inline\n", *lines[4:]])


def card(version: int, points: int, feature: str = "amount") -> dict[str, Any]:
    """A card with one characteristic: `points` below 1000, else 50."""
    only = {"feature": feature, "reason": "HIGH", "edges": [1000], "points": [points, 50], "missing": 50}
    return {"name": "risk", "version": version, "characteristics": [only]}


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    """With the pack live, and a card that nobody uses."""
    async with running_switch(database_url, shards=1) as running:
        made = await running.call("PUT", "/v1/rule-packs/carded", {"text": PACK})
        assert made.status == 201, made.raw
        assert (await running.call("POST", "/v1/rule-packs/carded/mode", {"mode": "live"})).status == 200
        assert (await running.call("PUT", "/v1/scorecards/risk", card(1, 70))).status == 201
        yield running


async def moded(switch: RunningSwitch, **body: Any) -> Any:
    answer = await switch.call("POST", "/v1/scorecards/risk/mode", body)
    assert answer.status == 200, answer.raw
    return answer.json


async def payer(switch: RunningSwitch) -> tuple[str, str]:
    """A wallet with money, and one that it pays. The bank that gives it is refused nothing: amounts below 1000 score higher."""
    bank, wallet, shop = await switch.wallet("external"), await switch.wallet(), await switch.wallet()
    for _ in range(3):
        assert (await switch.pay(bank, wallet, 999)).status == 201
    return wallet, shop


async def versions(switch: RunningSwitch) -> dict[int, str]:
    """Modes of the pack by version."""
    shown = (await switch.call("GET", "/v1/rule-packs/carded")).json
    return {each["version"]: each["mode"] for each in shown["versions"]}


async def test_a_card_that_goes_live_decides_in_the_next_version_of_the_live_pack(switch: RunningSwitch) -> None:
    wallet, shop = await payer(switch)
    before = (await switch.pay(wallet, shop, 5)).json["decision"]
    assert (before["points"], before["pack"]) == (90, "carded@1")
    done = await moded(switch, mode="live")
    assert (done["name"], done["version"], done["mode"], done["pack"]) == ("risk", 1, "live", "carded@2")
    assert done["scorers"] == {"revision": 3, "scorers": 1, "active": 1, "waiting": []}
    assert (done["deployment"]["live"], done["deployment"]["made_by"]) == ("carded@2", "tests")
    paid = (await switch.pay(wallet, shop, 5)).json["decision"]
    assert (paid["points"], paid["pack"]) == (70, "carded@2")
    declined = await switch.pay(wallet, shop, 1_000)
    assert (declined.status, declined.json["decision"]["reasons"]) == (402, ["HIGH"])
    shown = (await switch.call("GET", "/v1/rule-packs/carded")).json
    assert (shown["text"], shown["card"], shown["made_by"]) == (with_card("risk@1"), "risk@1", "tests")
    assert (await switch.call("GET", "/v1/scorecards/risk")).json["used_by"] == ["carded@2"]


async def test_a_card_in_shadow_is_counted_beside_the_live_version_of_the_same_pack(switch: RunningSwitch) -> None:
    wallet, shop = await payer(switch)
    assert (await moded(switch, mode="shadow"))["deployment"]["shadows"] == ["carded@2"]
    assert await versions(switch) == {2: "shadow", 1: "live"}
    answers = [await switch.pay(wallet, shop, amount) for amount in (5, 1_000)]
    assert [each.json["decision"]["pack"] for each in answers] == ["carded@1", "carded@1"]
    await switch.scorer.write_counts()
    shadow = (await switch.call("GET", "/v1/rule-packs/carded?version=2")).json["shadow"]
    assert (shadow["payments"], shadow["decided"]["approve"]) == (2, {"approve": 1, "review": 0, "decline": 1})


async def test_a_card_takes_back_no_pack_that_another_makes_live_meanwhile(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    stricter = PACK.replace("decline_below: 60", "decline_below: 80")
    assert (await switch.call("PUT", "/v1/rule-packs/carded", {"text": stricter})).json["version"] == 2
    publish = Publisher.publish_with_card

    async def meanwhile(self: Publisher, *arguments: Any) -> Any:
        made = await publish(self, *arguments)
        assert (await switch.call("POST", "/v1/rule-packs/carded/mode", {"mode": "live", "version": 2})).status == 200
        return made

    for mode in ({"mode": "live"}, {"mode": "live", "pack": "carded"}, {"mode": "challenger", "share": 9}):
        assert (await switch.call("POST", "/v1/rule-packs/carded/mode", {"mode": "live", "version": 1})).status == 200
        with monkeypatch.context() as slow:
            slow.setattr(Publisher, "publish_with_card", meanwhile)
            refused = await switch.call("POST", "/v1/scorecards/risk/mode", mode)
        assert (refused.status, refused.json["code"], refused.json["retryable"]) == (409, "version_conflict", False)
        assert await versions(switch) == {3: "off", 2: "live", 1: "off"}
    assert (await moded(switch, mode="live"))["pack"] == "carded@4", "made of what is live by now"


async def test_asked_again_nothing_is_published_again(switch: RunningSwitch) -> None:
    first = await moded(switch, mode="shadow")
    other = PACK.replace("# none", "# still none")
    assert (await switch.call("PUT", "/v1/rule-packs/carded", {"text": other})).json["version"] == 3
    assert await moded(switch, mode="shadow") == first
    challenger = await moded(switch, mode="challenger", share=1)
    assert (challenger["pack"], challenger["deployment"]["share"]) == ("carded@2", 1)
    live = await moded(switch, mode="live", version=1)
    assert live["pack"] == "carded@2"
    assert await moded(switch, mode="live", version=1, pack="carded") == live
    assert await versions(switch) == {3: "off", 2: "live", 1: "off"}


async def test_off_stops_what_runs_with_the_card_but_not_what_is_live(switch: RunningSwitch) -> None:
    await moded(switch, mode="shadow")
    assert (await moded(switch, mode="off", pack="default"))["deployment"]["shadows"] == ["carded@2"]
    off = await moded(switch, mode="off")
    assert ("pack" in off, off["deployment"]["live"], off["deployment"]["shadows"]) == (False, "carded@1", [])
    assert await moded(switch, mode="off") == off
    await moded(switch, mode="live")
    for mode in ("off", "shadow"):
        refused = await switch.call("POST", "/v1/scorecards/risk/mode", {"mode": mode})
        assert (refused.status, refused.json["code"]) == (409, "deployment_refused")


async def test_a_card_that_does_not_fit_the_pack_is_refused_with_line_and_column(switch: RunningSwitch) -> None:
    made = await switch.call("PUT", "/v1/scorecards/risk", card(2, 70, "income"))
    assert made.status == 201, made.raw
    refused = await switch.call("POST", "/v1/scorecards/risk/mode", {"mode": "live"})
    assert (refused.status, refused.json["code"]) == (422, "invalid_rule_pack")
    (error,) = refused.json["errors"]
    assert (error["line"], error["column"], error["text"]) == (4, 7, "card: risk@2  # inline")
    assert error["message"] == "the card risk@2 looks at 'income', which no payment has"
    assert await versions(switch) == {1: "live"}
    missing = await switch.call("POST", "/v1/scorecards/risk/mode", {"mode": "live", "version": 3})
    assert (missing.status, missing.json["code"]) == (404, "scorecard_not_found")


async def test_a_card_with_a_category_that_stands_for_nothing_is_not_let_decide(switch: RunningSwitch) -> None:
    """It would give its points to no payment, through a pack that was checked before this card was known."""
    only = {
        "feature": "country",
        "reason": "PLACE",
        "categories": [["UK"]],
        "points": [70],
        "missing": 50,
        "unknown": 50,
    }
    document = {"name": "risk", "version": 2, "characteristics": [only]}
    assert (await switch.call("PUT", "/v1/scorecards/risk", document)).status == 201, "cards are of loans, too"
    asked = (("/v1/scorecards/risk/mode", {"mode": "live"}), ("/v1/scorecards/backtest", {"document": document}))
    for path, body in asked:
        refused = await switch.call("POST", path, body)
        assert (refused.status, refused.json["code"]) == (422, "invalid_scorecard"), refused.raw
        assert "'UK' is no country" in refused.json["detail"] and "write GB" in refused.json["detail"]
    assert await versions(switch) == {1: "live"}


async def test_a_card_is_tried_on_what_happened(switch: RunningSwitch) -> None:
    """Published or not, and through the live pack or another: the answer is that for the pack with this card."""
    wallet, shop = await payer(switch)
    assert (await switch.pay(wallet, shop, 1_000)).status == 201

    async def tried(what: str, **body: Any) -> Any:
        answer = await switch.call("POST", f"/v1/{what}/backtest", body)
        assert answer.status == 200, answer.raw
        return answer.json["report"]

    published = await tried("scorecards", name="risk")
    assert (published["pack"], published["attempts"], published["changed"]) == ("carded", 4, 1)
    assert published == await tried("rule-packs", text=with_card("risk@1"))
    given = await tried("scorecards", document=card(1, 50), pack="carded")
    assert given["changed"] == 4, "the document counts, not what is published under its name"
    assert (await tried("scorecards", document=card(7, 50), pack="default"))["pack"] == "default"
    assert await versions(switch) == {1: "live"}
    refused = await switch.call("POST", "/v1/scorecards/backtest", {"document": card(1, 50, "income")})
    assert (refused.status, refused.json["code"], refused.json["errors"][0]["line"]) == (422, "invalid_rule_pack", 4)


async def test_a_card_that_is_live_through_the_pack_it_was_asked_for_over_is_so_again(switch: RunningSwitch) -> None:
    card = {"name": "till", "version": 1, "base": 90, "characteristics": []}
    assert (await switch.call("PUT", "/v1/scorecards/till", card)).status == 201
    body = {"mode": "live", "version": 1, "pack": "carded", "pack_version": 1, "if_live": "carded@1"}
    answers = [await switch.call("POST", "/v1/scorecards/till/mode", body, key=key) for key in ("a", "b")]
    assert [(each.status, each.json["pack"]) for each in answers] == [(200, "carded@2")] * 2
