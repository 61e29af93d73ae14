"""GET /v1/events over real shards: pages and streams, and that whoever comes back misses nothing and sees nothing twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from actors.database.pool import Pool
from actors.records.addresses import record_address
from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from actors.stores.api_keys import KeyStore
from switch.api import events as handlers_events
from switch.api.services import SEARCHES_MAX
from switch.fairness.shares import Places
from switch.http.cursors import encode_cursor
from tests.front_door import SECRET, RunningSwitch, running_switch

PATH = "/v1/events"


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def traffic(switch: RunningSwitch, payments: int = 30) -> tuple[str, list[str], list[str]]:
    """An external wallet, users on both shards, and the ids of payments to and among them."""
    bank = await switch.wallet("external")
    users = await _users_on_both_shards(switch)
    ids = []
    for number in range(payments):
        payer = bank if number < 6 else users[number % 6]
        paid = await switch.pay(payer, users[(number + (1 if payer != bank else 0)) % 6], 60 - number)
        assert paid.status == 201, paid.raw
        ids.append(paid.json["id"])
    return bank, users, ids


async def _users_on_both_shards(switch: RunningSwitch) -> list[str]:
    """Six users, not all on one shard, where none of their payments would travel: which shard opens a wallet is chance."""
    for _ in range(20):
        users = [await switch.wallet() for _ in range(6)]
        opened = (await pages(switch, "&types=wallet.opened"))[0]
        if len({event["shard"] for event in opened if event["data"]["id"] in users}) == 2:
            return users
    raise AssertionError("120 users were opened on one shard")


async def pages(switch: RunningSwitch, query: str = "", after: str = "") -> tuple[list[dict[str, Any]], str]:
    """All events from `after` on, and the cursor at the end."""
    seen: list[dict[str, Any]] = []
    while True:
        answer = await switch.call("GET", f"{PATH}?limit=7{query}" + (f"&after={after}" if after else ""))
        assert answer.status == 200, answer.raw
        seen += answer.json["data"]
        after = answer.json["next"]
        if not answer.json["has_more"]:
            return seen, after


async def landed(switch: RunningSwitch, after: str = "") -> tuple[list[dict[str, Any]], str]:
    """`pages`, once every credit has landed."""
    async with asyncio.timeout(60):
        while True:
            seen, cursor = await pages(switch, after=after)
            movements = await pages(switch, "&types=transfer.posted")
            shards = {e["data"]["id"]: e["shard"] for e in (await pages(switch, "&types=wallet.opened"))[0]}
            kinds = {e["data"]["id"]: e["data"]["kind"] for e in (await pages(switch, "&types=wallet.opened"))[0]}
            due = sum(
                kinds[e["data"]["payee"]] == "user" and shards[e["data"]["payee"]] != e["shard"] for e in movements[0]
            )
            if len((await pages(switch, "&types=leg.landed"))[0]) == due and await _still(switch, cursor):
                return seen, cursor


async def _still(switch: RunningSwitch, cursor: str) -> bool:
    return (await pages(switch, after=cursor))[0] == []


async def test_pages_give_every_payment_once_in_order(switch: RunningSwitch) -> None:
    _, users, ids = await traffic(switch)
    seen, cursor = await landed(switch)
    posted = [event for event in seen if event["type"] == "transfer.posted"]
    assert sorted(event["data"]["id"] for event in posted) == sorted(ids)
    assert len({event["id"] for event in seen}) == len(seen)
    for shard in (0, 1):
        own = [event["created_at"] for event in seen if event["shard"] == shard]
        assert own
        assert own == sorted(own)
    opened = [event["data"]["id"] for event in seen if event["type"] == "wallet.opened"]
    assert set(users) <= set(opened)
    legs = [event["data"]["of"] for event in seen if event["type"] == "leg.landed"]
    assert legs
    assert set(legs) <= set(ids)
    again = await switch.call("GET", f"{PATH}?after={cursor}")
    assert (again.json["data"], again.json["has_more"], again.json["next"]) == ([], False, cursor)


async def test_what_happens_later_follows_the_cursor(switch: RunningSwitch) -> None:
    bank, users, _ = await traffic(switch, 6)
    _, cursor = await landed(switch)
    paid = await switch.pay(bank, users[0], 7)
    declined = await switch.pay(users[1], bank, 10_000)
    assert declined.status == 402
    await switch.call("POST", f"/v1/wallets/{users[0]}/freeze")
    await switch.call("POST", f"/v1/wallets/{users[0]}/unfreeze")
    await switch.call("PATCH", f"/v1/wallets/{users[0]}", {"tier": 4})
    seen, _ = await pages(switch, after=cursor)
    by_type = {event["type"]: event for event in seen}
    assert len(seen) == 5
    assert by_type["transfer.posted"]["data"]["id"] == paid.json["id"]
    assert by_type["transfer.declined"]["data"]["code"] == "insufficient_funds"
    assert by_type["wallet.frozen"]["data"] == {
        "id": users[0],
        "currency": "EUR",
        "kind": "user",
        "status": "frozen",
    }
    assert by_type["wallet.unfrozen"]["data"]["status"] == "open"
    assert by_type["wallet.tier_changed"]["data"]["tier"] == 4


async def test_what_becomes_of_a_hold_names_it(switch: RunningSwitch) -> None:
    bank, users, _ = await traffic(switch, 6)
    _, cursor = await landed(switch)
    hold = (await switch.pay(users[0], bank, 9, hold=True)).json["id"]
    void = (await switch.pay(users[0], bank, 5, hold=True)).json["id"]
    calls = [(hold, "capture", {"amount": 4}), (void, "void", {})]
    done = [await switch.call("POST", f"/v1/transfers/{of}/{what}", body, key=what) for of, what, body in calls]
    assert [answer.status for answer in done] == [201, 201], [answer.raw for answer in done]
    captured = (await pages(switch, "&types=transfer.captured"))[0][0]["id"]
    refund = await switch.call("POST", f"/v1/transfers/{captured}/refund", {"amount": 3}, key="refund")
    assert refund.status == 201, refund.raw
    seen = {event["type"]: event["data"] for event in (await pages(switch, after=cursor))[0]}
    assert (seen["transfer.captured"]["of"], seen["transfer.captured"]["amount"]) == (hold, 4)
    assert seen["transfer.captured"]["final"] is True
    assert (seen["transfer.voided"]["of"], seen["transfer.voided"]["amount"]) == (void, 5)
    assert (seen["transfer.refunded"]["of"], seen["transfer.refunded"]["amount"]) == (captured, 3)
    assert "expires_at" in seen["transfer.held"]


async def test_now_begins_at_the_end(switch: RunningSwitch) -> None:
    bank, users, _ = await traffic(switch, 3)
    await landed(switch)
    answer = await switch.call("GET", f"{PATH}?after=now")
    assert answer.json["data"] == []
    paid = await switch.pay(bank, users[0], 7)
    seen, _ = await pages(switch, after=answer.json["next"])
    assert [event["data"]["id"] for event in seen] == [paid.json["id"]]


async def test_a_filter_gives_only_its_types(switch: RunningSwitch) -> None:
    _, _, ids = await traffic(switch, 8)
    seen, _ = await pages(switch, "&types=transfer.posted,wallet.closed")
    assert sorted(event["id"] for event in seen) == sorted(ids)


@pytest.mark.parametrize(
    "query", ["after=x", "types=nothing.happened", "types=", "limit=0", "limit=101", "since=1", "after=now&after=now"]
)
async def test_a_bad_query_is_refused(switch: RunningSwitch, query: str) -> None:
    answer = await switch.call("GET", f"{PATH}?{query}")
    assert (answer.status, answer.json["code"]) == (422, "invalid_query")


async def _key(switch: RunningSwitch, scope: str) -> tuple[str, str]:
    pool = await Pool.open(switch.database_url, name="test")
    try:
        created = await KeyStore(pool).create("listener", (scope,))
        return created.key, created.id
    finally:
        await pool.close()


async def test_events_need_the_scope_read(switch: RunningSwitch) -> None:
    pay, _ = await _key(switch, "pay")
    read, _ = await _key(switch, "read")
    assert (await switch.call("GET", PATH, token=pay)).status == 403
    assert (await switch.call("GET", PATH, token=read)).status == 200


# Streams.


class Listener:
    """A reader of server-sent events; `events` are (id, event), `beats` counts heartbeats."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.last_id = ""
        self.beats = 0

    async def hear(self, events: int = 0, beats: int = 0) -> None:
        """Read until so many events and heartbeats were heard. Raises EOFError when the stream ends."""
        async with asyncio.timeout(60):
            while len(self.events) < events or self.beats < beats:
                frame = await self._frame()
                fields = dict(line.split(": ", 1) for line in frame.split("\n") if not line.startswith(":"))
                self.beats += frame.startswith(": heartbeat")
                self.last_id = fields.get("id", self.last_id)
                if "data" in fields:
                    event = msgspec.json.decode(fields["data"])
                    assert event["type"] == fields["event"]
                    self.events.append((fields["id"], event))

    async def _frame(self) -> str:
        frame = await self.response.content.readuntil(b"\n\n")
        if not frame:
            raise EOFError
        return frame.decode().strip("\n")

    async def hear_the_end(self) -> None:
        """Read to the end, which must come."""
        with pytest.raises(EOFError):
            await self.hear(beats=1_000_000)


@contextlib.asynccontextmanager
async def listening(switch: RunningSwitch, query: str = "", last: str = "", token: str = "") -> AsyncIterator[Listener]:
    headers = {"Authorization": f"Bearer {token or switch.key}", "Accept": "text/event-stream"}
    if last:
        headers["Last-Event-ID"] = last
    async with switch.session.get(switch.base + PATH + query, headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        yield Listener(response)


async def test_a_stream_gives_what_was_and_what_comes(switch: RunningSwitch) -> None:
    bank, users, ids = await traffic(switch, 10)
    async with listening(switch, "?types=transfer.posted") as listener:
        await listener.hear(len(ids))
        paid = await switch.pay(bank, users[0], 7)
        await listener.hear(len(ids) + 1)
    assert sorted(event["id"] for _, event in listener.events) == sorted([*ids, paid.json["id"]])


async def test_a_stream_resumes_at_every_event_without_loss_or_repeat(switch: RunningSwitch) -> None:
    _, _, _ = await traffic(switch, 20)
    whole, _ = await landed(switch)
    seen: list[dict[str, Any]] = []
    last = ""
    while len(seen) < len(whole):
        step = min(len(whole) - len(seen), 1 + len(seen) % 5)
        async with listening(switch, last=last) as listener:
            await listener.hear(step)
        seen += [event for _, event in listener.events[:step]]
        last = listener.events[step - 1][0]
    assert sorted(event["id"] for event in seen) == sorted(event["id"] for event in whole)
    assert (await pages(switch, after=last))[0] == []


async def test_payments_while_streams_break_are_seen_once(switch: RunningSwitch) -> None:
    bank, users, ids = await traffic(switch, 6)

    async def pay() -> None:
        for number in range(40):
            paid = await switch.pay(bank, users[number % 6], 1)
            ids.append(paid.json["id"])

    paying = asyncio.create_task(pay())
    seen: list[str] = []
    last = ""
    while len(seen) < 46:
        async with listening(switch, "?types=transfer.posted", last) as listener:
            await listener.hear(min(4, 46 - len(seen)))
        seen += [event["id"] for _, event in listener.events]
        last = listener.last_id
    await paying
    assert sorted(seen) == sorted(ids)


async def test_an_idle_stream_has_a_heartbeat_that_moves_its_cursor(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers_events, "HEARTBEAT_S", 0.05)
    await traffic(switch, 2)
    _, cursor = await landed(switch)
    async with listening(switch, "?types=wallet.closed") as listener:
        await listener.hear(beats=2)
    assert listener.events == []
    assert (listener.last_id, (await pages(switch, after=listener.last_id))[0]) == (cursor, [])


async def test_a_stream_of_which_nothing_is_for_its_reader_has_heartbeats_while_others_pay(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers_events, "HEARTBEAT_S", 0.5)

    async def paying() -> None:
        while True:
            await traffic(switch, 2)

    others = asyncio.create_task(paying())
    try:
        async with listening(switch, "?types=wallet.closed") as listener:
            seen = []
            for beats in (1, 2, 3):
                await listener.hear(beats=beats)
                seen.append(listener.last_id)
    finally:
        others.cancel()
    assert listener.events == [] and len(set(seen)) == 3, "each beat has another cursor"


async def test_a_stream_ends_when_its_key_is_revoked(switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers_events, "HEARTBEAT_S", 0.05)
    token, identity = await _key(switch, "read")
    async with listening(switch, token=token) as listener:
        await listener.hear(beats=1)
        pool = await Pool.open(switch.database_url, name="test")
        assert await KeyStore(pool).revoke(identity)
        await pool.close()
        await listener.hear_the_end()


async def test_a_stream_ends_when_the_switch_drains(switch: RunningSwitch) -> None:
    async with listening(switch, "?after=now") as listener:
        async with asyncio.timeout(handlers_events.HEARTBEAT_S - 2):
            await switch.front_door.stop()
        await listener.hear_the_end()


async def test_streams_are_counted_and_bounded(switch: RunningSwitch) -> None:
    switch.services.streams = Places(1, 1, 0.0)
    async with listening(switch):
        assert b"shardpay_event_streams 1.0" in (await switch.call("GET", "/metrics")).raw
        refused = await switch.call("GET", PATH, headers={"Accept": "text/event-stream"})
        assert (refused.status, refused.json["code"]) == (503, "overloaded")


async def test_a_stream_that_its_reader_closed_frees_its_place_at_once(switch: RunningSwitch) -> None:
    """Not at the next heartbeat, when writing to it would fail."""
    for _ in range(3):
        async with listening(switch):
            assert b"shardpay_event_streams 1.0" in (await switch.call("GET", "/metrics")).raw
        async with asyncio.timeout(handlers_events.HEARTBEAT_S - 2):
            while b"shardpay_event_streams 0.0" not in (await switch.call("GET", "/metrics")).raw:
                await asyncio.sleep(0.02)


async def test_a_cursor_of_a_journal_that_was_longer_is_refused(switch: RunningSwitch) -> None:
    """As after the restore of an older backup: the cursor is genuine, and what it names is not there any more."""
    _, users, _ = await traffic(switch, 6)
    blocks = await switch.blocks()
    secret = Secret.of(SECRET)
    ends = [(blocks[shard] + 1) << 8 for shard in (0, 1)]
    for places, status in ((ends, 200), ([ends[0], ends[1] + (100 << 8)], 409), ([ends[0] + (100 << 8), 0], 409)):
        after = encode_cursor(secret, "events", *places)
        answer = await switch.call("GET", f"{PATH}?after={after}")
        assert answer.status == status, (places, answer.raw)
        assert status == 200 or answer.json["code"] == "cursor_ahead"
    stream = await switch.call("GET", PATH, headers={"Accept": "text/event-stream", "Last-Event-ID": after})
    assert (stream.status, stream.json["code"]) == (409, "cursor_ahead")
    address = decode_wallet(secret, users[0])
    later = encode_cursor(secret, f"statement {address}", 0, record_address(0, 1_000_000, 3), 0, 0, 0)
    page = await switch.call("GET", f"/v1/wallets/{users[0]}/transfers?after={later}")
    assert (page.status, page.json["code"]) == (409, "cursor_ahead")


async def test_the_newest_events_are_asked_for_without_reading_all(switch: RunningSwitch) -> None:
    _, users, ids = await traffic(switch)
    everything, _ = await pages(switch)
    last = (await switch.call("GET", f"{PATH}?after=last&limit=5")).json
    assert (last["data"], last["has_more"]) == (everything[-5:], False)
    posted = (await switch.call("GET", f"{PATH}?after=last&limit=100&types=transfer.posted")).json
    assert {event["id"] for event in posted["data"]} == set(ids)
    later = await switch.pay(users[0], users[1], 1, reference="order 7")
    assert later.status == 201, later.raw
    followed, _ = await pages(switch, "&types=transfer.posted", last["next"])
    assert [event["id"] for event in followed] == [later.json["id"]]


async def test_searches_for_a_reference_have_few_places_of_their_own_and_one_a_caller(switch: RunningSwitch) -> None:
    search = f"{PATH}?after=last&reference=none"
    searches = switch.services.searches
    async with contextlib.AsyncExitStack() as others:
        for caller in range(SEARCHES_MAX):
            await others.enter_async_context(searches.place(1_000 + caller))
        assert not searches._may_have(1_000, 1)
        found = asyncio.create_task(switch.call("GET", search))
        while not searches._waiting and not found.done():
            await asyncio.sleep(0)
        assert (await switch.call("GET", f"{PATH}?after=last")).status == 200
        assert not found.done() and not switch.services.pages._inside
    assert (await found).status == 200


async def test_payments_are_found_by_their_whole_reference_among_the_newest(switch: RunningSwitch) -> None:
    bank, user = await switch.wallet("external"), await switch.wallet()
    for reference in ("order 7", "order 70", "order 7", "other"):
        assert (await switch.pay(bank, user, 10, reference=reference)).status == 201
    found = (await switch.call("GET", f"{PATH}?after=last&reference=order%207")).json
    assert [event["data"]["reference"] for event in found["data"]] == ["order 7"] * 2
    assert (await switch.call("GET", f"{PATH}?after=last&reference=nobody")).json["data"] == []
    for query in ("reference=x", "after=now&reference=x", "after=last&reference="):
        answer = await switch.call("GET", f"{PATH}?{query}")
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, "reference"), query
    stream = await switch.call("GET", f"{PATH}?after=last&reference=x", headers={"Accept": "text/event-stream"})
    assert (stream.status, stream.json["code"]) == (422, "invalid_query")
