"""A dry run says what the payment then becomes, and leaves nothing behind: not in the ledger, nor in counts, nor in the journal."""

import random
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.stores.api_keys import KeyStore
from tests.front_door import Answer, RunningSwitch, remembered, running_switch
from tests.reviewer import REVIEWED, Reviewer

SEED = 6
PAYMENTS = 60


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


@pytest.fixture
async def reviewing(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, scorer=Reviewer()) as running:
        yield running


async def dry(switch: RunningSwitch, body: dict[str, Any], **how: Any) -> Answer:
    return await switch.call("POST", "/v1/dry-runs/transfers", body, **how)


async def shown(switch: RunningSwitch, wallet: str) -> dict[str, Any]:
    answer = (await switch.call("GET", f"/v1/wallets/{wallet}")).json
    return {name: answer[name] for name in ("posted", "held", "available")}


async def test_a_payment_becomes_what_its_dry_run_said(reviewing: RunningSwitch) -> None:
    switch, dice = reviewing, random.Random(SEED)
    bank = await switch.wallet("external")
    people = [await switch.wallet(tier=tier) for tier in (0, 1, 2)]
    shops = [await switch.wallet("merchant") for _ in range(3)]
    for person in people:
        assert (await switch.pay(bank, person, 200_000)).status == 201
    seen = set()
    for _ in range(PAYMENTS):
        payer = dice.choice([*people, people[0], bank])
        payee = dice.choice([each for each in (*people, *shops) if each != payer])
        amount = dice.choice([REVIEWED, 5, 150, 90_000, 10**7])
        body = {"payer": payer, "payee": payee, "amount": amount, "currency": "EUR", "context": {"country": "DE"}}
        if dice.random() < 0.3:
            body |= {"hold": True}
        stated = await dry(switch, body)
        assert stated.status == 200, stated.raw
        made = await switch.call("POST", "/v1/transfers", body, key=str(uuid.uuid4()))
        done = made.json
        if made.status == 201:
            assert (stated.json["status"], stated.json["code"]) == (done["status"], "ok")
        else:
            assert (stated.json["status"], stated.json["code"]) == ("declined", done["code"])
        assert stated.json["decision"] == done["decision"]
        assert stated.json["balances"]["payer"] == await shown(switch, payer)
        seen.add((stated.json["status"], stated.json["code"]))
    assert seen == {("posted", "ok"), ("held", "ok"), ("in_review", "ok"), ("declined", "insufficient_funds")}


async def test_a_dry_run_leaves_nothing_behind(switch: RunningSwitch) -> None:
    bank, ann, shop = await switch.wallet("external"), await switch.wallet(), await switch.wallet("merchant")
    body = {"payer": ann, "payee": shop, "amount": 500, "currency": "EUR"}
    for _ in range(12):  # more attempts than are remembered at first
        assert (await switch.pay(bank, ann, 1_000)).status == 201
        assert (await switch.call("POST", "/v1/transfers", body, key=str(uuid.uuid4()))).status == 201
    before, blocks = remembered(switch), await switch.blocks()
    reported = [
        (await dry(switch, each)).json for each in (body, body, {**body, "hold": True}, {**body, "payer": bank})
    ]
    assert reported[0] == reported[1] and [each["status"] for each in reported] == [
        "posted",
        "posted",
        "held",
        "posted",
    ]
    assert remembered(switch) == before and await switch.blocks() == blocks


async def test_what_would_be_refused_is_the_problem_that_the_payment_would_get(switch: RunningSwitch) -> None:
    ann, dollars = await switch.wallet(), await switch.wallet("merchant", "USD")
    stranger = str(uuid.uuid4())
    for body, status, code in (
        ({"payer": ann, "payee": dollars}, 422, "currency_mismatch"),
        ({"payer": ann, "payee": ann}, 422, "same_wallet"),
        ({"payer": ann, "payee": stranger}, 404, "payee_not_found"),
        ({"payer": stranger, "payee": ann}, 404, "payer_not_found"),
    ):
        asked = {"amount": 5, "currency": "EUR", **body}
        stated = await dry(switch, asked)
        made = await switch.call("POST", "/v1/transfers", asked, key=str(uuid.uuid4()))
        assert (stated.status, stated.json["code"]) == (status, code), stated.raw
        assert (made.status, made.json["code"]) == (status, code), made.raw


async def test_balances_are_shown_to_a_key_that_may_read_them(switch: RunningSwitch) -> None:
    bank, ann = await switch.wallet("external"), await switch.wallet()
    body = {"payer": bank, "payee": ann, "amount": 5, "currency": "EUR"}
    till = (await KeyStore(switch.pool).create("till", ["pay"])).key
    stated = (await dry(switch, body, token=till)).json
    assert (stated["status"], stated["balances"]) == ("posted", {"payer": None, "payee": None})
    expected = {
        "payer": {"posted": -5, "held": 0, "available": None},
        "payee": {"posted": 5, "held": 0, "available": 5},
    }
    assert (await dry(switch, body)).json["balances"] == expected
    refused = await switch.call("POST", "/v1/transfers?balances=true", body, key="k", token=till)
    assert (refused.status, refused.json["code"]) == (403, "forbidden")
    refused = await switch.call("POST", "/v1/transfers?balances=yes", body, key="k")
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "balances")
    paid = await switch.call("POST", "/v1/transfers?balances=true", body, key="k")
    assert (paid.status, paid.json["balances"]) == (201, expected)
    again = await switch.call("POST", "/v1/transfers?balances=false", body, key="k")
    assert again.json == {**{k: v for k, v in paid.json.items() if k != "balances"}, "replayed": True}
