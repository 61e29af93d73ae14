"""`kill -9` of front doors while payments are made: who follows events misses none, in Python and on the command line."""

import asyncio
import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from switch.client import AsyncClient
from tests.acceptance.running import KEY, RunningSwitch, environment

ROUNDS = 3
PAYMENTS = 20
TYPE = "transfer.posted"
WITHIN_S = 100.0


async def _wallets(client: AsyncClient) -> tuple[str, str]:
    bank = await client.wallets.create(currency="EUR", kind="external")
    ann = await client.wallets.create(currency="EUR", kind="user", owner="ann")
    return bank.id, ann.id


async def _paid(client: AsyncClient, bank: str, ann: str) -> list[str]:
    made = [await client.transfers.create(payer=bank, payee=ann, amount=1 + n, currency="EUR") for n in range(PAYMENTS)]
    return [each.id for each in made]


async def _heard(stream: AsyncIterator[Any], seen: list[str], wanted: set[str]) -> None:
    while not wanted <= set(seen):
        seen.append((await anext(stream)).id)


def _follow(switch: RunningSwitch, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "switch", "events", "follow", "--url", switch.url, "--type", TYPE, "--json", *more]
    env = environment(SHARDPAY_API_KEY=KEY)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def _ids_until(process: "subprocess.Popen[str]", wanted: set[str]) -> list[str]:
    assert process.stdout is not None
    seen: list[str] = []
    while not wanted <= set(seen):
        seen.append(msgspec.json.decode(process.stdout.readline())["id"])
    return seen


async def _scene(switch: RunningSwitch) -> None:
    async with AsyncClient(switch.url, KEY) as client, asyncio.timeout(WITHIN_S):
        bank, ann = await _wallets(client)
        paid = await _paid(client, bank, ann)
        started = (await anext(aiter(client.stream_events(types=TYPE)))).id
        assert started
        with _follow(switch, "--after", "start") as process:
            seen: list[str] = []
            stream = client.stream_events(types=TYPE)
            async with contextlib.aclosing(stream):
                await _heard(stream, seen, set(paid))
                for _ in range(ROUNDS):
                    for _ in range(2):  # both front doors: one of them has the stream
                        await asyncio.to_thread(switch.kill, "front door")
                    paid += await _paid(client, bank, ann)
                    await _heard(stream, seen, set(paid))
            assert len(seen) == len(set(seen)), "whatever broke, it went on exactly there"
            lines = await asyncio.to_thread(_ids_until, process, set(paid))
            assert [each for each in lines if each in set(paid)] == [each for each in seen if each in set(paid)]
            process.send_signal(signal.SIGINT)
            _, stderr = await asyncio.to_thread(process.communicate, timeout=30)
            assert process.returncode == 0, stderr
        cursor = re.search(r"--after (\S+)", stderr)
        assert cursor is not None, stderr
        missed = await _paid(client, bank, ann)
        with _follow(switch, "--after", cursor[1], "--count", str(PAYMENTS)) as process:
            assert _ids_until(process, set(missed)) == missed, "a person goes on where the command ended"
            assert process.wait(30) == 0


def test_no_event_is_missed_and_none_comes_twice(shared_switch: RunningSwitch) -> None:
    asyncio.run(_scene(shared_switch))
