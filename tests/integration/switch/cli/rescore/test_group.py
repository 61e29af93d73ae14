"""`shardpay rescore --publish`: scored, and published to a running switch; the same command again doubles nothing."""

import asyncio
import json
import os
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.stores.rule_packs import VersionConflict
from models.credit.shipped import shipped
from tests.front_door import RunningSwitch
from tests.rescore_files import wide_wallets
from tests.score_batches import publish_card

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def rescored(switch: RunningSwitch, folder: Path, *more: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code, and the lines that were printed."""
    words = ["--input", str(folder / "in.parquet"), "--card", "wallet", "--output", str(folder / "out")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "switch", "rescore", *words, "--as-of", "2026-01-01T00:00:00Z", "--json", *more),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "SHARDPAY_API_KEY": switch.key},
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, [json.loads(line) for line in printed.splitlines()]


async def test_one_command_scores_and_publishes_and_doubles_nothing(shared: RunningSwitch, tmp_path: Path) -> None:
    wallets = [await shared.wallet() for _ in range(20)]
    ids = [uuid.UUID(wallet).bytes for wallet in (*wallets, str(uuid.uuid4()))]
    table = wide_wallets(shipped("wallet"), len(ids))
    pq.write_table(table.set_column(0, "wallet", pa.array(ids, pa.binary(16))), tmp_path / "in.parquet")
    with suppress(VersionConflict):  # another test has published it
        await publish_card(shared)
    code, lines = await rescored(shared, tmp_path, "--publish", "--url", shared.base)
    run = lines[-1]["published"]["run"]
    found = {"run": run, "rows": 21, "codes": {"ok": 20, "wallet_not_found": 1}}
    assert (code, lines[-1]) == (1, {"published": {**found, "replayed": 0}})
    rows = [row for path in (tmp_path / "out" / "parts").iterdir() for row in pq.read_table(path).to_pylist()]
    scores = {uuid.UUID(bytes=row["wallet"]): row["score"] for row in rows}
    for wallet in wallets:
        shown = (await shared.call("GET", f"/v1/wallets/{wallet}/credit")).json
        assert (shown["score"], shown["run"]) == (scores[uuid.UUID(wallet)], run)
    code, lines = await rescored(shared, tmp_path, "--publish", "--url", shared.base)
    assert (code, lines[-1]) == (1, {"published": {**found, "replayed": None}})
    history = (await shared.call("GET", f"/v1/wallets/{wallets[0]}/credit/history")).json["data"]
    assert [entry["run"] for entry in history if "run" in entry] == [run]
