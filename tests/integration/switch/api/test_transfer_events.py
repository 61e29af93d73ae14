"""What a payment left in the journal: events page by page and by id, both legs of each movement, on one shard and between two."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from actors.stores.api_keys import Binding, KeyStore
from tests.front_door import RunningSwitch, running_switch

WITHIN_S = 20.0
GROUP = 50
STATEMENTS = 8
"""Of a page, whatever it is of: each kind once."""


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def events(switch: RunningSwitch, identity: str, query: str = "limit=100", **sent: Any) -> Any:
    answer = await switch.call("GET", f"/v1/transfers/{identity}/events?{query}", **sent)
    assert answer.status == 200, answer.raw
    return answer.json


def legs_in(page: Any) -> list[Any]:
    """Legs of a page's movements, in order."""
    return [leg for event in page["data"] for leg in event.get("legs", ())]


async def landed(switch: RunningSwitch, identity: str, legs: int) -> Any:
    """The events of a payment, once so many legs are booked."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found = await events(switch, identity)
            if len([leg for leg in legs_in(found) if leg["id"]]) == legs:
                return found
            await asyncio.sleep(0.02)


async def apart(switch: RunningSwitch) -> tuple[str, str]:
    """A user with money and a shop, on different shards."""
    bank, ann = await switch.wallet("external"), await switch.wallet(owner="ann")
    assert (await switch.pay(bank, ann, 50_000, kind="top_up")).status == 201
    for _ in range(20):
        shop = await switch.wallet("merchant", owner="shop")
        paid = (await switch.pay(ann, shop, 1)).json["id"]
        if len({leg["shard"] for leg in legs_in(await events(switch, paid))}) == 2:
            return ann, shop
    raise AssertionError("all wallets are on one shard")


async def test_a_payment_between_shards_and_its_refund_have_legs_on_both(switch: RunningSwitch) -> None:
    ann, shop = await apart(switch)
    paid = (await switch.pay(ann, shop, 700)).json["id"]
    found = await landed(switch, paid, 2)
    debit, credit = found["data"][0]["legs"]
    assert (debit["side"], debit["wallet"], debit["id"], debit["amount"]) == ("debit", ann, paid, 700)
    assert (credit["side"], credit["wallet"], found["data"][0]["id"]) == ("credit", shop, paid)
    assert credit["shard"] != debit["shard"] and credit["id"] != paid and credit["booked_at"] >= debit["booked_at"]
    assert [each["type"] for each in found["data"]] == ["transfer.posted", "leg.landed"]
    assert found["data"][1]["id"] == credit["id"] and found["data"][1]["data"]["of"] == paid
    refund = await switch.call("POST", f"/v1/transfers/{paid}/refund", {"amount": 200}, key="back")
    assert refund.status == 201, refund.raw
    both = await landed(switch, paid, 4)
    assert [(leg["wallet"], leg["amount"]) for leg in legs_in(both)[2:]] == [(shop, 200), (ann, 200)]
    assert legs_in(both)[2]["shard"] == credit["shard"] and legs_in(both)[3]["shard"] == debit["shard"]
    types = ["transfer.posted", "leg.landed", "transfer.refunded", "leg.landed"]
    assert [each["type"] for each in both["data"]] == types
    for each in both["data"]:
        one = await switch.call("GET", f"/v1/events/{each['id'].upper()}")
        assert (one.status, one.json) == (200, {name: each[name] for name in each if name != "legs"})


async def test_what_is_booked_in_one_record_has_both_legs_there(switch: RunningSwitch) -> None:
    bank, ann = await switch.wallet("external"), await switch.wallet()
    paid = (await switch.pay(bank, ann, 5_000, kind="top_up")).json["id"]
    found = await events(switch, paid)
    assert [(leg["side"], leg["id"], leg["shard"]) for leg in legs_in(found)] == [
        ("debit", paid, found["data"][0]["shard"]),
        ("credit", paid, found["data"][0]["shard"]),
    ]
    hold = (await switch.pay(ann, bank, 400, hold=True)).json["id"]
    assert "legs" not in (await events(switch, hold))["data"][0], "a hold moves nothing"
    captured = await switch.call("POST", f"/v1/transfers/{hold}/capture", {"amount": 300}, key="take")
    after = await events(switch, hold)
    assert [each["type"] for each in after["data"]] == ["transfer.held", "transfer.captured"]
    assert ["legs" in each for each in after["data"]] == [False, True] and captured.status == 201
    declined = (await switch.pay(ann, bank, 10**9)).json["transfer_id"]
    refused = await events(switch, declined)
    assert ([each["type"] for each in refused["data"]], legs_in(refused)) == (["transfer.declined"], [])


async def test_who_has_no_part_in_it_sees_nothing(switch: RunningSwitch) -> None:
    ann, shop = await apart(switch)
    paid = (await switch.pay(ann, shop, 700)).json["id"]
    leg = legs_in(await landed(switch, paid, 2))[1]["id"]
    keys = KeyStore(switch.pool)
    stranger = (await keys.create("eve", ["read"], Binding(owners=("eve",)))).key
    payee = (await keys.create("shop", ["read"], Binding(owners=("shop",)))).key
    assert (await switch.call("GET", f"/v1/transfers/{paid}/events", token=stranger)).json[
        "code"
    ] == "transfer_not_found"
    for event in (paid, leg):
        assert (await switch.call("GET", f"/v1/events/{event}", token=stranger)).json["code"] == "event_not_found"
    seen = await events(switch, paid, token=payee)
    assert [each["type"] for each in seen["data"]] == ["transfer.posted", "leg.landed"]
    assert seen["data"][0]["data"].get("decision") is None, "how it was decided is the payer's"
    for wrong in (f"{paid[:-1]}{'0' if paid[-1] != '0' else '1'}", "nothing"):
        assert (await switch.call("GET", f"/v1/events/{wrong}")).json["code"] == "event_not_found"


async def parts(switch: RunningSwitch, identity: str, change: str, count: int, **body: Any) -> list[str]:
    """Ids of so many captures or refunds of one unit, asked for in groups."""
    made: list[str] = []
    for start in range(0, count, GROUP):
        calls = (
            switch.call("POST", f"/v1/transfers/{identity}/{change}", {"amount": 1, **body}, key=str(uuid.uuid4()))
            for _ in range(min(GROUP, count - start))
        )
        for answer in await asyncio.gather(*calls):
            assert answer.status == 201, answer.raw
            made.append(answer.json["id"])
    return made


async def walked(switch: RunningSwitch, identity: str, limit: int, between: Callable[[], Awaitable[Any]]) -> list[Any]:
    """All pages of a payment's events; `between`: what happens between two of them."""
    pages = [await events(switch, identity, f"limit={limit}")]
    while pages[-1]["has_more"]:
        await between()
        pages.append(await events(switch, identity, f"limit={limit}&after={pages[-1]['next']}"))
    assert pages[-1]["next"] is None and all(len(page["data"]) == limit for page in pages[:-1])
    return [event for page in pages for event in page["data"]]


async def nothing() -> None:
    """Between two pages."""


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
async def test_pages_hold_each_event_once_and_in_order_whatever_their_size(switch: RunningSwitch, limit: int) -> None:
    ann, shop = await apart(switch)
    paid = (await switch.pay(ann, shop, 700)).json["id"]
    refunds = await parts(switch, paid, "refund", 12)
    whole = await landed(switch, paid, 26)
    assert (await walked(switch, paid, limit, nothing)) == whole["data"]
    ids = [each["id"] for each in whole["data"]]
    assert len(ids) == len(set(ids)) == 26 and {paid, *refunds} < set(ids)
    times = [each["created_at"] for each in whole["data"] if each["type"] != "leg.landed"]
    assert times == sorted(times)
    for movement, leg in zip(whole["data"][::2], whole["data"][1::2], strict=True):
        assert (leg["type"], leg["data"]["of"]) == ("leg.landed", movement["id"])
        assert movement["legs"][1]["id"] == leg["id"] and "legs" not in leg


async def test_refunds_follow_the_capture_that_they_give_back(switch: RunningSwitch) -> None:
    ann, shop = await apart(switch)
    hold = (await switch.pay(ann, shop, 700, hold=True)).json["id"]
    captures = await parts(switch, hold, "capture", 4, final=False)
    for capture in captures[1:3]:
        await parts(switch, capture, "refund", 1)
    async with asyncio.timeout(WITHIN_S):
        while len(found := await walked(switch, hold, 3, nothing)) < 13:
            await asyncio.sleep(0.02)
    moved = [each for each in found if "legs" in each]
    order = [each["data"].get("of") if each["type"] == "transfer.refunded" else each["id"] for each in moved]
    ascending = [each["id"] for each in moved if each["type"] == "transfer.captured"]
    assert sorted(ascending) == sorted(captures)
    assert order == [id_ for capture in ascending for id_ in [capture] * (2 if capture in captures[1:3] else 1)]


async def test_what_arrives_between_pages_is_on_later_ones_and_moves_nothing(switch: RunningSwitch) -> None:
    ann, shop = await apart(switch)
    paid = (await switch.pay(ann, shop, 700)).json["id"]
    before = await parts(switch, paid, "refund", 10)
    await landed(switch, paid, 22)
    arrived: list[str] = []

    async def more() -> None:
        if len(arrived) < 20:
            arrived.extend(await parts(switch, paid, "refund", 1))

    found = [each["id"] for each in await walked(switch, paid, 4, more) if each["type"] != "leg.landed"]
    assert found == [paid, *(each for each in found if each in before), *arrived]
    assert sorted(found) == sorted([paid, *before, *arrived]), "each once"


async def test_the_work_of_a_page_is_that_of_its_events_not_of_the_payment(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, shop = await apart(switch)
    paid = (await switch.pay(ann, shop, 700)).json["id"]
    pool, read = switch.services.pool, list[tuple[str, int]]()
    fetch = pool.fetch

    async def counted(name: str, *values: Any, **more: Any) -> Any:
        rows = await fetch(name, *values, **more)
        read.append((name, len(rows)))
        return rows

    monkeypatch.setattr(pool, "fetch", counted)
    for made, of_page in ((3, 10), (300, 10)):
        await parts(switch, paid, "refund", made - 3 if made > 3 else 3)
        async with asyncio.timeout(WITHIN_S):
            while None in [leg["id"] for leg in legs_in(await events(switch, paid, f"limit={of_page}"))]:
                await asyncio.sleep(0.02)
        read.clear()
        page = await events(switch, paid, f"limit={of_page}")
        assert len(page["data"]) == min(of_page, 2 * (made + 1))
        names = [name for name, _ in read]
        assert len(names) == len(set(names)) <= STATEMENTS, names
        assert max(rows for _, rows in read) <= of_page + 1, read


async def test_a_cursor_is_of_one_payment(switch: RunningSwitch) -> None:
    bank, ann = await switch.wallet("external"), await switch.wallet()
    paid = [(await switch.pay(bank, ann, 50)).json["id"] for _ in range(2)]
    await parts(switch, paid[0], "refund", 2)
    page = await events(switch, paid[0], "limit=1")
    for query in (f"after={page['next']}", "after=x", "limit=0", "limit=101", "cursor=x"):
        answer = await switch.call("GET", f"/v1/transfers/{paid[1]}/events?{query}")
        assert (answer.status, answer.json["code"]) == (422, "invalid_query"), query
