"""What happened on all wallets of an owner is their lists as one, page by page, and nothing of anybody else."""

from collections.abc import AsyncIterator
from operator import itemgetter
from urllib.parse import urlencode

import pytest

from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from actors.stores.api_keys import Binding, KeyStore
from switch.api import owner_lists
from tests.front_door import SECRET, RunningSwitch, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_the_list_of_an_owner_is_that_of_its_wallets_as_one(switch: RunningSwitch) -> None:
    bank, shop = await switch.wallet("external"), await switch.wallet("merchant")
    owned = [await switch.wallet(owner="ann & co") for _ in range(3)] + [
        await switch.wallet("merchant", owner="ann & co")
    ]
    for wallet in owned[:3]:
        assert (await switch.pay(bank, wallet, 1_000)).status == 201
    for i in range(25):
        assert (await switch.pay(owned[i % 3], (*owned, shop)[-1 - i % 2], 1 + i)).status == 201
    expected = []
    for wallet in owned:
        lines = (await switch.call("GET", f"/v1/wallets/{wallet}/transfers?limit=100")).json["data"]
        expected += [{**line, "wallet": wallet} for line in lines]
    assert len(expected) == 3 + 25 + sum(i % 2 for i in range(25))

    def times(lines: list[dict[str, str]]) -> list[str]:
        return [line["effective_at"] for line in lines]

    for limit in (1, 7, 100):
        found, after = [], ""
        while True:
            page = (await switch.call("GET", f"/v1/owners/transfers?owner=ann%20%26%20co&limit={limit}{after}")).json
            found += page["data"]
            assert len(page["data"]) <= limit
            if not page["has_more"]:
                break
            after = f"&after={page['next']}"
        assert times(found) == sorted(times(expected), reverse=True)
        key = itemgetter("wallet", "id", "direction")
        assert sorted(found, key=key) == sorted(expected, key=key)
    nobody = await switch.call("GET", "/v1/owners/transfers?owner=nobody")
    assert nobody.json == {"data": [], "has_more": False, "next": None}
    refused = await switch.call("GET", "/v1/owners/transfers")
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "owner")


async def test_an_owner_is_found_by_whatever_name_it_was_given(switch: RunningSwitch) -> None:
    bank = await switch.wallet("external")
    for name in ("Ann\u00a0Lee", "\u200bé 😀"):
        wallet = await switch.wallet(owner=name)
        assert (await switch.pay(bank, wallet, 5)).status == 201
        page = await switch.call("GET", f"/v1/owners/transfers?{urlencode({'owner': name})}")
        assert [line["wallet"] for line in page.json["data"]] == [wallet], page.raw
    refused = await switch.call("GET", "/v1/owners/transfers?owner=a%00b")
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "owner")


async def test_a_bound_key_sees_the_lines_of_its_own_wallets_alone(switch: RunningSwitch) -> None:
    bank = await switch.wallet("external")
    mine, other = await switch.wallet(owner="Ann"), await switch.wallet(owner="Ann")
    for wallet in (mine, other):
        assert (await switch.pay(bank, wallet, 5)).status == 201
    address = decode_wallet(Secret.of(SECRET), mine)
    bound = await KeyStore(switch.pool).create("one", ["read"], Binding(wallets=[address]))
    seen = await switch.call("GET", "/v1/owners/transfers?owner=Ann", token=bound.key)
    assert [line["wallet"] for line in seen.json["data"]] == [mine]
    paying = await KeyStore(switch.pool).create("payer", ["pay"])
    assert (await switch.call("GET", "/v1/owners/transfers?owner=Ann", token=paying.key)).status == 403


async def test_a_cursor_of_another_owner_and_too_many_wallets_are_refused(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = await switch.wallet("external")
    for name in ("Ann", "Bob"):
        wallet = await switch.wallet(owner=name)
        for _ in range(2):
            assert (await switch.pay(bank, wallet, 5)).status == 201
    page = (await switch.call("GET", "/v1/owners/transfers?owner=Ann&limit=1")).json
    foreign = await switch.call("GET", f"/v1/owners/transfers?owner=Bob&limit=1&after={page['next']}")
    assert (foreign.status, foreign.json["errors"][0]["field"]) == (422, "after")
    monkeypatch.setattr(owner_lists, "OWNED_MAX", 1)
    await switch.wallet(owner="Ann")
    many = await switch.call("GET", "/v1/owners/transfers?owner=Ann")
    assert (many.status, many.json["errors"][0]["field"]) == (422, "owner")
    assert "up to 1 wallet is expected" in many.json["detail"]
