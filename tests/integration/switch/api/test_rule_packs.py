"""Rule packs over HTTP: publish a version, see what is wrong with it, run it in shadow, let it challenge, make it live."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.rpc.interface import Condition, NotReady
from actors.stores.api_keys import KeyStore
from actors.stores.rule_packs import PackStore
from rules.decisions.decision import Decisions, Fallback
from tests.front_door import RunningSwitch, running_switch
from tests.published_packs import YAML, moded, pack, payers, published


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1) as running:
        yield running


async def shown(switch: RunningSwitch, name: str, until: Callable[[Any], bool], version: str = "") -> Any:
    """A pack, once what was counted of it is written down."""
    async with asyncio.timeout(60):
        while True:
            await switch.scorer.write_counts()
            found = (await switch.call("GET", f"/v1/rule-packs/{name}{version}")).json
            if until(found):
                return found
            await asyncio.sleep(0)


async def test_a_new_switch_has_the_default_pack_live(switch: RunningSwitch) -> None:
    listed = (await switch.call("GET", "/v1/rule-packs")).json
    assert [(each["name"], each["version"], each["mode"]) for each in listed["data"]] == [("default", 1, "live")]
    assert [each["live"] for each in listed["deployments"]] == ["default@1"]
    answer = await switch.call("GET", "/v1/rule-packs/default")
    assert answer.headers["ETag"] == '"1"'
    assert answer.json["made_by"] is None
    assert answer.json["fallback"] == "approve"
    _, (wallet,) = await payers(switch)
    paid = await switch.pay(wallet, await switch.wallet(), 5)
    assert paid.json["decision"]["pack"] == "default@1"


async def test_a_published_pack_decides_once_it_is_live_and_old_records_keep_their_pack(switch: RunningSwitch) -> None:
    _, (wallet,) = await payers(switch)
    shop = await switch.wallet()
    before = await switch.pay(wallet, shop, 1_000)
    assert before.status == 201
    made = await published(switch, "strict", pack("strict"))
    assert (made.status, made.json["version"], made.json["mode"], made.headers["ETag"]) == (201, 1, "off", '"1"')
    assert made.json["made_by"] == "tests"
    assert (await switch.pay(wallet, shop, 1_000)).json["decision"]["pack"] == "default@1"
    deployed = await moded(switch, "strict", mode="live")
    assert deployed["scorers"] == {"revision": 2, "scorers": 1, "active": 1, "waiting": []}
    assert (deployed["deployment"]["live"], deployed["deployment"]["made_by"]) == ("strict@1", "tests")
    declined = await switch.pay(wallet, shop, 1_000)
    assert (declined.status, declined.json["code"]) == (402, "declined")
    assert declined.json["decision"]["reasons"] == ["BIG"]
    assert declined.json["decision"]["pack"] == "strict@1"
    assert "fallback" not in declined.json["decision"]
    old = (await switch.call("GET", f"/v1/transfers/{before.json['id']}")).json
    assert old["decision"] == before.json["decision"]
    events = (await switch.call("GET", "/v1/events?types=transfer.declined")).json["data"]
    assert [each["data"]["decision"]["pack"] for each in events] == ["strict@1"]
    listed = (await switch.call("GET", "/v1/rule-packs")).json
    assert [(each["name"], each["mode"]) for each in listed["data"]] == [("default", "off"), ("strict", "live")]
    assert [each["live"] for each in listed["deployments"]] == ["strict@1", "default@1"]


async def test_who_publishes_at_the_same_time_is_told_of_the_own_version(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = PackStore.add_pack

    async def overtaken(self: PackStore, text: str, files: Any, facts: Any, account: int, newest: Any) -> int:
        version = await add(self, text, files, facts, account, newest)
        await add(self, f"{text}# later\n", files, facts, account, None)
        return version

    monkeypatch.setattr(PackStore, "add_pack", overtaken)
    made = await published(switch, "strict", pack("strict"))
    assert (made.status, made.json["version"], made.headers["ETag"]) == (201, 1, '"1"')
    assert made.json["text"] == pack("strict").decode()
    assert (await published(switch, "strict", pack("strict"))).json["version"] == 3


async def test_what_does_not_check_is_refused_with_line_and_column(switch: RunningSwitch) -> None:
    text = pack("strict", rule="amuont >= 1000")
    answer = await switch.call("PUT", "/v1/rule-packs/strict", data=text, headers=YAML)
    assert (answer.status, answer.json["code"]) == (422, "invalid_rule_pack")
    (error,) = answer.json["errors"]
    assert (error["field"], error["line"], error["column"]) == ("text", 5, 11)
    assert error["message"] == "no field is named amuont"
    assert error["hint"] == "did you mean amount?"
    assert (await switch.call("GET", "/v1/rule-packs/strict")).json["code"] == "rule_pack_not_found"
    listed = (await switch.call("GET", "/v1/rule-packs")).json
    assert len(listed["deployments"]) == 1


async def test_versions_follow_each_other_and_an_author_who_missed_one_is_told(switch: RunningSwitch) -> None:
    first, second = pack("strict"), pack("strict", rule="amount >= 500")
    await published(switch, "strict", first, **{"If-None-Match": "*"})
    assert (await published(switch, "strict", first)).status == 200
    again = await switch.call("PUT", "/v1/rule-packs/strict", data=first, headers={**YAML, "If-None-Match": "*"})
    assert (again.status, again.json["code"], again.headers["ETag"]) == (409, "version_conflict", '"1"')
    made = await published(switch, "strict", second, **{"If-Match": '"1"'})
    assert (made.status, made.json["version"]) == (201, 2)
    late = await switch.call("PUT", "/v1/rule-packs/strict", data=first, headers={**YAML, "If-Match": '"1"'})
    assert (late.status, late.json["code"]) == (409, "version_conflict")
    old = (await switch.call("GET", "/v1/rule-packs/strict?version=1")).json
    assert old["text"].encode() == first
    assert [each["version"] for each in old["versions"]] == [2, 1]
    assert (await switch.call("GET", "/v1/rule-packs/strict?version=3")).status == 404
    body = {"text": second.decode()}
    assert (await switch.call("PUT", "/v1/rule-packs/strict", body)).status == 200


async def test_a_pack_in_shadow_changes_nothing_and_is_counted(switch: RunningSwitch) -> None:
    _, (wallet,) = await payers(switch)
    shop = await switch.wallet()
    await published(switch, "strict", pack("strict"))
    await moded(switch, "strict", mode="shadow")
    answers = [await switch.pay(wallet, shop, amount) for amount in (999, 1_000, 1_001)]
    assert [each.status for each in answers] == [201, 201, 201]
    assert {each.json["decision"]["pack"] for each in answers} == {"default@1"}
    found = await shown(switch, "strict", lambda pack: pack["shadow"]["payments"] == 3)
    assert found["mode"] == "shadow"
    assert found["shadow"]["agreed"] == 1
    assert found["shadow"]["decided"]["approve"] == {"approve": 1, "review": 0, "decline": 2}
    assert found["rules"] == [{"id": "big", "mode": "live", "hits": 2, "no_value": 0}]
    assert found["decided"] == {"approve": 0, "review": 0, "decline": 0}
    text = (await switch.call("GET", "/metrics")).raw.decode()
    assert 'shardpay_shadow_total{decided="approve",pack="strict@1",would="decline"} 2.0' in text
    assert 'shardpay_rule_hits_total{pack="strict@1",rule="big"} 2.0' in text
    await moded(switch, "strict", mode="off")
    await switch.pay(wallet, shop, 1_000)
    assert (await shown(switch, "strict", lambda pack: True))["shadow"]["payments"] == 3


async def test_a_challenger_decides_for_its_share_of_the_wallets_and_always_the_same(switch: RunningSwitch) -> None:
    _, wallets = await payers(switch, 24)
    shop = await switch.wallet()
    await published(switch, "mild", pack("mild", rule="amount >= 1000000"))
    deployed = await moded(switch, "mild", mode="challenger", share=500)
    assert (deployed["deployment"]["challenger"], deployed["deployment"]["share"]) == ("mild@1", 500)
    decided: list[list[str]] = []
    for _ in range(2):
        answers = [await switch.pay(wallet, shop, 5) for wallet in wallets]
        decided.append([each.json["decision"]["pack"] for each in answers])
    assert decided[0] == decided[1]
    assert set(decided[0]) == {"mild@1", "default@1"}
    count = 2 * decided[0].count("mild@1")
    found = await shown(switch, "mild", lambda pack: pack["decided"]["approve"] == count)
    assert (found["mode"], found["share"]) == ("challenger", 500)
    await moded(switch, "mild", mode="challenger", share=1000)
    answers = [await switch.pay(wallet, shop, 5) for wallet in wallets]
    assert {each.json["decision"]["pack"] for each in answers} == {"mild@1"}


async def test_the_live_pack_cannot_be_taken_away(switch: RunningSwitch) -> None:
    for mode in ({"mode": "off"}, {"mode": "shadow"}, {"mode": "challenger", "share": 5}):
        answer = await switch.call("POST", "/v1/rule-packs/default/mode", mode)
        assert (answer.status, answer.json["code"]) == (409, "deployment_refused")
    again = await moded(switch, "default", mode="live")
    assert again["deployment"]["revision"] == 1


async def test_an_analyst_publishes_and_a_reader_does_not(switch: RunningSwitch) -> None:
    keys = KeyStore(switch.pool)
    analyst, reader, payer = [(await keys.create(scope, [scope])).key for scope in ("analyst", "read", "pay")]
    text = pack("strict")
    for token, put, get in ((reader, 403, 200), (payer, 403, 403), (analyst, 201, 200)):
        answer = await switch.call("PUT", "/v1/rule-packs/strict", data=text, headers=YAML, token=token)
        assert answer.status == put
        assert (await switch.call("GET", "/v1/rule-packs", token=token)).status == get
    assert (await switch.call("POST", "/v1/rule-packs/strict/mode", {"mode": "live"}, token=reader)).status == 403
    assert (await switch.call("POST", "/v1/rule-packs/strict/mode", {"mode": "live"}, token=analyst)).status == 200


async def test_a_pack_holds_the_files_that_it_names(switch: RunningSwitch) -> None:
    text = (
        b"name: listed\nfallback: decline\nlists:\n  risky: {file: risky.txt}\n"
        b"rules:\n  - id: place\n    when: country in lists.risky\n    action: decline\n    reason: PLACE\n"
    )
    body = {"text": text.decode(), "files": {"risky.txt": "DE\nFR\n"}}
    made = await switch.call("PUT", "/v1/rule-packs/listed", body)
    assert (made.status, made.json["files"]) == (201, body["files"]), made.raw
    await moded(switch, "listed", mode="live")
    _, (wallet,) = await payers(switch)
    shop = await switch.wallet()
    assert (await switch.pay(wallet, shop, 5, context={"country": "FR"})).status == 402
    assert (await switch.pay(wallet, shop, 5, context={"country": "IT"})).status == 201
    missing = await switch.call("PUT", "/v1/rule-packs/listed", {"text": text.decode()})
    assert (missing.status, missing.json["code"]) == (422, "invalid_rule_pack")


class Dead:
    """Scorers that never answer."""

    def condition(self) -> Condition:
        return Condition()

    async def decide(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        raise NotReady("it is dead")

    async def preview(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        raise NotReady("it is dead")


async def test_the_live_packs_own_fallback_stands_in_flagged_and_counted(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (wallet,) = await payers(switch)
    shop = await switch.wallet()
    await published(switch, "strict", pack("strict", fallback="decline"))
    await moded(switch, "strict", mode="live")
    assert (await switch.pay(wallet, shop, 5)).status == 201
    monkeypatch.setattr(switch.scorer, "decide", lambda payers, columns: (_ for _ in ()).throw(NotReady("dead")))
    declined = await switch.pay(wallet, shop, 5)
    assert (declined.status, declined.json["code"]) == (402, "declined")
    expected = {"action": "decline", "points": 0, "reasons": [], "pack": "strict@1", "fallback": True}
    assert declined.json["decision"] == expected
    kept = (await switch.call("GET", f"/v1/transfers/{declined.json['transfer_id']}")).json
    assert kept["decision"] == expected
    assert "shardpay_fallbacks_total 1.0" in (await switch.call("GET", "/metrics")).raw.decode()
    monkeypatch.undo()
    assert (await switch.pay(wallet, shop, 5)).status == 201


async def test_a_shard_that_starts_knows_the_fallback_before_any_scorer_answers(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as first:
        _, (wallet,) = await payers(first)
        shop = await first.wallet()
        await published(first, "strict", pack("strict", fallback="decline"))
        await moded(first, "strict", mode="live")
    async with running_switch(database_url, shards=1, scorer=Dead()) as second:
        declined = await second.pay(wallet, shop, 5)
        assert (declined.status, declined.json["decision"]["pack"]) == (402, "strict@1")
        assert declined.json["decision"]["fallback"] is True


def card(version: int, points: int, name: str = "risk") -> dict[str, Any]:
    """A card with one characteristic: `points` below an amount of 1000, else 50."""
    amount = {"feature": "amount", "reason": "HIGH", "edges": [1000], "points": [points, 50], "missing": 50}
    return {"name": name, "version": version, "characteristics": [amount]}


def carded(version: int) -> bytes:
    return f"name: carded\nfallback: approve\ncard: risk@{version}\nthresholds: {{decline_below: 60}}\nrules: []\n".encode()


async def test_a_pack_decides_with_the_version_of_the_card_that_it_names(switch: RunningSwitch) -> None:
    missing = await switch.call("PUT", "/v1/rule-packs/carded", data=carded(1), headers=YAML)
    assert (missing.status, missing.json["errors"][0]["line"]) == (422, 3)
    for version, points in ((1, 100), (2, 70)):
        made = await switch.call("PUT", "/v1/scorecards/risk", card(version, points))
        assert (made.status, made.headers["ETag"]) == (201, f'"{version}"'), made.raw
    again = await switch.call("PUT", "/v1/scorecards/risk", card(1, 100))
    assert again.status == 200
    changed = await switch.call("PUT", "/v1/scorecards/risk", card(1, 99))
    assert (changed.status, changed.json["code"]) == (422, "invalid_field")
    _, (wallet,) = await payers(switch)
    shop = await switch.wallet()
    for version, points in ((1, 100), (2, 70)):
        await published(switch, "carded", carded(version))
        await moded(switch, "carded", mode="live")
        paid = await switch.pay(wallet, shop, 5)
        assert (paid.json["decision"]["points"], paid.json["decision"]["pack"]) == (points, f"carded@{version}")
        declined = await switch.pay(wallet, shop, 1_000)
        assert (declined.status, declined.json["decision"]["reasons"]) == (402, ["HIGH"])
    shown_card = (await switch.call("GET", "/v1/scorecards/risk?version=1")).json
    assert shown_card["document"] == card(1, 100)
    assert shown_card["used_by"] == ["carded@1"]
    assert [each["version"] for each in shown_card["versions"]] == [2, 1]
    assert (await switch.call("GET", "/v1/rule-packs/carded")).json["card"] == "risk@2"


async def test_lists_of_documents_come_in_pages(switch: RunningSwitch) -> None:
    for name in ("zeta", "alpha", "middle"):
        assert (await switch.call("PUT", f"/v1/scorecards/{name}", card(1, 100, name))).status == 201
    seen, after = [], ""
    while True:
        page = (await switch.call("GET", f"/v1/scorecards?limit=2{after}")).json
        seen += [each["name"] for each in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert seen == ["zeta", "alpha", "middle"]
    assert (await switch.call("GET", "/v1/rule-packs?limit=1")).json["has_more"] is False
    assert (await switch.call("GET", f"/v1/rule-packs?limit=1{after}")).json["code"] == "invalid_query"
