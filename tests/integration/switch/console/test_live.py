"""GET /console/live over HTTP: who may listen, how many, what each gets, and when it ends."""

import asyncio
import contextlib
import socket
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from actors.stores.api_keys import KeyStore
from switch.api.console import CONSOLE
from switch.console.live import LISTENERS_OF_ONE_MAX
from switch.fairness.shares import Places
from switch.http import server
from tests.console.scene import Day
from tests.console.visitor import visitor
from tests.front_door import RunningSwitch, running_front_door

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIVE = "/console/live"
SOON_S = 10.0


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """Each event of a stream, with its id, to the end of the stream."""
    event: dict[str, Any] = {}
    async for line in answer.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "data":
            event[name] = msgspec.json.decode(value)
        elif name:
            event[name] = value
        elif "data" in event:
            yield event
            event = {}


async def listened(switch: RunningSwitch, count: int, **headers: str) -> list[dict[str, Any]]:
    async with switch.session.get(switch.base + LIVE, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        found = []
        async with asyncio.timeout(SOON_S):
            async for event in events(answer):
                found.append(event)
                if len(found) == count:
                    return found
        return found


async def test_a_stream_tells_what_the_page_tells_once_a_second(switch: RunningSwitch, day: Day) -> None:
    first, second = await listened(switch, 2, **bearer(switch.key))
    page = await switch.session.get(f"{switch.base}/console.json", headers=bearer(switch.key))
    figures = (await page.json())["figures"]
    assert set(first["data"]["figures"]) == set(figures)
    assert int(second["id"]) > int(first["id"]) and first["event"] == "figures"
    for part in ("live", "tiles", "shards", "steps"):
        assert f'data-live="{part}"' in first["data"]["html"]
    paid = await switch.pay(day.shop, day.alice, 3)
    assert paid.status == 201
    *_, after = await listened(switch, 2, **{**bearer(switch.key), "Last-Event-ID": first["id"]})
    assert after["data"]["figures"]["results"]["ok"] == first["data"]["figures"]["results"]["ok"] + 1


async def test_a_session_listens_and_a_stranger_does_not(switch: RunningSwitch) -> None:
    async with await visitor(switch) as visit:
        async with visit._session.get(switch.base + LIVE) as answer:
            async with asyncio.timeout(SOON_S):
                assert (await anext(events(answer)))["event"] == "figures"
    async with switch.session.get(switch.base + LIVE) as refused:
        assert (refused.status, (await refused.json())["code"]) == (401, "unauthenticated")
    async with switch.session.get(f"{switch.base}{LIVE}?x=1", headers=bearer(switch.key)) as refused:
        assert refused.status == 422


async def test_all_listeners_share_one_look_at_the_switch(switch: RunningSwitch) -> None:
    keys = [(await KeyStore(switch.pool).create(f"l-{uuid.uuid4().hex[:6]}", ["read"])).key for _ in range(10)]
    found = await asyncio.gather(*(listened(switch, 3, **bearer(key)) for key in keys))
    ids = {tuple(event["id"] for event in each) for each in found}
    taken = {event["data"]["figures"]["taken_at"] for each in found for event in each}
    assert len(ids) <= 2 and len(taken) <= 4, "thirty events, made of a handful of looks"


async def test_a_stream_ends_with_its_key_and_with_its_session(switch: RunningSwitch) -> None:
    store = KeyStore(switch.pool)
    key = await store.create(f"l-{uuid.uuid4().hex[:6]}", ["read"])
    async with await visitor(switch, key.key) as visit:
        async with (
            visit._session.get(switch.base + LIVE) as session,
            switch.session.get(switch.base + LIVE, headers=bearer(key.key)) as by_key,
        ):
            streams = [events(session), events(by_key)]
            for stream in streams:
                await anext(stream)
            await store.revoke(key.id)
            began = time.monotonic()
            async with asyncio.timeout(SOON_S):
                for stream in streams:
                    async for _ in stream:
                        pass
            assert time.monotonic() - began < 4.0


async def test_one_account_has_so_many_streams_and_others_have_theirs(switch: RunningSwitch) -> None:
    store = KeyStore(switch.pool)
    one, other = [(await store.create(f"l-{uuid.uuid4().hex[:6]}", ["read"])).key for _ in range(2)]
    async with contextlib.AsyncExitStack() as stack:
        async with asyncio.timeout(SOON_S):
            for _ in range(LISTENERS_OF_ONE_MAX):
                answer = await stack.enter_async_context(switch.session.get(switch.base + LIVE, headers=bearer(one)))
                await anext(events(answer))
        async with switch.session.get(switch.base + LIVE, headers=bearer(one)) as refused:
            assert (refused.status, (await refused.json())["code"]) == (503, "overloaded")
        assert await listened(switch, 1, **bearer(other))
        console = _console(switch)
        before, console._listeners = console._listeners, Places(0, 1, 0.0)
        async with switch.session.get(switch.base + LIVE, headers=bearer(other)) as refused:
            assert refused.status == 503
        console._listeners = before


def _console(switch: RunningSwitch) -> Any:
    assert switch.front_door._runner is not None
    return switch.front_door._runner.app[CONSOLE]


async def test_who_takes_nothing_is_hung_up_on_and_holds_nobody_up(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "TAKEN_WITHIN_S", 0.5)
    monkeypatch.setattr(_console(switch)._live, "_every_s", 0.001)
    monkeypatch.setattr(_console(switch)._api._figures, "_pause_s", 0.0)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    slow.setblocking(False)
    loop = asyncio.get_running_loop()
    host, _, port = switch.base.removeprefix("http://").rpartition(":")
    with slow:
        await loop.sock_connect(slow, (host, int(port)))
        request = f"GET {LIVE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {switch.key}\r\n\r\n"
        await loop.sock_sendall(slow, request.encode())
        found = await listened(switch, 400, **bearer(switch.key))
        assert len(found) == 400
        async with asyncio.timeout(SOON_S):
            while _console(switch)._live._listeners:
                await asyncio.sleep(0.05)


async def test_a_front_door_that_stops_lets_its_listeners_go(switch: RunningSwitch) -> None:
    async with running_front_door(switch, switch.front_door._options.limits) as other:
        answer = await switch.session.get(other.base + LIVE, headers=bearer(switch.key))
        stream = events(answer)
        await anext(stream)
        began = time.monotonic()
    async with asyncio.timeout(SOON_S):
        async for _ in stream:
            pass
    answer.close()
    assert time.monotonic() - began < 5.0
