"""Four eyes: what changes decisions is asked for by one account and made when another one approves it, and by no other way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from actors.stores import proposals
from actors.stores.api_keys import KeyStore
from switch.api.four_eyes import FourEyes
from switch.http.times import now_ms, time_text
from tests.front_door import Answer, RunningSwitch, running_switch
from tests.published_packs import pack, payers, published

ENTRY = "/v1/lists/stolen/entries/phone%2F1"
REASON = {"reason": "reported"}


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1, four_eyes=FourEyes(four_eyes=True)) as running:
        await running.call("PUT", "/v1/lists/stolen", {"type": "device"})
        yield running


@pytest.fixture
async def ann(switch: RunningSwitch) -> str:
    return (await KeyStore(switch.pool).create("ann", ["analyst"])).key


async def asked(switch: RunningSwitch, method: str, path: str, body: Any = None, **sent: Any) -> Answer:
    call = {"method": method, "path": path, "reason": "case 17"} | ({} if body is None else {"content": body})
    return await switch.call("POST", "/v1/proposals", call, **sent)


async def answered(switch: RunningSwitch, proposal: str, what: str, **sent: Any) -> Answer:
    return await switch.call("POST", f"/v1/proposals/{proposal}/{what}", {}, **sent)


async def test_a_change_is_made_when_another_account_approves_it_in_the_name_of_who_asked(
    switch: RunningSwitch, ann: str
) -> None:
    alone = await switch.call("PUT", ENTRY, REASON)
    assert (alone.status, alone.json["code"]) == (403, "approval_needed")
    made = await asked(switch, "PUT", ENTRY, REASON)
    assert (made.status, made.json["status"], made.json["made_by"], made.json["content"]) == (
        201,
        "open",
        "tests",
        REASON,
    )
    identity = made.json["id"]
    second_key = (await KeyStore(switch.pool).create("tests", ["analyst", "admin"])).key
    for token in (None, second_key):
        own = await answered(switch, identity, "approve", token=token)
        assert (own.status, own.json["code"]) == (403, "own_proposal"), "nor with another key of the same account"
    assert (await switch.call("GET", ENTRY)).status == 404
    approved = await answered(switch, identity, "approve", token=ann)
    assert (approved.status, approved.json["status"], approved.json["answered_by"]) == (200, "approved", "ann")
    assert (approved.json["answer"]["value"], approved.json["answer"]["made_by"]) == ("phone/1", "tests")
    assert (await switch.call("GET", ENTRY)).json["reason"] == "reported"
    again = await answered(switch, identity, "approve", token=ann)
    assert (again.status, again.json["code"], again.json["detail"]) == (
        409,
        "proposal_over",
        "The proposal is approved by ann.",
    )
    gone = await asked(switch, "DELETE", ENTRY, token=ann)
    assert (await answered(switch, gone.json["id"], "approve")).status == 200
    assert (await switch.call("GET", ENTRY)).status == 404


async def test_a_pack_decides_once_a_second_person_says_so(switch: RunningSwitch, ann: str) -> None:
    _, (wallet,) = await payers(switch)
    shop = await switch.wallet()
    await published(switch, "strict", pack("strict"))
    path = "/v1/rule-packs/strict/mode"
    assert (await switch.call("POST", path, {"mode": "live"})).json["code"] == "approval_needed"
    assert (await switch.pay(wallet, shop, 1_000)).status == 201
    made = (await asked(switch, "POST", path, {"mode": "live"})).json
    approved = await answered(switch, made["id"], "approve", token=ann)
    assert approved.json["answer"]["deployment"]["live"] == "strict@1", approved.raw
    assert approved.json["answer"]["deployment"]["made_by"] == "tests"
    assert (await switch.pay(wallet, shop, 1_000)).status == 402


async def test_what_is_published_after_a_mode_was_asked_for_is_not_what_is_approved(
    switch: RunningSwitch, ann: str
) -> None:
    await published(switch, "strict", pack("strict"))
    made = (await asked(switch, "POST", "/v1/rule-packs/strict/mode", {"mode": "live"})).json
    assert made["content"] == {"mode": "live", "version": 1}
    await published(switch, "strict", pack("strict") + b"# other\n")
    approved = await answered(switch, made["id"], "approve", token=ann)
    assert approved.json["answer"]["deployment"]["live"] == "strict@1", approved.raw
    for path, code in (("rule-packs/none", "rule_pack_not_found"), ("scorecards/none", "scorecard_not_found")):
        unknown = await asked(switch, "POST", f"/v1/{path}/mode", {"mode": "live"})
        assert (unknown.status, unknown.json["code"]) == (404, code)
    refused = await asked(switch, "POST", "/v1/rule-packs/n%00/mode", {"mode": "live"})
    assert (refused.status, refused.json["code"]) == (422, "invalid_field")


async def test_a_card_that_is_approved_decides_through_the_version_of_the_pack_that_was_looked_at(
    switch: RunningSwitch, ann: str
) -> None:
    card = {"name": "till", "version": 1, "base": 90, "characteristics": []}
    assert (await switch.call("PUT", "/v1/scorecards/till", card)).status == 201
    through_live = (await asked(switch, "POST", "/v1/scorecards/till/mode", {"mode": "live"})).json
    over_live = {"mode": "live", "version": 1, "pack": "default", "pack_version": 1, "if_live": "default@1"}
    assert through_live["content"] == over_live
    await published(switch, "other", pack("other"))
    through = (await asked(switch, "POST", "/v1/scorecards/till/mode", {"mode": "shadow", "pack": "other"})).json
    assert through["content"] == {"mode": "shadow", "version": 1, "pack": "other", "pack_version": 1}
    await published(switch, "other", pack("other") + b"# other\n")
    assert (await switch.call("PUT", "/v1/scorecards/till", {**card, "version": 2, "base": 1})).status == 201
    for made in (through, through_live):
        approved = await answered(switch, made["id"], "approve", token=ann)
        assert approved.status == 200, approved.raw
    assert approved.json["answer"]["pack"] == "default@2"
    shown = (await switch.call("GET", "/v1/rule-packs/other?version=3")).json
    assert (shown["mode"], shown["card"], "# other" in shown["text"]) == ("shadow", "till@1", False)
    off = await asked(switch, "POST", "/v1/scorecards/till/mode", {"mode": "off"})
    assert off.json["content"] == {"mode": "off", "version": 2}


@pytest.mark.parametrize(("name", "version"), [("default", 2), ("other", 1)])
async def test_a_card_that_was_proposed_takes_back_no_pack_that_became_live_since(
    switch: RunningSwitch, ann: str, name: str, version: int
) -> None:
    card = {"name": "till", "version": 1, "base": 90, "characteristics": []}
    assert (await switch.call("PUT", "/v1/scorecards/till", card)).status == 201
    of_card = (await asked(switch, "POST", "/v1/scorecards/till/mode", {"mode": "live"})).json
    await published(switch, name, pack(name))
    of_pack = (await asked(switch, "POST", f"/v1/rule-packs/{name}/mode", {"mode": "live"})).json
    assert (await answered(switch, of_pack["id"], "approve", token=ann)).status == 200
    refused = await answered(switch, of_card["id"], "approve", token=ann)
    assert (refused.status, refused.json["code"]) == (409, "version_conflict"), refused.raw
    assert f"{name}@{version} is live" in refused.json["detail"]
    assert (await switch.call("GET", f"/v1/rule-packs/{name}?version={version}")).json["mode"] == "live"
    for wrong in ({"mode": "live", "pack_version": 3}, {"mode": "off", "pack": "default", "pack_version": 1}):
        unknown = await asked(switch, "POST", "/v1/scorecards/till/mode", wrong)
        assert (unknown.status, unknown.json["errors"][0]["field"]) == (422, "pack_version")


async def test_what_a_call_refuses_leaves_its_proposal_open_and_anybody_declines(
    switch: RunningSwitch, ann: str
) -> None:
    made = (await asked(switch, "POST", "/v1/rule-packs/default/mode", {"mode": "off"})).json
    refused = await answered(switch, made["id"], "approve", token=ann)
    assert (refused.status, refused.json["code"]) == (409, "deployment_refused")
    assert (await switch.call("GET", f"/v1/proposals/{made['id']}")).json["status"] == "open"
    assert (await answered(switch, made["id"], "decline")).json["status"] == "declined"
    assert (await answered(switch, made["id"], "approve", token=ann)).json["code"] == "proposal_over"
    assert (await answered(switch, made["id"], "decline", token=ann)).json["code"] == "proposal_over"
    reader = (await KeyStore(switch.pool).create("reader", ["read"])).key
    assert (await answered(switch, made["id"], "approve", token=reader)).status == 403


async def test_one_that_expired_is_approved_by_nobody_and_one_that_was_begun_is_finished(
    switch: RunningSwitch, ann: str
) -> None:
    late, begun = [(await asked(switch, "PUT", ENTRY, REASON)).json["id"] for _ in range(2)]
    async with switch.pool.session() as session:
        await session.execute("UPDATE proposal SET expires_at = now() WHERE id = $1", late)
        beginning = "UPDATE proposal SET state = 1, answered_by = 1, answered_at = now() - $2::interval WHERE id = $1"
        await session.execute(beginning, begun, timedelta(seconds=140))
    refused = await answered(switch, late, "approve", token=ann)
    assert (refused.json["code"], refused.json["detail"]) == ("proposal_over", "The proposal is expired.")
    listed = (await switch.call("GET", "/v1/proposals")).json["data"]
    assert [(each["id"], each["status"]) for each in listed] == [(begun, "carrying_out")]
    assert (await answered(switch, begun, "decline", token=ann)).json["code"] == "proposal_over"
    still = await answered(switch, begun, "approve", token=ann)
    assert (still.json["code"], still.json["detail"]) == ("proposal_over", "The proposal is carrying_out by tests.")
    async with switch.pool.session() as session:
        await session.execute(beginning, begun, timedelta(seconds=151))
    assert (await answered(switch, begun, "approve", token=ann)).json["status"] == "approved", "its process had died"
    first = (await switch.call("GET", "/v1/proposals?all=true&limit=1")).json
    rest = (await switch.call("GET", f"/v1/proposals?all=true&limit=1&after={first['next']}")).json
    assert [(each["id"], each["status"]) for each in [*first["data"], *rest["data"]]] == [
        (begun, "approved"),
        (late, "expired"),
    ]
    assert rest["next"] is None


async def test_of_two_who_approve_at_once_the_change_is_one(switch: RunningSwitch, ann: str) -> None:
    bob = (await KeyStore(switch.pool).create("bob", ["admin"])).key
    made = (await asked(switch, "PUT", ENTRY, REASON)).json["id"]
    answers = await asyncio.gather(*(answered(switch, made, "approve", token=token) for token in (ann, bob)))
    assert 200 in {each.status for each in answers} <= {200, 409}
    assert (await switch.call("GET", ENTRY)).json["revision"] == 1


async def test_what_cannot_be_proposed_is_refused_by_its_field(
    switch: RunningSwitch, ann: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases: list[tuple[tuple[Any, ...], str]] = [
        (("POST", "/v1/transfers", {}), "path"),
        (("GET", ENTRY), "method"),
        (("PUT", ENTRY), "content"),
        (("PUT", ENTRY, {"reason": 5}), "content"),
        (("DELETE", ENTRY, {}), "content"),
    ]
    for call, field in cases:
        refused = await asked(switch, *call)
        assert (refused.status, [each["field"] for each in refused.json["errors"]]) == (422, [field]), refused.raw
    assert (await answered(switch, str(uuid4()), "approve")).json["code"] == "proposal_not_found"
    monkeypatch.setattr(proposals, "OPEN_MAX", 0)
    assert (await asked(switch, "PUT", ENTRY, REASON)).json["code"] == "proposals_full"


async def test_without_four_eyes_a_call_is_made_at_once_and_nothing_is_proposed(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as running:
        await running.call("PUT", "/v1/lists/stolen", {"type": "device"})
        assert (await running.call("PUT", ENTRY, REASON)).status == 200
        assert (await asked(running, "PUT", ENTRY, REASON)).json["code"] == "four_eyes_off"


async def test_what_was_written_of_a_wallet_goes_with_its_profile_once_a_proposal_is_over(
    switch: RunningSwitch, ann: str
) -> None:
    wallet, other = await switch.wallet(owner="carol"), await switch.wallet()
    until = time_text(now_ms() + 86_400_000)

    def snooze(of: str) -> tuple[str, dict[str, str]]:
        path = f"/v1/rule-packs/default/rules/burst/snoozes/{of}"
        return path, {"reason": "carol pays her staff", "until": until}

    over = (await asked(switch, "PUT", *snooze(wallet))).json["id"]
    waits = (await asked(switch, "PUT", *snooze(wallet))).json["id"]
    others = (await asked(switch, "PUT", *snooze(other))).json["id"]
    entry = {"reason": f"the phone of {wallet.upper()}, that is carol"}
    named = (await asked(switch, "PUT", ENTRY, entry)).json["id"]
    for each in (over, named):
        assert (await answered(switch, each, "decline")).status == 200
    erased = (await switch.call("DELETE", f"/v1/wallets/{wallet}/profile")).json
    assert erased["kept"] == [{"id": waits, "until": "the proposal is answered or expires"}]

    async def texts(proposal: str) -> tuple[str, Any]:
        shown = (await switch.call("GET", f"/v1/proposals/{proposal}")).json
        return shown["reason"], shown["content"]

    assert await texts(over) == ("", {"until": until})
    assert await texts(named) == ("", {})
    assert await texts(waits) == ("case 17", snooze(wallet)[1])
    assert await texts(others) == ("case 17", snooze(other)[1])
    assert (await answered(switch, waits, "approve", token=ann)).status == 200
    assert (await switch.call("DELETE", f"/v1/wallets/{wallet}/profile")).json["kept"] == []
    assert await texts(waits) == ("", {"until": until})
    found = await switch.pool.fetch("proposals_naming", ["carol"])
    assert [str(row["id"]) for row in found] == [others], "this one is of somebody else"


async def test_a_retry_after_an_erasure_gets_a_proposals_answer_without_what_was_written(
    switch: RunningSwitch, ann: str
) -> None:
    wallet, until = await switch.wallet(owner="carol"), time_text(now_ms() + 86_400_000)
    snooze = f"/v1/rule-packs/default/rules/burst/snoozes/{wallet.upper()}"
    call = ("PUT", snooze, {"reason": "carol pays her staff", "until": until})
    made = (await asked(switch, *call, key="p")).json
    approved = (await answered(switch, made["id"], "approve", token=ann, key="a")).json
    assert approved["answer"]["reason"] == "carol pays her staff"
    assert (await switch.call("DELETE", f"/v1/wallets/{wallet}/profile")).status == 200
    again = await asked(switch, *call, key="p")
    assert again.json == {**made, "reason": "", "content": {"reason": "", "until": until}}, again.raw
    again = await answered(switch, made["id"], "approve", token=ann, key="a")
    assert (again.status, again.json["id"], again.json["answer"]["reason"]) == (200, made["id"], "")
    assert b"carol" not in again.raw and b"case 17" not in again.raw
