"""Both data sets imported on two shards, exported, backed up, restored elsewhere and audited: the same Parquet and the same balances.

In short with excerpts that are made here; with `-m slow` the data sets themselves, where they are.
"""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import aiohttp
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from tests.acceptance.importing import BERKA, PAYSIM, Import, needs_data
from tests.acceptance.running import KEY, running_switch, shardpay
from tests.excerpts import write_berka, write_paysim, write_shardpay

ASKED_AT_A_TIME = 32
COMMAND_TIMEOUT_S = 900.0


def _done(*arguments: str) -> Any:
    """What a command prints as JSON; it must end well."""
    outcome = shardpay(*arguments, "--json", timeout_s=COMMAND_TIMEOUT_S)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return json.loads(outcome.stdout)


def _hashes(lake: Path) -> dict[str, str]:
    """SHA-256 of each file of an export, its manifest included, by its place."""
    files = [path for path in lake.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(lake)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _wallets(lake: Path) -> list[str]:
    """Ids of all wallets in an export."""
    opened = ds.dataset(lake, format="parquet", partitioning="hive").to_table(
        columns=["wallet"], filter=pc.field("record") == "wallet_opened"
    )
    return sorted({str(wallet) for wallet in opened["wallet"].to_pylist()})


async def _balances(url: str, wallets: list[str]) -> dict[str, tuple[int, int, str]]:
    """Posted, held and status of each wallet."""
    found: dict[str, tuple[int, int, str]] = {}
    missing = iter(wallets)

    async def ask(session: aiohttp.ClientSession) -> None:
        for wallet in missing:
            async with session.get(f"/v1/wallets/{wallet}") as response:
                assert response.status == 200, await response.text()
                shown = await response.json()
                found[wallet] = (shown["posted"], shown["held"], shown["status"])

    async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {KEY}"}) as session:
        await asyncio.gather(*(ask(session) for _ in range(ASKED_AT_A_TIME)))
    return found


def _comes_back(place: Path, files: list[Path]) -> int:
    """Import, export, back up, restore, export, serve; gives the number of records exported."""
    before, after = place / "before", place / "after"
    lake, copy = place / "lake", place / "copy"
    with running_switch(before, "--shards", "2") as switch:
        for file in files:
            Import(switch, file, place).run()
        exported = _done("export", "--output", str(lake), "--data", str(before))["report"]
        wallets = _wallets(lake)
        balances = asyncio.run(_balances(switch.url, wallets))
        switch.stop()
    assert sum(posted for posted, _, _ in balances.values()) == 0
    _done("backup", "--output", str(place / "backup"), "--data", str(before))
    restored = _done("restore", "--input", str(place / "backup"), "--data", str(after))
    assert restored["audit"]["differences"] == []
    assert _done("export", "--output", str(copy), "--data", str(after))["report"] == exported
    assert _hashes(copy) == _hashes(lake)
    with running_switch(after, "--shards", "2") as switch:
        assert asyncio.run(_balances(switch.url, wallets)) == balances
        switch.stop()
    assert _done("export", "--output", str(copy), "--data", str(after))["report"]["records"] == 0
    records: int = exported["records"]
    print(f"{records} records, {len(wallets)} wallets")
    return records


@pytest.mark.slow
def test_excerpts_of_both_data_sets_come_back(server_place: Path) -> None:
    files = [
        write_paysim(server_place / "log.parquet", rows=1_000),
        write_berka(server_place / "bank", accounts=20, days=40),
        write_shardpay(server_place / "rows.ndjson", rows=100),
    ]
    assert _comes_back(server_place, files) > 1_000


@pytest.mark.slow
@needs_data
def test_the_data_sets_come_back(server_place: Path) -> None:
    assert _comes_back(server_place, [PAYSIM, BERKA]) > 1_467_896 + 49_102
