"""The client is a distribution of its own: it installs, imports and pays without Ray, Numba or anything else of the project."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.front_door import RunningSwitch, running_switch

CLIENT = Path(__file__).parents[2] / "switch" / "client"
PROGRAM = """
import importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"ray", "numba", "asyncpg", "pyarrow", "numpy", "switch", "actors", "rules", "models"}:
            raise ImportError(name)

sys.meta_path.insert(0, Absent())
import shardpay

with shardpay.Client(sys.argv[1], sys.argv[2]) as client:
    bank = client.wallets.create(currency="EUR", kind="external")
    user = client.wallets.create(currency="EUR", kind="user")
    print(client.transfers.create(payer=bank.id, payee=user.id, amount=5, currency="EUR").status)
"""


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_the_client_alone_installs_and_pays(switch: RunningSwitch, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(CLIENT, source, ignore=shutil.ignore_patterns("__pycache__"))
    await _run(
        sys.executable,
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"),
        *("--target", str(target), str(source)),
    )
    assert (target / "shardpay" / "py.typed").exists()
    assert await _run(sys.executable, "-c", PROGRAM, switch.base, switch.key, path=str(target)) == "posted\n"


async def _run(*command: str, path: str = "") -> str:
    """What a command prints; its errors when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd="/",
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    printed, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return printed.decode()
