"""`kill -9` of the process that sends, under load: another takes over, and every event arrives at least once with a right signature."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from switch.client import AsyncClient
from tests.acceptance.load import Load
from tests.acceptance.running import KEY, RunningSwitch, running_switch
from tests.receiver import Receiver, receiving, verified

CONFIG = '[webhooks]\nallow_http = true\nallow_networks = ["127.0.0.0/8"]\n'
IN_FLIGHT_MAX = 500
"""What one death may send twice: a stretch."""
ON_THE_WAY = 100
"""More than what a sender that was killed had sent and the receiver not yet read."""


def _came(receiver: Receiver, count: int) -> bool:
    return len(receiver.received) > count


async def _received(switch: RunningSwitch, receiver: Receiver, victims: tuple[str, ...]) -> tuple[str, Load]:
    """The secret of an endpoint, and the payments made while processes were killed; all of them have arrived."""
    async with Load(switch.url, 3) as load, AsyncClient(switch.url, KEY) as client:
        await load.prepare()
        made = await client.webhook_endpoints.create(url=f"{receiver.url}/hooks", types=["transfer.posted"])
        assert made.secret is not None
        paying = asyncio.create_task(load.run())
        await receiver.until(lambda: len(receiver.received) > ON_THE_WAY, 30)
        for victim in victims:
            await asyncio.to_thread(switch.kill, victim)
            async with load.unhurried():
                if victim == "everything":
                    await asyncio.to_thread(switch.start)
                before = len(receiver.received)
                await receiver.until(partial(_came, receiver, before + ON_THE_WAY), 60)
            await receiver.until(partial(_came, receiver, before + IN_FLIGHT_MAX + 50), 60)
            times = [each.at for each in receiver.received[before:]]
            print(f"{victim}: at most {max(map(float.__sub__, times[1:], times)):.1f} s without an event")
        load.stop()
        await paying
        ids = {payment.answers[0][1] for payment in load.payments if payment.answers[0][0] == "posted"}
        await receiver.until(lambda: ids <= {each.id for each in receiver.received}, 30)
    return made.secret, load


def _killed(server_place: Path, victims: tuple[str, ...]) -> None:
    config = server_place / "config.toml"
    config.write_text(CONFIG)

    async def scene() -> None:
        async with receiving() as receiver:
            with running_switch(server_place / "data", "--config", str(config)) as switch:
                secret, load = await _received(switch, receiver, victims)
            assert all(verified(secret, headers, raw) for headers, raw in receiver.raw)
            ids = [each.id for each in receiver.received]
            repeats = len(ids) - len(set(ids))
            print(f"{len(load.payments)} payments, {len(ids)} requests, {repeats} of them again")
            assert repeats <= len(victims) * IN_FLIGHT_MAX

    asyncio.run(scene())


def test_kill_9_of_the_process_that_sends(server_place: Path) -> None:
    _killed(server_place, ("webhook sender",))


@pytest.mark.slow
def test_kill_9_of_what_it_works_with_and_of_everything(server_place: Path) -> None:
    _killed(server_place, ("postgres", "front door", "webhook sender", "node", "everything", "webhook sender"))
