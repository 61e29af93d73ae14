"""Lists over HTTP: an entry decides the next payment, its end and its removal too, and a backtest knows what there was when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from actors.backtest.run import Backtest, PackSource, decide_shard, tally_shard
from actors.database.pool import SQL
from actors.export.export import Job, export
from actors.export.reader import Export
from actors.stores import controls
from actors.stores.api_keys import KeyStore
from rules.decisions.decision import Action
from tests.front_door import RunningSwitch, running_switch
from tests.published_packs import moded, payers, published

PACK = """
name: guard
fallback: approve
lists:
  stolen: {kept: stolen-devices}
  mules: {kept: mules}
rules:
  - {id: device, when: device in lists.stolen, action: decline, reason: STOLEN}
  - {id: mule, when: payee in lists.mules, action: review, reason: MULE}
"""
ENTRIES = "/v1/lists/stolen-devices/entries"


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1) as running:
        yield running


async def guarded(switch: RunningSwitch) -> tuple[str, str]:
    """A payer and a payee, with the pack live."""
    for name, type_ in (("stolen-devices", "device"), ("mules", "wallet")):
        made = await switch.call("PUT", f"/v1/lists/{name}", {"type": type_})
        assert made.status == 201, made.raw
    await published(switch, "guard", PACK.encode())
    await moded(switch, "guard", mode="live")
    _, (payer,) = await payers(switch)
    return payer, await switch.wallet()


async def listed(switch: RunningSwitch, value: str, list_: str = "stolen-devices", **body: Any) -> Any:
    answer = await switch.call(
        "PUT", f"/v1/lists/{list_}/entries/{quote(value, safe='')}", {"reason": "reported", **body}
    )
    assert answer.status == 200, answer.raw
    return answer.json


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


async def test_an_entry_decides_the_next_payment_until_it_ends_or_is_removed(switch: RunningSwitch) -> None:
    payer, payee = await guarded(switch)
    phone = {"context": {"device": "phone/1 ü"}}
    assert (await switch.pay(payer, payee, 10, **phone)).status == 201
    added = await listed(switch, "phone/1 ü")
    assert (added["value"], added["expires_at"], added["made_by"], added["revision"]) == ("phone/1 ü", None, "tests", 1)
    assert added["scorers"] == {"revision": 1, "scorers": 1, "active": 1, "waiting": []}
    declined = await switch.pay(payer, payee, 10, **phone)
    assert (declined.status, declined.json["decision"]["reasons"]) == (402, ["STOLEN"])
    assert (await switch.pay(payer, payee, 10, context={"device": "phone/2"})).status == 201
    gone = await switch.call("DELETE", f"{ENTRIES}/{quote('phone/1 ü', safe='')}")
    assert (gone.status, gone.json["scorers"]["active"]) == (200, 1)
    assert (await switch.pay(payer, payee, 10, **phone)).status == 201
    await listed(switch, "phone/1 ü", expires_at=soon(1.5))
    assert (await switch.pay(payer, payee, 10, **phone)).status == 402
    async with asyncio.timeout(60):
        while (await switch.pay(payer, payee, 10, **phone)).status != 201:
            await asyncio.sleep(0.2)
    await listed(switch, payee, "mules")
    assert (await switch.pay(payer, payee, 10)).json["status"] == "in_review"


async def test_a_backtest_gives_the_bits_that_were_recorded_under_each_change(
    switch: RunningSwitch, tmp_path: Path
) -> None:
    payer, payee = await guarded(switch)
    phone = {"context": {"device": "phone"}}
    for change in ("none", "add", "remove", "add", "snooze"):
        if change == "add":
            await listed(switch, "phone")
        if change == "remove":
            assert (await switch.call("DELETE", f"{ENTRIES}/phone")).status == 200
        if change == "snooze":
            path = f"/v1/rule-packs/guard/rules/device/snoozes/{payer}"
            assert (await switch.call("PUT", path, {"reason": "known", "until": soon(60)})).status == 200
        assert (await switch.pay(payer, payee, 10, **phone)).status == (402 if change == "add" else 201)
    tried = await switch.call("POST", "/v1/rule-packs/backtest", {"name": "guard"})
    assert tried.status == 200, tried.raw
    report = tried.json["report"]
    assert report["changed"] == 0 and report["attempts"] == 6
    assert [(rule["id"], rule["hits"]) for rule in report["rules"]] == [("device", 2), ("mule", 0)]
    await export(Job(url=switch.database_url, output=tmp_path))
    number = (await switch.call("GET", "/v1/rule-packs/guard")).json["number"]
    test = Backtest(
        export=Export(tmp_path), source=PackSource(text=PACK, number=number), capacity=switch.services.capacity
    )
    tally = tally_shard(test, 0)
    assert tally.compared.tolist() == [6, 0], "the bank's payment too"
    _, decided = decide_shard(test, 0)
    assert decided["action"].tolist().count(Action.DECLINE) == 2
    assert decided["controls"].tolist() == [0, 0, 1, 2, 3, 4]
    (tmp_path / "_controls.json").write_bytes(b"{}")
    assert tally_shard(test, 0).hits.tolist() == [0, 0], "without the lists there would be no hit"
    assert [rows.controls.max() for rows in Export(tmp_path).rows(0)] == [4]


async def test_entries_are_listed_newest_first_page_by_page_and_put_again_only_where_they_differ(
    switch: RunningSwitch,
) -> None:
    await guarded(switch)
    for device in ("a", "b", "c"):
        await listed(switch, device)
    again = await listed(switch, "b")
    assert again["revision"] == 2, "the same again is no change"
    changed = await listed(switch, "b", reason="seen twice", expires_at=soon(3_600))
    assert changed["revision"] == 4 and changed["reason"] == "seen twice"
    first = (await switch.call("GET", f"{ENTRIES}?limit=2")).json
    assert [each["value"] for each in first["data"]] == ["b", "c"] and first["has_more"]
    rest = (await switch.call("GET", f"{ENTRIES}?limit=2&after={first['next']}")).json
    assert [each["value"] for each in rest["data"]] == ["a"] and not rest["has_more"]
    assert (await switch.call("GET", f"{ENTRIES}/b")).json["reason"] == "seen twice"
    lists = (await switch.call("GET", "/v1/lists")).json["data"]
    assert [(each["name"], each["type"], each["entries"]) for each in lists] == [
        ("mules", "wallet", 0),
        ("stolen-devices", "device", 3),
    ]


async def test_each_refusal_says_what_is_wrong(switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch) -> None:
    await guarded(switch)
    good = {"reason": "why"}
    cases: list[tuple[str, str, Any, int, str]] = [
        ("PUT", "/v1/lists/nothing/entries/x", good, 404, "list_not_found"),
        ("GET", f"{ENTRIES}/x", None, 404, "list_entry_not_found"),
        ("DELETE", f"{ENTRIES}/x", None, 404, "list_entry_not_found"),
        ("PUT", f"{ENTRIES}/x", {}, 422, "invalid_field"),
        ("PUT", f"{ENTRIES}/x", {**good, "expires_at": soon(-1)}, 422, "invalid_field"),
        ("PUT", f"{ENTRIES}/{'x' * 65}", good, 422, "invalid_field"),
        ("PUT", "/v1/lists/mules/entries/x", good, 422, "invalid_field"),
        ("PUT", "/v1/lists/mules", {"type": "device"}, 422, "invalid_field"),
        ("PUT", "/v1/lists/mules", {"type": "email"}, 422, "invalid_field"),
        ("PUT", "/v1/lists/-", {"type": "device"}, 422, "invalid_field"),
    ]
    for method, path, body, status, code in cases:
        answer = await switch.call(method, path, body)
        assert (answer.status, answer.json["code"]) == (status, code), (path, answer.raw)
    read = await KeyStore(switch.pool).create("reader", ["read"])
    assert (await switch.call("PUT", f"{ENTRIES}/x", good, token=read.key)).status == 403
    assert (await switch.call("GET", ENTRIES, token=read.key)).status == 200
    monkeypatch.setattr(controls, "ENTRIES_OF_ONE_MAX", 1)
    await listed(switch, "one")
    full = await switch.call("PUT", f"{ENTRIES}/two", good)
    assert (full.status, full.json["code"]) == (409, "list_full")
    assert (await listed(switch, "one", reason="changed"))["revision"] == 2, "one that is there can be changed"
    async with switch.pool.session() as session:
        await session.execute("UPDATE control_entry SET until = now() - interval '2 days' WHERE removed IS NULL")
    await listed(switch, "two")  # what is over has made room
    monkeypatch.setattr(controls, "REVISIONS_AN_HOUR_MAX", 1)
    hurried = await switch.call("PUT", f"{ENTRIES}/three", good)
    assert (hurried.status, hurried.json["code"], hurried.headers["Retry-After"]) == (429, "too_many_changes", "60")
    monkeypatch.setattr(controls, "LISTS_MAX", 2)
    assert (await switch.call("PUT", "/v1/lists/third", {"type": "device"})).json["code"] == "list_full"


@pytest.mark.parametrize("device", ["iPhone\u00a015", "👩\u200d💻", "a\u00adb", "x\u2028y", " "])
async def test_every_device_that_a_payment_may_carry_can_be_on_a_list(switch: RunningSwitch, device: str) -> None:
    payer, payee = await guarded(switch)
    paid = await switch.pay(payer, payee, 5, context={"device": device})
    assert paid.status == 201, paid.raw
    assert (await listed(switch, device))["value"] == device
    assert (await switch.pay(payer, payee, 5, context={"device": device})).status == 402
    refused = await switch.call("PUT", f"{ENTRIES}/{quote(device + chr(27), safe='')}", {"reason": "why"})
    assert (refused.status, refused.json["code"]) == (422, "invalid_field")


async def test_a_pack_that_names_a_list_that_is_not_there_or_holds_something_else_is_refused(
    switch: RunningSwitch,
) -> None:
    headers = {"Content-Type": "application/yaml"}
    missing = await switch.call("PUT", "/v1/rule-packs/guard", data=PACK.encode(), headers=headers)
    assert (missing.status, missing.json["code"]) == (422, "invalid_rule_pack")
    assert {each["message"] for each in missing.json["errors"]} == {
        "the switch keeps no list mules",
        "the switch keeps no list stolen-devices",
    }
    for name in ("stolen-devices", "mules"):
        await switch.call("PUT", f"/v1/lists/{name}", {"type": "device"})
    wrong = await switch.call("POST", "/v1/rule-packs/backtest", {"text": PACK})
    assert wrong.json["errors"][0]["message"] == "the list mules holds values of the type device, not wallet"


async def test_a_change_of_which_nobody_told_the_scorer_is_found_when_it_looks(switch: RunningSwitch) -> None:
    payer, payee = await guarded(switch)
    async with switch.pool.session() as session, session.transaction():
        account = await session.fetchval(SQL["key_account"], "tests")
        await session.execute(SQL["control_change_add"], 1, account)
        from rules.vocabulary.encodings import device_number

        await session.execute(
            SQL["control_entry_add"], 1, "stolen-devices", device_number("x"), "x", "told by nobody", None, 1
        )
    assert (await switch.pay(payer, payee, 10, context={"device": "x"})).status == 201
    await switch.scorer.activate()
    assert (await switch.pay(payer, payee, 10, context={"device": "x"})).status == 402
