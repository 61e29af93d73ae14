"""SIGSTOP of a shard's process past a takeover: the old one never answers again, and payments go on without it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from actors.database import embedded
from actors.database.connection import migrate
from tests.acceptance.load import Load
from tests.acceptance.lone_shard import make_host, submit
from tests.acceptance.running import RunningSwitch

ROOT = Path(__file__).parent.parent.parent


class _Old:
    """The shard's first process."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "tests.acceptance.lone_shard", url, "11"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()


async def _take_over(url: str, wallet: int) -> None:
    """A second writer opens the journal and pays."""
    host = await make_host(url, 22)
    life = asyncio.create_task(host.run())
    async with asyncio.timeout(30):
        while not host.ready:
            await asyncio.sleep(0.01)
    assert (await submit(host, "pay", ["second", str(wallet), "500"]))[0] == 0
    balance = (await host.wallets(np.array([wallet], np.int64)))[0]
    assert balance["credits"] == 600
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    await host.stop()


@pytest.mark.parametrize("stopped_s", [0.0, 9.0])
def test_the_old_process_dies_instead_of_answering(server_place: Path, stopped_s: float) -> None:
    server = embedded.start(server_place)
    try:
        asyncio.run(migrate(server.url))
        old = _Old(server.url)
        old.say("open external")
        assert old.line().split()[2] == "0"
        old.say("open user")
        _, _, code, wallet = old.line().split()
        assert code == "0"
        old.say(f"pay first {wallet} 100")
        assert old.line().split()[2] == "0"
        os.kill(old.process.pid, signal.SIGSTOP)
        old.say(f"read {wallet}")
        old.say(f"pay third {wallet} 1000")
        asyncio.run(_take_over(server.url, int(wallet)))
        if stopped_s:
            asyncio.run(asyncio.sleep(stopped_s))
        os.kill(old.process.pid, signal.SIGCONT)
        answers, _ = old.process.communicate(timeout=30)
        assert answers == "", "the old process showed or took money that it no longer owned"
        assert old.process.returncode == 70
    finally:
        server.stop()


async def _goes_on(switch: RunningSwitch) -> None:
    async with Load(switch.url, 4) as load:
        await load.prepare()
        paying = asyncio.create_task(load.run())
        while len(load.payments) < 200:
            await asyncio.sleep(0.05)
        victim: psutil.Process = switch.find("shard")[0]
        victim.suspend()
        async with asyncio.timeout(60):
            with contextlib.suppress(psutil.NoSuchProcess):
                while victim.is_running() and victim.status() != psutil.STATUS_ZOMBIE:
                    await asyncio.sleep(0.1)
        before = sum(len(payment.answers) for payment in load.payments)
        async with asyncio.timeout(60):
            while sum(len(payment.answers) for payment in load.payments) < before + 300:
                await asyncio.sleep(0.05)
        load.stop()
        await paying
        await load.check()


def test_the_switch_takes_a_stopped_shard_over_by_itself(shared_switch: RunningSwitch) -> None:
    asyncio.run(_goes_on(shared_switch))
