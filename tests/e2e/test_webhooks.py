"""Webhooks from outside: endpoints are made by calls, a real sender reads the journal, a real receiver checks what comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.stores.api_keys import Binding, KeyStore
from switch.webhooks import schedule
from switch.webhooks.addresses import SANDBOX
from switch.webhooks.sender import SenderOptions, WebhookSender
from tests.front_door import SECRET, RunningSwitch, running_switch
from tests.receiver import Receiver, receiving, verified

PATH = "/v1/webhook-endpoints"


@contextlib.asynccontextmanager
async def sending(switch: RunningSwitch) -> AsyncIterator[WebhookSender]:
    """The process that sends, in this one."""
    options = SenderOptions(url=switch.database_url, secret=SECRET, shards=len(switch.clients), keys=SANDBOX)
    sender = WebhookSender(options)
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        sender.stop()
        await task


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, webhooks=SANDBOX) as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


async def endpoint(switch: RunningSwitch, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    answer = await switch.call("POST", PATH, {"url": f"{receiver.url}/hooks", **fields})
    assert answer.status == 201, answer.raw
    made: dict[str, Any] = answer.json
    return made


async def payments(switch: RunningSwitch, count: int) -> list[str]:
    """Ids of payments from an external wallet to a new user."""
    bank, user = await switch.wallet("external"), await switch.wallet()
    paid = [await switch.pay(bank, user, 1 + number) for number in range(count)]
    assert all(each.status == 201 for each in paid)
    return [each.json["id"] for each in paid]


async def events(switch: RunningSwitch, types: str) -> list[dict[str, Any]]:
    answer = await switch.call("GET", f"/v1/events?limit=100&types={types}")
    data: list[dict[str, Any]] = answer.json["data"]
    return data


async def deliveries(switch: RunningSwitch, made: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    answer = await switch.call("GET", f"{PATH}/{made['id']}/deliveries?limit=100{query}")
    assert answer.status == 200, answer.raw
    data: list[dict[str, Any]] = answer.json["data"]
    return data


async def test_an_endpoint_gets_each_event_from_then_on_signed_and_as_the_list_has_it(
    switch: RunningSwitch, receiver: Receiver
) -> None:
    before = await payments(switch, 2)
    made = await endpoint(switch, receiver, types=["transfer.posted"])
    async with sending(switch):
        ids = await payments(switch, 12)
        await receiver.until(lambda: len(receiver.received) >= 12)
    assert sorted(receiver.ids) == sorted(ids) and not set(before) & set(receiver.ids)
    assert all(verified(made["secret"], headers, raw) for headers, raw in receiver.raw)
    listed = {each["id"]: each for each in await events(switch, "transfer.posted")}
    for each in receiver.received:
        event = listed[each.id]
        assert each.body == {
            "type": "transfer.posted",
            "timestamp": event["created_at"],
            **{name: event[name] for name in ("id", "shard", "effective_at", "data")},
        }
    kept = await deliveries(switch, made)
    assert sorted(each["event"] for each in kept) == sorted(ids)
    assert {each["status"] for each in kept} == {"delivered"}
    assert all(len(each["attempts"]) == 1 and each["attempts"][0]["status"] == 200 for each in kept)
    shown = (await switch.call("GET", f"{PATH}/{made['id']}")).json
    assert (shown["delivered"], shown["failed"], shown["pending"]) == (12, 0, 0) and "secret" not in shown


async def test_what_fails_is_sent_again_under_the_same_id_until_it_is_taken(
    switch: RunningSwitch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "RETRY_AFTER_S", (0.2,) * 10)
    refused: dict[str, int] = {}

    def answer(body: Any) -> int:
        refused[body["id"]] = refused.get(body["id"], 0) + 1
        return 200 if refused[body["id"]] > 2 else 500

    receiver.answer = answer
    made = await endpoint(switch, receiver, types=["transfer.posted"])
    async with sending(switch):
        ids = await payments(switch, 4)
        await receiver.until(lambda: len(receiver.received) >= 4)
        await asyncio.sleep(1)
    assert sorted(receiver.ids) == sorted(ids) and set(refused.values()) == {3}
    kept = await deliveries(switch, made)
    assert {each["status"] for each in kept} == {"delivered"}
    assert [[attempt["status"] for attempt in each["attempts"]] for each in kept] == [[500, 500, 200]] * 4


async def test_a_dead_endpoint_slows_no_other_and_gets_all_when_it_comes_back(
    switch: RunningSwitch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "FAILING_AFTER", 3)
    async with receiving() as dead:
        dead.answer = lambda body: 503
        made = await endpoint(switch, dead, types=["transfer.posted"])
        await endpoint(switch, receiver, types=["transfer.posted"])
        async with sending(switch):
            ids = await payments(switch, 40)
            await receiver.until(lambda: len(receiver.received) >= 40, 5)
            assert sorted(receiver.ids) == sorted(ids)
            tried = len(dead.raw)
            assert 3 <= tried <= 20, "what fails is tried with little"
            shown = (await switch.call("GET", f"{PATH}/{made['id']}")).json
            assert shown["failing_since"] is not None and shown["pending"] == tried
            dead.answer = lambda body: 200
            monkeypatch.setattr(schedule, "PROBE_EVERY_S", 0.1)
            await dead.until(lambda: len(dead.received) >= 40)
    assert sorted(dead.ids) == sorted(ids)


async def test_an_endpoint_that_hangs_slows_no_other(switch: RunningSwitch, receiver: Receiver) -> None:
    async with receiving() as hanging:
        hanging.answer = lambda body: 60.0
        await endpoint(switch, hanging)
        await endpoint(switch, receiver, types=["transfer.posted"])
        async with sending(switch):
            await payments(switch, 40)
            await receiver.until(lambda: len(receiver.received) >= 40, 5)
            assert not hanging.received


async def test_in_order_a_wallets_events_wait_for_the_one_that_failed_and_others_do_not(
    switch: RunningSwitch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "RETRY_AFTER_S", (1.0,) * 10)
    bank, first, second = await switch.wallet("external"), await switch.wallet(), await switch.wallet()
    failed: list[str] = []

    def answer(body: Any) -> int:
        if body["data"]["payee"] == first and len(failed) < 2:
            failed.append(body["id"])
            return 500
        return 200

    receiver.answer = answer
    await endpoint(switch, receiver, types=["transfer.posted"], ordered=True)
    paid: dict[str, list[str]] = {first: [], second: []}
    for number in range(10):
        for user, ids in paid.items():
            ids.append((await switch.pay(bank, user, 1 + number)).json["id"])
    async with sending(switch):
        await receiver.until(lambda: len(receiver.received) >= 20)
    assert failed == [paid[first][0]] * 2, "the next one waits for it"
    came = receiver.ids
    for ids in paid.values():
        assert [each for each in came if each in ids] == ids
    assert came.index(paid[second][-1]) < came.index(paid[first][0]), "the other wallet does not wait"


async def test_after_a_day_of_attempts_it_is_a_dead_letter_that_is_sent_again_by_hand(
    switch: RunningSwitch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "RETRY_AFTER_S", (0.1, 0.1))
    receiver.answer = lambda body: 400
    made = await endpoint(switch, receiver, types=["transfer.posted"])
    async with sending(switch):
        ids = await payments(switch, 3)
        async with asyncio.timeout(60):
            while len(kept := await deliveries(switch, made, "&state=dead")) < 3:
                await asyncio.sleep(0.1)
        assert sorted(each["event"] for each in kept) == sorted(ids)
        assert [len(each["attempts"]) for each in kept] == [3, 3, 3] and kept[0]["next_attempt_at"] is None
        receiver.answer = lambda body: 200
        path = f"{PATH}/{made['id']}/deliveries/{kept[0]['id']}"
        answer = await switch.call("POST", f"{path}/replay", {})
        assert (answer.status, answer.json["status"]) == (200, "pending")
        await receiver.until(lambda: receiver.received)
        assert receiver.ids == [kept[0]["event"]]
        assert (await switch.call("POST", f"{PATH}/{made['id']}/replay", {})).json == {"count": 2}
        await receiver.until(lambda: len(receiver.received) >= 3)
        assert sorted(receiver.ids) == sorted(ids)
        async with asyncio.timeout(60):
            while (one := (await switch.call("GET", path)).json)["status"] != "delivered":
                await asyncio.sleep(0.1)
        assert [each["status"] for each in one["attempts"]] == [400, 400, 400, 200]
        again = await switch.call("POST", f"{path}/replay", {})
        assert again.status == 200, "also what was delivered"
        await receiver.until(lambda: len(receiver.received) >= 4)
    assert receiver.ids[-1] == kept[0]["event"]


async def test_a_test_event_comes_and_is_in_the_log(switch: RunningSwitch, receiver: Receiver) -> None:
    made = await endpoint(switch, receiver, types=["wallet.frozen"])
    async with sending(switch):
        asked = (await switch.call("POST", f"{PATH}/{made['id']}/test", {}, key="t")).json
        again = await switch.call("POST", f"{PATH}/{made['id']}/test", {}, key="t")
        assert again.json == asked and again.headers["Idempotent-Replayed"] == "true"
        await receiver.until(lambda: receiver.received)
    (came,) = receiver.received
    assert came.id == asked["event"] == came.body["id"] and came.body["type"] == "webhook.test"
    assert came.body["data"] == {"endpoint": made["id"]} and verified(made["secret"], *receiver.raw[0])
    (kept,) = await deliveries(switch, made, f"&event={asked['event']}")
    assert (kept["id"], kept["status"], kept["type"]) == (asked["id"], "delivered", "webhook.test")


async def test_while_a_secret_changes_both_fit_and_afterwards_the_new_one_alone(
    switch: RunningSwitch, receiver: Receiver
) -> None:
    made = await endpoint(switch, receiver)
    rotated = (await switch.call("POST", f"{PATH}/{made['id']}/secret/rotate", {"expires_in": 60})).json
    async with sending(switch):
        await switch.call("POST", f"{PATH}/{made['id']}/test", {})
        await receiver.until(lambda: receiver.raw)
        headers, raw = receiver.raw[0]
        assert verified(made["secret"], headers, raw) and verified(rotated["secret"], headers, raw)
        last = (await switch.call("POST", f"{PATH}/{made['id']}/secret/rotate", {"expires_in": 0})).json
        await asyncio.sleep(1.2)  # the sender looks once a second
        await switch.call("POST", f"{PATH}/{made['id']}/test", {})
        await receiver.until(lambda: len(receiver.raw) >= 2)
    headers, raw = receiver.raw[1]
    assert verified(last["secret"], headers, raw)
    assert not verified(rotated["secret"], headers, raw) and not verified(made["secret"], headers, raw)
    assert (await switch.call("GET", f"{PATH}/{made['id']}")).json["secrets"] == 1


async def test_a_receiver_that_is_gone_is_asked_no_more(switch: RunningSwitch, receiver: Receiver) -> None:
    receiver.answer = lambda body: 410
    made = await endpoint(switch, receiver)
    async with sending(switch):
        await switch.call("POST", f"{PATH}/{made['id']}/test", {})
        async with asyncio.timeout(60):
            while (shown := (await switch.call("GET", f"{PATH}/{made['id']}")).json)["status"] == "enabled":
                await asyncio.sleep(0.1)
        assert shown["disabled_because"] == "gone"
        refused = await switch.call("POST", f"{PATH}/{made['id']}/test", {})
        assert (refused.status, refused.json["code"]) == (409, "webhook_endpoint_disabled")
        ids = await payments(switch, 2)
        receiver.answer = lambda body: 200
        enabled = await switch.call("PATCH", f"{PATH}/{made['id']}", {"disabled": False})
        assert enabled.json["status"] == "enabled" and enabled.json["failing_since"] is None
        await receiver.until(lambda: set(ids) <= set(receiver.ids))


async def test_nothing_through_for_days_disables(
    switch: RunningSwitch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "DISABLE_AFTER_S", 0.5)
    receiver.answer = lambda body: 500
    made = await endpoint(switch, receiver)
    async with sending(switch):
        await switch.call("POST", f"{PATH}/{made['id']}/test", {})
        async with asyncio.timeout(60):
            while (shown := (await switch.call("GET", f"{PATH}/{made['id']}")).json)["status"] == "enabled":
                await asyncio.sleep(0.1)
    assert shown["disabled_because"] == "failing"


async def test_a_redirect_is_no_delivery_and_is_not_followed(switch: RunningSwitch, receiver: Receiver) -> None:
    receiver.answer = lambda body: 302
    made = await endpoint(switch, receiver)
    async with sending(switch):
        asked = (await switch.call("POST", f"{PATH}/{made['id']}/test", {})).json
        path = f"{PATH}/{made['id']}/deliveries/{asked['id']}"
        async with asyncio.timeout(60):
            while not (kept := (await switch.call("GET", path)).json)["attempts"]:
                await asyncio.sleep(0.1)
    assert kept["status"] == "pending" and kept["attempts"][0]["status"] == 302 and len(receiver.raw) == 1


async def test_a_cursor_says_from_where_on(switch: RunningSwitch, receiver: Receiver) -> None:
    ids = await payments(switch, 6)
    page = (await switch.call("GET", "/v1/events?types=transfer.posted&limit=3")).json
    made = await endpoint(switch, receiver, types=["transfer.posted"], after=page["next"])
    async with sending(switch):
        await receiver.until(lambda: len(receiver.received) >= 3)
        rest = set(ids) - {each["id"] for each in page["data"]}
        assert set(receiver.ids) == rest
        await switch.call("PATCH", f"{PATH}/{made['id']}", {"after": "start"})
        await receiver.until(lambda: len(receiver.received) >= 9)
    assert set(receiver.ids) == set(ids)
    wrong = await switch.call("POST", PATH, {"url": receiver.url, "after": "yesterday"})
    assert (wrong.status, wrong.json["errors"][0]["field"]) == (422, "after")


async def test_two_senders_send_once_and_the_second_takes_over(
    switch: RunningSwitch, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await endpoint(switch, receiver, types=["transfer.posted"])
    async with sending(switch) as second:
        async with sending(switch) as first:
            ids = await payments(switch, 10)
            await receiver.until(lambda: len(receiver.received) >= 10)
            assert first.holds != second.holds
        ids += await payments(switch, 10)
        await receiver.until(lambda: len(receiver.received) >= 20)
        assert second.holds
    assert sorted(receiver.ids) == sorted(ids)


async def test_a_bound_account_gets_what_is_on_its_own_wallets_and_others_endpoints_are_not_there(
    switch: RunningSwitch, receiver: Receiver
) -> None:
    bank, bob, shop = (
        await switch.wallet("external"),
        await switch.wallet(owner="bob"),
        await switch.wallet(owner="shop"),
    )
    key = (await KeyStore(switch.pool).create("shop", ["webhooks"], Binding(owners=["shop"]))).key
    everybodys = await endpoint(switch, receiver, types=["wallet.frozen"])
    body = {"url": receiver.url, "types": ["transfer.posted", "transfer.declined"]}
    made = await switch.call("POST", PATH, body, token=key, key="one")
    again = await switch.call("POST", PATH, body, token=key, key="one")
    assert (made.status, again.status) == (201, 201) and made.json["secret"].startswith("whsec_")
    assert again.json == made.json | {"secret": None}, "it is shown once"
    listed = (await switch.call("GET", PATH, token=key)).json["data"]
    assert [each["id"] for each in listed] == [made.json["id"]]
    assert len((await switch.call("GET", PATH)).json["data"]) == 2, "an admin sees all"
    assert (await switch.call("GET", f"{PATH}/{everybodys['id']}", token=key)).status == 404
    async with sending(switch):
        for payee in (bob, shop, bob):
            assert (await switch.pay(bank, payee, 100)).status == 201
        mine = [(await switch.pay(bob, shop, 5, context={"device": "bob's"})).json["id"]]
        mine.append((await switch.pay(shop, bob, 5, context={"device": "shop's"})).json["id"])
        declined = (await switch.pay(bob, shop, 10_000)).json["transfer_id"]
        mine.append((await switch.pay(shop, bob, 10_000)).json["transfer_id"])
        await receiver.until(lambda: len(receiver.received) >= 4)
        await asyncio.sleep(0.5)
    assert len(receiver.received) == 4 and set(mine) <= set(receiver.ids) and declined not in receiver.ids
    found = {each.id: each.body["data"] for each in receiver.received}
    assert "context" not in found[mine[0]] and found[mine[1]]["context"]["device"] == "shop's"


async def test_deliveries_about_events_are_found_of_all_endpoints_of_the_account_alone(
    switch: RunningSwitch, receiver: Receiver
) -> None:
    two = [await endpoint(switch, receiver, types=["transfer.posted"]) for _ in range(2)]
    other = (await KeyStore(switch.pool).create("other", ["webhooks"])).key
    async with sending(switch):
        ids = await payments(switch, 3)
        await receiver.until(lambda: len(receiver.received) >= 6)
    path = f"/v1/webhook-deliveries?events={ids[0]},{ids[2].upper()}&limit=3"
    first = (await switch.call("GET", path)).json
    rest = (await switch.call("GET", f"{path}&after={first['next']}")).json
    found = first["data"] + rest["data"]
    expected = [(made["id"], event) for made in two for event in (ids[0], ids[2])]
    assert sorted((each["endpoint"], each["event"]) for each in found) == sorted(expected)
    assert (first["has_more"], rest["has_more"], rest["next"]) == (True, False, None)
    assert [each["id"] for each in found] == sorted((each["id"] for each in found), reverse=True)
    for each in found:
        assert each in await deliveries(switch, {"id": each["endpoint"]}, f"&event={each['event']}")
    assert (await switch.call("GET", path, token=other)).json["data"] == []


async def test_pages_of_deliveries_hold_each_once(switch: RunningSwitch, receiver: Receiver) -> None:
    made = await endpoint(switch, receiver, types=["transfer.posted"])
    async with sending(switch):
        ids = await payments(switch, 7)
        await receiver.until(lambda: len(receiver.received) >= 7)
    seen: list[str] = []
    path = f"{PATH}/{made['id']}/deliveries?limit=3"
    page = (await switch.call("GET", path)).json
    while True:
        seen += [each["event"] for each in page["data"]]
        if not page["has_more"]:
            break
        page = (await switch.call("GET", f"{path}&after={page['next']}")).json
    assert sorted(seen) == sorted(ids)
    removed = await switch.call("DELETE", f"{PATH}/{made['id']}")
    assert removed.status == 200 and (await switch.call("GET", path)).status == 404
    assert (await switch.call("GET", "/readyz")).json["warnings"] == []
    assert "shardpay_webhook_pending" in (await switch.call("GET", "/metrics")).raw.decode()
