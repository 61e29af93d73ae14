"""Wallets over HTTP: shown as they were opened, found by name, frozen, closed, changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import urlencode

import pytest

from switch.api.services import PAGES_MAX
from tests.front_door import RunningSwitch, running_switch
from tests.payments import act, funded, hold


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_a_wallet_is_shown_as_it_was_opened(switch: RunningSwitch) -> None:
    body = {
        "currency": "EUR",
        "kind": "merchant",
        "external_id": "shop-1",
        "owner": "Ann",
        "floor": -500,
        "tier": 3,
        "attributes": {"mcc": 5411},
        "metadata": {"a": "b"},
    }
    created = await switch.call("POST", "/v1/wallets", body, key="w1")
    assert created.status == 201
    wallet = created.json
    assert wallet["replayed"] is False
    assert wallet["available"] == 500
    shown = await switch.call("GET", f"/v1/wallets/{wallet['id']}")
    del wallet["replayed"]
    assert shown.json == wallet
    assert {name: shown.json[name] for name in body} == body
    again = await switch.call("POST", "/v1/wallets", body, key="w1")
    assert (again.status, again.json["id"], again.json["replayed"]) == (201, wallet["id"], True)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await switch.call("POST", "/v1/wallets", {**body, "tier": 4}, key="w1")
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    taken = await switch.call("POST", "/v1/wallets", body, key="w2")
    assert (taken.status, taken.json["code"]) == (409, "external_id_taken")


async def test_wallets_are_found_by_external_id_and_owner(switch: RunningSwitch) -> None:
    ids = [await switch.wallet(external_id=f"x{i}", owner="Ann") for i in range(5)]
    found = (await switch.call("GET", "/v1/wallets?external_id=x3")).json
    assert ([w["id"] for w in found["data"]], found["has_more"], found["next"]) == ([ids[3]], False, None)
    assert (await switch.call("GET", "/v1/wallets?external_id=nobody")).json["data"] == []
    seen, after = [], ""
    while True:
        page = (await switch.call("GET", f"/v1/wallets?owner=Ann&limit=2{after}")).json
        seen += [w["id"] for w in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize("name", ["\u200bé 😀", " "])
async def test_whatever_name_a_wallet_was_given_finds_it(switch: RunningSwitch, name: str) -> None:
    identity = await switch.wallet(external_id=name, owner=name)
    for field in ("external_id", "owner"):
        found = await switch.call("GET", f"/v1/wallets?{urlencode({field: name})}")
        assert [wallet["id"] for wallet in found.json["data"]] == [identity]


async def test_freezing_stops_paying_on_every_shard_and_closing_needs_an_empty_wallet(
    switch: RunningSwitch,
) -> None:
    bank, user = await funded(switch)
    other = await switch.wallet()
    assert (await switch.call("POST", f"/v1/wallets/{user}/freeze", {})).json["status"] == "frozen"
    refused = await switch.pay(user, other, 1)
    assert (refused.status, refused.json["code"], refused.json["money_moved"]) == (409, "payer_frozen", "no")
    assert (await switch.call("POST", f"/v1/wallets/{user}/unfreeze")).json["status"] == "open"
    full = await switch.call("POST", f"/v1/wallets/{user}/close", {})
    assert (full.status, full.json["code"]) == (409, "wallet_not_empty")
    assert (await switch.pay(user, bank, 10_000)).status == 201
    assert (await switch.call("POST", f"/v1/wallets/{user}/close", {})).json["status"] == "closed"
    assert (await switch.call("POST", f"/v1/wallets/{bank}/freeze", {})).json["status"] == "frozen"
    wallets = [await switch.wallet() for _ in range(4)]
    answers = [await switch.pay(bank, wallet, 1) for wallet in wallets]
    assert {answer.json["code"] for answer in answers} == {"payer_frozen"}
    shut = await switch.call("POST", f"/v1/wallets/{bank}/close", {})
    assert (shut.status, shut.json["code"]) == (409, "operator_wallet")


async def test_a_patch_changes_the_tier_and_the_profile(switch: RunningSwitch) -> None:
    wallet = await switch.wallet(owner="Ann", metadata={"a": "1"})
    changed = await switch.call("PATCH", f"/v1/wallets/{wallet}", {"tier": 7, "owner": None, "metadata": {"b": "2"}})
    assert changed.status == 200
    assert (changed.json["tier"], changed.json["owner"], changed.json["metadata"]) == (7, None, {"b": "2"})
    bank = await switch.wallet("external")
    refused = await switch.call("PATCH", f"/v1/wallets/{bank}", {"tier": 1})
    assert (refused.status, refused.json["code"]) == (409, "operator_wallet")


async def test_a_wallet_with_a_hold_does_not_close(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 500)
    shop = await switch.wallet("merchant")
    held = await hold(switch, payer, shop, 500)
    assert (await switch.call("POST", f"/v1/wallets/{payer}/close", {})).json["code"] == "wallet_not_empty"
    assert (await switch.call("POST", f"/v1/wallets/{payer}/freeze", {})).status == 200
    assert (await act(switch, held["id"], "capture", "honoured")).status == 201
    assert (await switch.call("POST", f"/v1/wallets/{payer}/close", {})).status == 200


@pytest.mark.parametrize("path", ["/v1/wallets?owner=ann", "/v1/wallets?external_id=a", "/v1/labels", "/v1/reviews"])
async def test_a_list_waits_for_a_place_among_the_pages(switch: RunningSwitch, path: str) -> None:
    pages = switch.services.pages
    async with AsyncExitStack() as others:
        for at in range(PAGES_MAX):
            await others.enter_async_context(pages.place(1_000 + at))
        answer = asyncio.create_task(switch.call("GET", path))
        while not pages._waiting and not answer.done():
            await asyncio.sleep(0)
        assert not answer.done()
    assert (await answer).status == 200
