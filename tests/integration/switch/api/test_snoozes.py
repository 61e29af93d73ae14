"""A rule is snoozed for one wallet until a time, by its pack and its name; nobody else, and no other rule, is let through by it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.front_door import RunningSwitch, running_switch
from tests.published_packs import moded, pack, payers, published


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1) as running:
        yield running


def path(wallet: str = "", rule: str = "big", pack_: str = "strict") -> str:
    return f"/v1/rule-packs/{pack_}/rules/{rule}/snoozes" + (f"/{wallet}" if wallet else "")


def until(seconds: float = 60) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


async def strict(switch: RunningSwitch, count: int) -> list[str]:
    """Wallets with money, before the pack is live."""
    _, wallets = await payers(switch, count)
    await published(switch, "strict", pack("strict"))
    await moded(switch, "strict", mode="live")
    return wallets


async def snoozed(switch: RunningSwitch, wallet: str, **body: Any) -> Any:
    answer = await switch.call("PUT", path(wallet), {"reason": "payroll", "until": until(), **body})
    assert answer.status == 200, answer.raw
    return answer.json


async def test_a_snoozed_rule_lets_its_wallet_through_until_it_is_taken_back(switch: RunningSwitch) -> None:
    one, other = await strict(switch, 2)
    shop = await switch.wallet()
    assert (await switch.pay(one, shop, 1_000)).status == 402
    made = await snoozed(switch, one)
    assert (made["pack"], made["rule"], made["wallet"], made["reason"]) == ("strict", "big", one, "payroll")
    assert made["scorers"]["active"] == 1 and made["made_by"] == "tests"
    paid = await switch.pay(one, shop, 1_000)
    assert (paid.status, paid.json["decision"]["action"]) == (201, "approve")
    assert (await switch.pay(other, shop, 1_000)).status == 402
    await snoozed(switch, other)
    first = (await switch.call("GET", path() + "?limit=1")).json
    assert [each["wallet"] for each in first["data"]] == [other] and first["has_more"]
    rest = (await switch.call("GET", path() + f"?limit=1&after={first['next']}")).json
    assert [each["wallet"] for each in rest["data"]] == [one] and rest["next"] is None
    ended = await switch.call("DELETE", path(one))
    assert (ended.status, ended.json["wallet"]) == (200, one)
    assert (await switch.pay(one, shop, 1_000)).status == 402
    assert (await switch.pay(other, shop, 1_000)).status == 201


async def test_a_snooze_is_of_a_rule_that_there_is_a_wallet_and_a_time_to_come(switch: RunningSwitch) -> None:
    (wallet,) = await strict(switch, 1)
    good = {"reason": "why", "until": until()}
    nobody = str(uuid4())
    cases: list[tuple[str, str, Any, int, str]] = [
        ("PUT", path(wallet, pack_="nothing"), good, 404, "rule_pack_not_found"),
        ("PUT", path(wallet, rule="small"), good, 404, "rule_not_found"),
        ("PUT", path(nobody), good, 404, "wallet_not_found"),
        ("PUT", path(wallet), {"reason": "why"}, 422, "invalid_field"),
        ("PUT", path(wallet), {**good, "until": until(-1)}, 422, "invalid_field"),
        ("PUT", path(wallet), {**good, "until": "later"}, 422, "invalid_field"),
        ("DELETE", path(wallet), None, 404, "list_entry_not_found"),
    ]
    for method, where, body, status, code in cases:
        answer = await switch.call(method, where, body)
        assert (answer.status, answer.json["code"]) == (status, code), (where, answer.raw)
    await published(switch, "strict", pack("strict").replace(b"id: big", b"id: large"))
    assert (await switch.call("PUT", path(wallet), good)).status == 200, "the version that runs has the rule"
    assert (await switch.call("PUT", path(wallet, rule="large"), good)).status == 200, "the newest has it"


async def test_a_snooze_of_a_rule_that_no_version_in_use_has_is_seen_and_ended(switch: RunningSwitch) -> None:
    one, other = await strict(switch, 2)
    for wallet in (one, other):
        await snoozed(switch, wallet)
    await published(switch, "strict", pack("strict").replace(b"id: big", b"id: large"))
    await moded(switch, "strict", mode="live")
    again = await switch.call("PUT", path(one), {"reason": "payroll", "until": until()})
    assert (again.status, again.json["code"]) == (404, "rule_not_found"), "a new one fires on nothing"
    found = await switch.call("GET", path())
    assert (found.status, [each["wallet"] for each in found.json["data"]]) == (200, [other, one])
    assert (await switch.call("DELETE", path(one))).status == 200
    await moded(switch, "strict", mode="live", version=1)
    shop = await switch.wallet()
    assert [(await switch.pay(wallet, shop, 1_000)).status for wallet in (one, other)] == [402, 201]
    for rule in ("small", "b%00g"):
        assert (await switch.call("GET", path(rule=rule))).json["code"] == "rule_not_found"


async def test_a_wallet_has_the_snoozes_of_the_packs_that_run(switch: RunningSwitch) -> None:
    one, other = await strict(switch, 2)
    await snoozed(switch, one)
    parked = await switch.call("PUT", path(one, "drain", "default"), {"reason": "x", "until": until()})
    assert parked.status == 200, parked.raw
    found = (await switch.call("GET", f"/v1/wallets/{one}/snoozes")).json["data"]
    assert [(each["pack"], each["rule"], each["reason"]) for each in found] == [("strict", "big", "payroll")]
    assert (await switch.call("GET", f"/v1/wallets/{other}/snoozes")).json == {"data": []}
    await moded(switch, "default", mode="shadow")
    found = (await switch.call("GET", f"/v1/wallets/{one}/snoozes")).json["data"]
    assert [(each["pack"], each["rule"]) for each in found] == [("default", "drain"), ("strict", "big")]
    for wrong in (uuid4(), "x"):
        assert (await switch.call("GET", f"/v1/wallets/{wrong}/snoozes")).json["code"] == "wallet_not_found"
    await switch.call("DELETE", path(one))
    await switch.call("DELETE", path(one, "drain", "default"))
    assert (await switch.call("GET", f"/v1/wallets/{one}/snoozes")).json == {"data": []}
