"""A wallet's list of movements and its balance at a time, over pages, stripes and shards."""

import time
import uuid
from collections.abc import AsyncIterator

import pytest

from actors.records.layout import CHAIN_STRIDE
from switch.http.times import time_text
from tests.front_door import RunningSwitch, running_switch
from tests.payments import act, funded, hold, once_posted, row


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_a_statement_lists_both_directions_newest_first_with_balances(switch: RunningSwitch) -> None:
    _, user = await funded(switch, 1_000)
    others = [await switch.wallet() for _ in range(4)]
    for i, other in enumerate(others):
        assert (await switch.pay(user, other, 100 + i, reference=f"n{i}")).status == 201
        assert (await switch.call("POST", f"/v1/wallets/{user}/freeze", {})).status == 200
        assert (await switch.call("POST", f"/v1/wallets/{user}/unfreeze", {})).status == 200
    entries, after = [], ""
    while True:
        page = (await switch.call("GET", f"/v1/wallets/{user}/transfers?limit=2{after}")).json
        entries += page["data"]
        assert len(page["data"]) <= 2
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert [e["amount"] for e in entries] == [103, 102, 101, 100, 1_000]
    assert [e["balance_after"] for e in entries] == [594, 697, 799, 900, 1_000]
    assert [e["direction"] for e in entries] == ["out"] * 4 + ["in"]
    assert entries[0]["reference"] == "n3"
    for i, other in enumerate(others):
        await once_posted(switch, other, 100 + i)
        (entry,) = (await switch.call("GET", f"/v1/wallets/{other}/transfers")).json["data"]
        assert (entry["direction"], entry["amount"], entry["reference"]) == ("in", 100 + i, f"n{i}")
        assert entry["id"] == entries[3 - i]["id"]
        assert entry["payer"] == user


async def test_an_operator_wallet_shows_all_its_stripes(switch: RunningSwitch) -> None:
    bank = await switch.wallet("external")
    users = [await switch.wallet() for _ in range(8)]
    for user in users:
        assert (await switch.pay(bank, user, 7)).status == 201
    shown = (await switch.call("GET", f"/v1/wallets/{bank}")).json
    assert (shown["posted"], shown["available"], shown["floor"]) == (-56, None, None)
    entries, after = [], ""
    while True:
        page = (await switch.call("GET", f"/v1/wallets/{bank}/transfers?limit=3{after}")).json
        entries += page["data"]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    times = [e["created_at"] for e in entries]
    assert times == sorted(times, reverse=True), "merged over the stripes, newest first by the clock of each shard"
    assert sorted(e["payee"] for e in entries) == sorted(users)
    for shard in {user[:8] for user in users}:
        of_it = [user for user in users if user.startswith(shard)]
        assert [e["payee"] for e in entries if e["payee"] in of_it] == of_it[::-1]
    assert [e["balance_after"] for e in entries] == [-7 * count for count in range(8, 0, -1)]
    empty = (await switch.call("GET", f"/v1/wallets/{users[0]}/transfers?limit=1")).json
    assert (len(empty["data"]), empty["has_more"], empty["next"]) == (1, False, None)


async def test_a_statement_shows_movements_of_every_type(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 1_000)
    shop = await switch.wallet("merchant")
    held = await hold(switch, payer, shop, 300)
    captured = (await act(switch, held["id"], "capture", "c", amount=200)).json["id"]
    refunded = (await act(switch, captured, "refund", "r", amount=50)).json["id"]
    await once_posted(switch, payer, 850)
    await once_posted(switch, shop, 150)
    page = (await switch.call("GET", f"/v1/wallets/{payer}/transfers")).json["data"]
    assert [(e["type"], e["direction"], e["amount"], e["balance_after"]) for e in page] == [
        ("refund", "in", 50, 850),
        ("capture", "out", 200, 800),
        ("transfer", "in", 1_000, 1_000),
    ]
    assert [e["id"] for e in page][:2] == [refunded, captured]
    shop_page = (await switch.call("GET", f"/v1/wallets/{shop}/transfers")).json["data"]
    assert [(e["type"], e["direction"], e["balance_after"]) for e in shop_page] == [
        ("refund", "out", 150),
        ("capture", "in", 200),
    ]


async def test_the_balance_at_any_time_and_statements_between_times(switch: RunningSwitch) -> None:
    start, step = int(time.time() * 1000) - 86_400_000, 60_000
    wallets = []
    for kind in ("external", "user"):
        at = {"Shardpay-Time": time_text(start - 1)}
        opened = await switch.call("POST", "/v1/wallets", {"kind": kind, "currency": "EUR"}, headers=at)
        wallets.append(opened.json["id"])
    bank, user = wallets
    count = 2 * CHAIN_STRIDE + 40
    rows = [{**row(bank, user, 10, f"t{i}"), "effective_at": time_text(start + i * step)} for i in range(count)]
    answer = await switch.call("POST", "/v1/transfers/batch", {"transfers": rows}, key=str(uuid.uuid4()))
    assert {r["code"] for r in answer.json["results"]} == {"ok"}
    for i in (0, 1, CHAIN_STRIDE - 1, CHAIN_STRIDE, CHAIN_STRIDE + 1, count - 1):
        for extra, posted in ((-1, 10 * i), (0, 10 * (i + 1)), (step - 1, 10 * (i + 1))):
            then = time_text(start + i * step + extra)
            got = (await switch.call("GET", f"/v1/wallets/{user}/balance?at={then}")).json
            assert (got["posted"], got["currency"]) == (posted, "EUR"), (i, extra)
            bank_got = (await switch.call("GET", f"/v1/wallets/{bank}/balance?at={then}")).json
            assert bank_got["posted"] == -posted
    first, last = 200, 300
    span = f"from={time_text(start + first * step)}&to={time_text(start + last * step)}"
    seen: list[int] = []
    after = ""
    while True:
        page = (await switch.call("GET", f"/v1/wallets/{user}/transfers?limit=40&{span}{after}")).json
        seen += [e["balance_after"] for e in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert seen == [10 * (i + 1) for i in range(last - 1, first - 1, -1)]
