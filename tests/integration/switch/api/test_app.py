"""What holds for every route of the application: query parameters, headers, its end."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

from actors.database.connection import connect
from actors.stores.api_keys import KeyStore, key_hash
from switch.api.api_docs import _DOCUMENT
from switch.api.app import ROUTES
from switch.api.services import ASKING_MAX, ASKING_OF_ONE_MAX, Limits
from switch.fairness.shares import STRANGERS
from tests.asleep import Asleep
from tests.front_door import Answer, RunningSwitch, running_front_door, running_switch
from tests.payments import funded
from tests.published_packs import pack, published


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_a_query_parameter_that_no_route_knows_is_refused_on_each(switch: RunningSwitch) -> None:
    """`?dry_run=true` must not pay: a caller who means it to try something out would move money."""
    for route in ROUTES:
        path = re.sub(r"\{[a-z]+:([a-z]+)[^}]*\}", r"\1", route.path)
        path = re.sub(r"\{[a-z]+\}", "x", path)
        body: dict[str, Any] | None = None if route.method == "GET" else {}
        answer = await switch.call(route.method, f"{path}?dry_run=true", body, key="k")
        assert (answer.status, answer.json["code"]) == (422, "invalid_query"), (route.path, answer.raw)
        assert [error["field"] for error in answer.json["errors"]] == ["dry_run"]


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key", "Shardpay-Time"])
async def test_a_header_given_twice_is_refused(switch: RunningSwitch, name: str) -> None:
    bank, user = await funded(switch)
    body = {"payer": bank, "payee": user, "amount": 10, "currency": "EUR"}
    headers = CIMultiDict({"Authorization": f"Bearer {switch.key}", "Idempotency-Key": "twice"})
    headers.add(name, headers.get(name, "2026-01-01T00:00:00Z"))
    if name == "Shardpay-Time":
        headers.add(name, "2026-01-02T00:00:00Z")
    async with switch.session.post(switch.base + "/v1/transfers", json=body, headers=headers) as response:
        problem = await response.json()
    assert problem["code"] in ("unauthenticated", "invalid_idempotency_key", "invalid_shardpay_time")
    assert f"more than one {name} header" in problem["detail"]


async def test_who_floods_with_questions_waits_for_its_own_and_nobody_else_does(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    paid = (await switch.pay(bank, user, 5)).json["id"]
    made = await switch.call("POST", "/v1/keys", {"name": "now and then", "scopes": ["read", "pay"]})
    other = made.json["key"]

    def ask(path: str, token: str | None = None) -> "asyncio.Task[Answer]":
        return asyncio.create_task(switch.call("GET", path, token=token))

    locking = await connect(switch.database_url, name="test")
    try:
        async with locking.transaction():
            await locking.execute("LOCK TABLE reference IN ACCESS EXCLUSIVE MODE")  # questions for payments wait
            flood = [ask(f"/v1/transfers/{paid}") for _ in range(ASKING_MAX + ASKING_OF_ONE_MAX)]
            while sum(map(len, switch.services.asking._waiting.values())) < ASKING_MAX:
                await asyncio.sleep(0.01)
            own = ask("/v1/scenarios")
            assert (await ask("/v1/scenarios", other)).status == 200
            payment = {"payer": bank, "payee": user, "amount": 7, "currency": "EUR"}
            assert (await switch.call("POST", "/v1/transfers", payment, key="beside", token=other)).status == 201
            assert not own.done() and not any(each.done() for each in flood)
        assert {each.status for each in await asyncio.gather(own, *flood)} == {200}
    finally:
        await locking.close()


@pytest.mark.parametrize(
    "path",
    ["{id}", "{ID}", "{id}?", "{id}?x=1", "{id}%20", "{id}/", "/{id}", "%7Bid%7D", "{id}/events", "{id}/capture"],
)
async def test_a_path_with_an_id_is_the_same_route_whoever_finds_it(switch: RunningSwitch, path: str) -> None:
    bank, user = await funded(switch)
    paid = (await switch.pay(bank, user, 5)).json["id"]
    url = URL(switch.base + "/v1/transfers/" + path.replace("{id}", paid).replace("{ID}", paid.upper()), encoded=True)
    answers = []
    for headers in ({}, {"Expect": "100-continue"}):  # what expects something is found by aiohttp's router
        async with switch.session.get(url, headers={"Authorization": f"Bearer {switch.key}", **headers}) as response:
            answers.append((response.status, await response.json()))
    assert answers[0] == answers[1]
    assert (answers[0][0] == 200) == (path.lower() in ("{id}", "{id}?", "{id}/events"))


async def test_a_drain_answers_what_is_under_way(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    body = {"payer": bank, "payee": user, "amount": 5, "currency": "EUR"}
    sent = asyncio.Event()
    for client in switch.clients:
        client.before = sent.set
    paying = [asyncio.create_task(switch.call("POST", "/v1/transfers", body, key=f"drain{i}")) for i in range(20)]
    await sent.wait()
    await switch.front_door.stop()
    answers = await asyncio.gather(*paying, return_exceptions=True)
    assert all(isinstance(a, aiohttp.ClientConnectionError) or a.status in (201, 503) for a in answers)  # type: ignore[union-attr]
    assert any(not isinstance(a, BaseException) and a.status == 201 for a in answers)
    with pytest.raises(aiohttp.ClientConnectionError):
        await switch.call("GET", "/healthz")


async def test_answers_that_nobody_takes_count_for_whoever_asked_and_beyond_the_room_it_is_hung_up(
    switch: RunningSwitch,
) -> None:
    size = len(_DOCUMENT)
    await published(switch, "long", pack("long") + b"# a comment\n" * (size // 12))
    reader = await KeyStore(switch.pool).create("reads", ["read"])
    (principal,) = (await KeyStore(switch.pool).find([key_hash(reader.key)])).values()
    limits = Limits(bodies_bytes_max=12 * size)
    async with running_front_door(switch, limits) as front_door:
        room, port = front_door.services.bodies, front_door.front_door.address[1]
        connections = front_door.services.connections

        def open_of(caller: int) -> int:
            return sum(
                caller == connections.caller_of(each) for each in (*connections._strangers, *connections._callers)
            )

        for path, caller, most in (
            ("/openapi.json", STRANGERS, 3),
            ("/console/rule-packs/long.json", principal.account, 6),
        ):
            key = f"Authorization: Bearer {reader.key}\r\n" if caller else ""
            request = f"GET {path} HTTP/1.1\r\nHost: x\r\n{key}\r\n".encode()
            before = sum(front_door.services.metrics.requests.values())
            asleep = [Asleep(port, request * 100) for _ in range(12)]  # the system takes in some for each connection
            async with asyncio.timeout(60):
                while (
                    sum(front_door.services.metrics.requests.values()) < before + 12 or not 0 < open_of(caller) <= most
                ):
                    await asyncio.sleep(0.01)
            assert size <= room._by_caller[caller] <= most * (size + 4_096)
            for each in asleep:
                each.close()
