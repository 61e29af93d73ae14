"""What became of many payments at once, by id and by key."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.stores.api_keys import KeyStore
from tests.front_door import Answer, RunningSwitch, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_many_payments_are_found_at_once_by_id_and_by_key(switch: RunningSwitch) -> None:
    bank, ann = await switch.wallet("external"), await switch.wallet()
    body = {"payer": bank, "payee": ann, "amount": 5, "currency": "EUR"}
    made = [(await switch.call("POST", "/v1/transfers", body, key=f"k{i}")).json["id"] for i in range(3)]
    asked = [
        {"id": made[2]},
        {"wallet": ann, "idempotency_key": "k0"},
        {"wallet": ann, "idempotency_key": "never"},
        {"id": str(uuid.uuid4())},
        {"wallet": str(uuid.uuid4()), "idempotency_key": "k0"},
        {"wallet": ann, "idempotency_key": "k1"},
    ]
    blocks = await switch.blocks()
    answer = await switch.call("POST", "/v1/lookups/transfers", {"transfers": asked})
    assert answer.status == 200, answer.raw
    rows = answer.json["results"]
    assert [row["code"] for row in rows] == [
        "ok",
        "ok",
        "key_not_seen",
        "transfer_not_found",
        "wallet_not_found",
        "ok",
    ]
    assert [row["transfer"] and row["transfer"]["id"] for row in rows] == [made[2], made[0], None, None, None, made[1]]
    assert rows[0]["transfer"] == (await switch.call("GET", f"/v1/transfers/{made[2]}")).json
    assert await switch.blocks() == blocks
    till = (await KeyStore(switch.pool).create("till", ["pay"])).key  # asks after what it did itself
    answer = await switch.call("POST", "/v1/lookups/transfers", {"transfers": asked}, token=till)
    assert {row["code"] for row in answer.json["results"]} == {"transfer_not_found", "key_not_seen", "wallet_not_found"}


async def test_a_flood_waits_longer_after_a_payment_and_neither_who_asks_now_and_then_nor_a_capture_waits_with_it(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = KeyStore(switch.pool)
    flood, few = [(await keys.create(name, ["read"])).key for name in ("flood", "few")]
    bank, ann = await switch.wallet("external"), await switch.wallet()
    held = (await switch.pay(bank, ann, 5, hold=True)).json["id"]
    path = f"/v1/transfers/{held}"
    for name in ("PAYMENT_S", "PACE_MAX_S", "SELDOM_S"):
        monkeypatch.setattr(f"switch.views.gathered.{name}", 3600.0)
    assert (await switch.call("GET", path, token=flood)).json["status"] == "held"

    async def rests() -> "asyncio.Task[Answer]":
        """Another question of the flood, after a payment."""
        assert (await switch.pay(bank, ann, 1)).status == 201
        asked = asyncio.create_task(switch.call("GET", path, token=flood))
        while not switch.services.history._found._rests:
            assert not asked.done()
            await asyncio.sleep(0.001)
        return asked

    waits = await rests()
    assert (await switch.call("GET", path, token=few)).json["status"] == "held"
    assert (await waits).json["status"] == "held", "it is read with what waits for nothing"
    waits = await rests()
    assert (await switch.call("POST", f"{path}/capture", {}, key="capture")).status == 201
    assert (await waits).status == 200


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ([], "transfers"),
        ([{}], "transfers[0]"),
        ([{"wallet": str(uuid.uuid4())}], "transfers[0]"),
        ([{"id": str(uuid.uuid4()), "wallet": str(uuid.uuid4()), "idempotency_key": "k"}], "transfers[0]"),
        ([{"id": str(uuid.uuid4())}] * 101, "transfers"),
    ],
)
async def test_a_lookup_that_names_nothing_is_refused(switch: RunningSwitch, asked: list[Any], field: str) -> None:
    refused = await switch.call("POST", "/v1/lookups/transfers", {"transfers": asked})
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, field)
