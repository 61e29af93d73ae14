"""An honest caller pays a hundred times a second; beside it a hostile caller does its worst. The honest one is refused
nothing and its 99th percentile at most doubles."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

import aiohttp
import numpy as np
import pytest

from tests.acceptance.running import KEY, RunningSwitch, shardpay

RATE: Final = 100
SECONDS: Final = 2.0
FLOOR_S: Final = 0.5
"""What a machine of two cores that also runs the hostile clients, and in the suite other tests, owes nobody; it was 20 s."""
JSON: Final = {"Content-Type": "application/json"}
ARROW: Final = "application/vnd.apache.arrow.stream"


class World:
    """One switch, an honest caller's session and wallets, and a hostile one's."""

    def __init__(self, url: str, honest: aiohttp.ClientSession, hostile: aiohttp.ClientSession, token: str) -> None:
        self.url, self.honest, self.hostile, self.token = url, honest, hostile, token
        self.bank = ""
        self.users: list[str] = []

    async def prepare(self) -> None:
        self.bank = (await self._made("/v1/wallets", {"currency": "EUR", "kind": "external"}))["id"]
        wallets = [{"currency": "EUR", "kind": "user"}] * 20
        made = await self._made("/v1/wallets/batch", {"wallets": wallets})
        self.users = [row["id"] for row in made["results"]]

    async def _made(self, path: str, body: Any) -> Any:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        async with self.honest.post(path, json=body, headers=headers) as response:
            answer = await response.json()
            assert response.status in (200, 201), answer
            return answer

    async def honest_p99(self, seconds: float = SECONDS) -> float:
        """Pay steadily, whatever becomes of the payments before; every one is done."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        tasks = []
        for number in range(int(seconds * RATE)):
            await asyncio.sleep(began + number / RATE - loop.time())
            tasks.append(asyncio.create_task(self._pay(number)))
        return float(np.percentile(await asyncio.gather(*tasks), 99))

    async def _pay(self, number: int) -> float:
        body = {"payer": self.bank, "payee": self.users[number % len(self.users)], "amount": 1, "currency": "EUR"}
        began = time.perf_counter()
        async with self.honest.post(
            "/v1/transfers", json=body, headers={"Idempotency-Key": uuid.uuid4().hex}
        ) as response:
            answer = await response.read()
            assert response.status == 201, answer
        return time.perf_counter() - began


async def slow_bodies(world: World, prepared: asyncio.Event) -> None:
    """Forty connections that announce a batch and send next to nothing of it."""
    host, port = world.url.removeprefix("http://").split(":")
    head = (
        f"POST /v1/transfers/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n"
    )
    writers = []
    prepared.set()
    try:
        for _ in range(40):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(head.encode())
            writers.append(writer)
        while True:
            for writer in writers:
                writer.write(b" ")
            await asyncio.sleep(0.1)
    finally:
        for writer in writers:
            writer.close()


async def unknown_keys(world: World, prepared: asyncio.Event) -> None:
    """A new key that nobody made for each request."""
    prepared.set()

    async def some() -> None:
        while True:
            headers = {"Authorization": f"Bearer {uuid.uuid4().hex}"}
            async with world.hostile.get(f"/v1/wallets/{world.bank}", headers=headers) as answer:
                await answer.read()
                assert answer.status == 401

    await asyncio.gather(*(some() for _ in range(8)))


SORTS: Final = (slow_bodies, unknown_keys)


@contextlib.asynccontextmanager
async def _world(switch: RunningSwitch) -> AsyncIterator[World]:
    made = shardpay(
        "keys", "create", "--data", str(switch.data), "--name", "hostile", "--scope", "pay", "--scope", "read"
    )
    assert made.returncode == 0, made.stderr
    token = next(word for word in made.stdout.split() if word.strip('",').startswith("sp_")).strip('",')
    timeout = aiohttp.ClientTimeout(total=30)
    async with (
        aiohttp.ClientSession(switch.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=timeout) as honest,
        aiohttp.ClientSession(switch.url, headers={"Authorization": f"Bearer {token}"}, timeout=timeout) as hostile,
    ):
        world = World(switch.url, honest, hostile, token)
        await world.prepare()
        yield world


@pytest.mark.parametrize("sort", SORTS, ids=lambda sort: sort.__name__)
async def test_a_hostile_caller_leaves_an_honest_one_in_peace(
    shared_switch: RunningSwitch, sort: Callable[[World, asyncio.Event], Coroutine[Any, Any, None]]
) -> None:
    async with _world(shared_switch) as world:
        await world.honest_p99(0.5)
        alone = await world.honest_p99()
        prepared = asyncio.Event()
        attack = asyncio.create_task(sort(world, prepared))
        try:
            async with asyncio.timeout(10):
                await prepared.wait()
            await asyncio.sleep(0.3)
            beside = await world.honest_p99()
            assert not attack.done(), attack
        finally:
            attack.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await attack
    print(f"{sort.__name__}: p99 alone {1_000 * alone:.1f} ms, beside {1_000 * beside:.1f} ms")
    assert beside <= max(2 * alone, FLOOR_S)
