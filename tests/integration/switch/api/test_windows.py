"""The windows of a wallet are what the next payment is decided with: an explanation of that has the same."""

from collections.abc import AsyncIterator

import pytest

from actors.stores.api_keys import Binding, KeyStore
from rules.vocabulary.times import time_ms
from tests.front_door import RunningSwitch, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_windows_are_what_the_next_payment_sees(switch: RunningSwitch) -> None:
    bank, ann = await switch.wallet("external"), await switch.wallet()
    shop, other = await switch.wallet("merchant"), await switch.wallet("merchant")
    none = (await switch.call("GET", f"/v1/wallets/{ann}/windows")).json
    assert none["counted"] and none["attempts"] == [] and none["day_total"] == 0
    assert {(each["count"], each["until"], each["complete"]) for each in none["windows"]} == {(0, None, True)}
    assert (await switch.pay(bank, ann, 50_000, kind="top_up")).status == 201
    for payee, amount in ((shop, 700), (shop, 300), (other, 40)):
        assert (await switch.pay(ann, payee, amount)).status == 201
    assert (await switch.pay(ann, shop, 60_000)).status == 402, "what is declined counts too"
    found = (await switch.call("GET", f"/v1/wallets/{ann}/windows")).json
    paid = await switch.pay(ann, shop, 5)
    explained = await switch.call("POST", f"/v1/transfers/{paid.json['id']}/explanation", {})
    columns = explained.json["explanation"]["columns"]
    for window in found["windows"]:
        for what in ("count", "sum", "max", "payees"):
            assert window[what] == columns[f"{what}_{window['window']}"], (window, what)
    assert [window["count"] for window in found["windows"]] == [4, 4, 4]
    assert found["day_total"] == columns["payer_day_total"] == 1_040
    assert [(each["amount"], each["payee"]) for each in found["attempts"][:2]] == [(60_000, shop), (40, other)]
    hour, oldest = found["windows"][0], found["attempts"][-1]
    assert time_ms(hour["until"]) == time_ms(oldest["effective_at"]) + 3_600_000


async def test_of_operators_nothing_is_counted_and_others_see_nothing(switch: RunningSwitch) -> None:
    bank, ann = await switch.wallet("external"), await switch.wallet(owner="ann")
    found = (await switch.call("GET", f"/v1/wallets/{bank}/windows")).json
    assert (found["counted"], found["windows"], found["attempts"]) == (False, [], [])
    assert (await switch.call("GET", f"/v1/wallets/{ann[:-1]}0/windows")).status == 404
    own = (await KeyStore(switch.pool).create("ann", ["read"], Binding(owners=("ann",)))).key
    assert (await switch.call("GET", f"/v1/wallets/{ann}/windows", token=own)).status == 200
    assert (await switch.call("GET", f"/v1/wallets/{bank}/windows", token=own)).status == 404
