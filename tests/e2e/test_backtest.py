"""`shardpay rules backtest` on the export of a switch that has worked: what was live changes nothing, another pack says what it would."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from actors.export import Job, export
from rules.builtin import DOCUMENT
from switch.__main__ import cli
from tests.front_door import RunningSwitch, running_switch

STRICT = """
name: strict
fallback: approve
rules:
  - {id: large, when: amount >= 500, action: decline, reason: LARGE}
  - {id: again, when: payee_seen > 0, action: review, reason: AGAIN}
  - {id: quiet, when: payer_credited == 1000, action: decline, reason: QUIET, mode: shadow}
"""


async def backtest(pack: Path, lake: Path, *options: str) -> Result:
    arguments = ["rules", "backtest", str(pack), "--input", str(lake), "--workers", "1", *options]
    return await asyncio.to_thread(CliRunner().invoke, cli, arguments)


async def report(pack: Path, lake: Path, *options: str) -> Any:
    result = await backtest(pack, lake, "--json", *options)
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)["report"]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "pack.yaml"
    path.write_text(STRICT)
    return path


async def _pay(switch: RunningSwitch) -> list[str]:
    """Eight funded users on two shards; each pays its neighbour 100, 200 ... then once more 600. Ids of the latter."""
    bank = await switch.wallet("external")
    users = [await switch.wallet() for _ in range(8)]
    for user in users:
        await switch.pay(bank, user, 1_000)
    for number, user in enumerate(users):
        await switch.pay(user, users[number - 1], 100)
    large = [await switch.pay(user, users[number - 1], 600) for number, user in enumerate(users)]
    return [paid.json["id"] for paid in large if paid.status == 201]


async def test_a_pack_is_tried_on_everything_that_happened(database_url: str, tmp_path: Path, pack: Path) -> None:
    lake = tmp_path / "lake"
    async with running_switch(database_url) as switch:
        large = await _pay(switch)
        await export(Job(url=database_url, output=lake))
    live = tmp_path / "live.yaml"
    live.write_text(DOCUMENT.text)
    same = await report(live, lake)
    assert (same["attempts"], same["changed"]) == (24, 0)

    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\n" + "".join(f"{identity},{i % 2}\n" for i, identity in enumerate(large)))
    told = await report(pack, lake, "--labels", str(labels))
    rules = {rule["id"]: rule for rule in told["rules"]}
    assert (rules["large"]["hits"], rules["again"]["hits"], rules["quiet"]["live"]) == (16, 8, False)
    assert rules["again"]["not_evaluated"] == 8, "an operator wallet has no windows"
    assert rules["quiet"]["hits"] > 0
    assert told["changed"] == 16 and told["labels"]["now"]["recall"] == 1.0
    assert told["labels"]["now"]["flagged"] == len(large)
    assert {"rules": ["large", "again"], "attempts": 8} in told["overlaps"]
    shown = await backtest(pack, lake)
    assert shown.exit_code == 0 and "16 decided otherwise than recorded" in shown.output


async def test_histories_that_are_not_whole_are_refused(database_url: str, tmp_path: Path, pack: Path) -> None:
    whole, late = tmp_path / "whole", tmp_path / "late"
    async with running_switch(database_url) as switch:
        await _pay(switch)
        await export(Job(url=database_url, output=whole))
        await export(Job(url=database_url, output=late, since=1))
    assert "no _manifest" in (await backtest(pack, tmp_path)).output
    assert "exported with --since" in (await backtest(pack, late)).output
    first = sorted(whole.glob("day=*/shard=*/*.parquet"))[0]
    table = pq.read_table(first)
    place = table["record"].to_pylist().index("transfer")
    pq.write_table(pa.concat_tables([table[:place], table[place + 1 :]]), first)
    assert "contradicts the ones before it" in (await backtest(pack, whole)).output
    manifest = whole / "_manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 1'))
    assert "export into another folder" in (await backtest(pack, whole)).output


async def test_a_pack_that_does_not_check_is_told_at_its_place(tmp_path: Path, pack: Path) -> None:
    pack.write_text(STRICT.replace("payee_seen > 0", "payee_sen > 0"))
    result = await backtest(pack, tmp_path)
    assert result.exit_code == 1 and "payee_sen" in result.output
