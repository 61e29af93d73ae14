"""What is open on a wallet comes to what is held, over all shards."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from switch.views import statement
from tests.front_door import RunningSwitch, running_switch
from tests.reviewer import REVIEWED, Reviewer


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def holds(switch: RunningSwitch, wallet: str, limit: int = 100) -> list[dict[str, Any]]:
    """All pages."""
    found, after = [], ""
    while True:
        page = (await switch.call("GET", f"/v1/wallets/{wallet}/holds?limit={limit}{after}")).json
        found += page["data"]
        assert len(page["data"]) <= limit and (page["next"] is None) != page["has_more"]
        if not page["has_more"]:
            return found
        after = f"&after={page['next']}"


async def act(switch: RunningSwitch, hold: str, what: str, **body: Any) -> None:
    answer = await switch.call("POST", f"/v1/transfers/{hold}/{what}", body, key=str(uuid.uuid4()))
    assert answer.status == 201, answer.raw


async def test_open_holds_come_to_what_is_held(switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement, "OTHERS_MAX", 6)  # so that pages are short
    bank, ann, shop = await switch.wallet("external"), await switch.wallet(), await switch.wallet("merchant")
    assert await holds(switch, ann) == []
    assert (await switch.pay(bank, ann, 100_000)).status == 201
    made = [(await switch.pay(ann, shop, 100 + i, hold=True, reference=f"hold {i}")).json["id"] for i in range(12)]
    await act(switch, made[0], "capture", amount=40, final=False)
    await act(switch, made[3], "capture")
    await act(switch, made[5], "void")
    for _ in range(9):
        assert (await switch.pay(ann, shop, 1)).status == 201
    open_ = [made[i] for i in range(12) if i not in (3, 5)]
    for limit in (1, 4, 100):
        found = await holds(switch, ann, limit)
        assert [hold["id"] for hold in found] == open_[::-1]
    shown = (await switch.call("GET", f"/v1/wallets/{ann}")).json
    assert sum(hold["left"] for hold in found) == shown["held"]
    assert [found[-1][name] for name in ("captured", "left", "status", "reference")] == [40, 60, "held", "hold 0"]
    assert await holds(switch, shop) == []


async def test_holds_of_an_operator_wallet_are_found_on_all_shards(switch: RunningSwitch) -> None:
    bank = await switch.wallet("external")
    users = [await switch.wallet() for _ in range(6)]
    made = {(await switch.pay(bank, user, 5, hold=True)).json["id"] for user in users}
    for limit in (1, 100):
        assert {hold["id"] for hold in await holds(switch, bank, limit)} == made


async def test_payments_in_review_are_open_holds(database_url: str) -> None:
    async with running_switch(database_url, scorer=Reviewer()) as switch:
        bank, ann, shop = await switch.wallet("external"), await switch.wallet(), await switch.wallet("merchant")
        assert (await switch.pay(bank, ann, 10_000)).status == 201
        made = [(await switch.pay(ann, shop, REVIEWED, hold=hold)).json["id"] for hold in (False, True)]
        found = await holds(switch, ann)
        assert [(hold["id"], hold["status"]) for hold in found] == [(each, "in_review") for each in made[::-1]]
        assert (await switch.call("POST", f"/v1/reviews/{made[0]}/approve", {}, key="a")).status == 201
        assert (await switch.call("POST", f"/v1/reviews/{made[1]}/approve", {}, key="b")).status == 201
        assert [(hold["id"], hold["status"]) for hold in await holds(switch, ann)] == [(made[1], "held")]
