"""Pages of the console call the API from inside: with the rights of who is signed in, and the answers that everybody gets."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from actors.stores.api_keys import Binding, KeyStore, Principal, key_hash
from switch.api.app import ROUTES
from switch.api.console import ApiInside
from switch.api.services import ASKING_OF_ONE_MAX
from switch.console.page import Wanted
from switch.problems.table import ProblemError
from tests.front_door import RunningSwitch

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def principal(switch: RunningSwitch, name: str, scopes: list[str], **bound: Any) -> Principal:
    store = KeyStore(switch.pool)
    key = (await store.create(name, scopes, Binding(**bound))).key
    return (await store.find([key_hash(key)]))[key_hash(key)]


async def asked(switch: RunningSwitch, who: Principal, **wanted: Any) -> Any:
    request = make_mocked_request("GET", "/console/somewhere?a=b", headers={"Cookie": "of the browser"})
    return await ApiInside(switch.services, ROUTES).call(request, who, Wanted(**wanted))


async def test_an_answer_is_that_of_the_api_from_outside(shared: RunningSwitch) -> None:
    reader = await principal(shared, "reads", ["read"])
    wallet = await shared.wallet(owner="Ann & Co")
    path = "/v1/wallets/{id}"
    shown = await asked(shared, reader, method="GET", path=path, params={"id": wallet})
    assert shown == (await shared.call("GET", f"/v1/wallets/{wallet}")).json
    listed = await asked(shared, reader, method="GET", path="/v1/wallets", query={"owner": "Ann & Co", "limit": "1"})
    assert [each["id"] for each in listed["data"]] == [wallet]


async def test_a_change_sends_its_body_and_its_own_key_and_counts_once(shared: RunningSwitch) -> None:
    payer = await principal(shared, "pays", ["pay"])
    bank, shop = await shared.wallet("external"), await shared.wallet("merchant")
    body = {"payer": bank, "payee": shop, "amount": 7, "currency": "EUR", "reference": "x" * 250}
    wanted = {"method": "POST", "path": "/v1/transfers", "headers": {"Idempotency-Key": "form-1"}, "body": body}
    first, again = [await asked(shared, payer, **wanted) for _ in range(2)]
    assert (first["replayed"], again["replayed"], first["id"]) == (False, True, again["id"])
    with pytest.raises(ProblemError) as keyless:
        await asked(shared, payer, **{**wanted, "headers": {}})
    assert keyless.value.code == "missing_idempotency_key", "the browser's own headers are not the API's"


async def test_nobody_may_more_inside_than_outside(shared: RunningSwitch) -> None:
    reader = await principal(shared, "reads", ["read"])
    bound = await principal(shared, "ann", ["read"], owners=["ann"])
    api, wallet = ApiInside(shared.services, ROUTES), await shared.wallet(owner="bob")
    assert api.may(reader, "GET", "/v1/wallets/{id}") and not api.may(reader, "POST", "/v1/transfers")
    assert api.may(bound, "GET", "/v1/wallets/{id}") and not api.may(bound, "GET", "/v1/rule-packs")
    change = {"method": "POST", "path": "/v1/wallets/{id}/{change:freeze|unfreeze|close}", "body": {}}
    for who, wanted, code in (
        (reader, {**change, "params": {"id": wallet, "change": "freeze"}}, "forbidden"),
        (bound, {"method": "GET", "path": "/v1/wallets/{id}", "params": {"id": wallet}}, "wallet_not_found"),
    ):
        with pytest.raises(ProblemError) as refused:
            await asked(shared, who, **wanted)
        assert refused.value.code == code


async def test_a_page_asks_when_it_is_its_callers_turn(shared: RunningSwitch) -> None:
    reader = await principal(shared, "many-pages", ["read"])
    wallet, asking = await shared.wallet(), shared.services.asking
    async with AsyncExitStack() as others:
        for _ in range(ASKING_OF_ONE_MAX):
            await others.enter_async_context(asking.place(reader.account))
        wanted = {"method": "GET", "path": "/v1/wallets/{id}", "params": {"id": wallet}}
        shown = asyncio.create_task(asked(shared, reader, **wanted))
        while reader.account not in asking._waiting and not shown.done():
            await asyncio.sleep(0)
        assert not shown.done()
    assert (await shown)["id"] == wallet


async def test_figures_say_what_probes_and_metrics_say(shared: RunningSwitch) -> None:
    bank, shop = await shared.wallet("external"), await shared.wallet("merchant")
    before = await ApiInside(shared.services, ROUTES).figures()
    assert (await shared.pay(bank, shop, 7)).status == 201
    after = await ApiInside(shared.services, ROUTES).figures()
    assert (after.ready, after.why, len(after.shards)) == (True, None, 2)
    assert after.results["ok"] == before.results.get("ok", 0) + 1 and after.packs["live"] == ["default@1"]
    shared.services.leaving = True
    try:
        leaving = await ApiInside(shared.services, ROUTES).figures()
    finally:
        shared.services.leaving = False
    assert not leaving.ready and leaving.why


async def test_a_console_of_a_switch_without_a_deployment_shows_no_packs(shared: RunningSwitch) -> None:
    async def none() -> Any:
        raise LookupError("no deployment")

    kept = shared.services.packs.deployment
    shared.services.packs.deployment = none  # type: ignore[method-assign]
    try:
        assert (await ApiInside(shared.services, ROUTES).figures()).packs == {}
    finally:
        shared.services.packs.deployment = kept  # type: ignore[method-assign]
