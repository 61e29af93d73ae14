"""`shardpay export` of a switch that has worked: what analysts sum up is what the wallets hold."""

import asyncio
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from click.testing import CliRunner

from switch.cli.export import export_command
from switch.cli.main import cli
from tests.front_door import RunningSwitch, running_switch

BALANCES = """
    WITH all_records AS (SELECT * FROM read_parquet('{lake}/**/*.parquet', hive_partitioning = true)),
    moved AS (
        SELECT * FROM all_records WHERE record IN ('transfer', 'capture', 'refund') AND code = 'ok'
    ),
    entries AS (
        SELECT payer AS wallet, -amount AS amount FROM moved
        UNION ALL SELECT payee, amount FROM moved WHERE NOT remote
        UNION ALL SELECT payee, amount FROM all_records WHERE record = 'leg' AND NOT suspense
    )
    SELECT wallet::text, sum(amount)::bigint FROM entries GROUP BY wallet
"""


async def export(switch: RunningSwitch, lake: Path, *options: str) -> Any:
    cli.add_command(export_command)
    arguments = ["export", "--output", str(lake), "--database", switch.database_url, "--json", *options]
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)["report"]


async def test_sums_of_the_export_are_the_balances(database_url: str, tmp_path: Path) -> None:
    async with running_switch(database_url) as switch:
        bank = await switch.wallet("external")
        users = [await switch.wallet() for _ in range(8)]
        for number in range(60):
            payer = bank if number < 10 else users[number % 8]
            await switch.pay(payer, users[(number * 5 + 3) % 8], 100 + 37 * number)
        first = await export(switch, tmp_path)
        assert first["records"] > 0
        await switch.pay(bank, users[0], 1)
        held = await switch.pay(users[0], users[1], 50, hold=True)
        captured = await switch.call("POST", f"/v1/transfers/{held.json['id']}/capture", {"amount": 20}, key="c")
        assert captured.status == 201, captured.raw
        paid = await switch.pay(users[0], bank, 30)
        refunded = await switch.call("POST", f"/v1/transfers/{paid.json['id']}/refund", {"amount": 7}, key="r")
        assert refunded.status == 201, refunded.raw
        balances: dict[str, int] = {}
        async with asyncio.timeout(60):
            while sum(balances.values()) or not balances:  # until every credit has landed
                for wallet in (bank, *users):
                    balances[wallet] = (await switch.call("GET", f"/v1/wallets/{wallet}")).json["posted"]
        second = await export(switch, tmp_path)
        assert 0 < second["records"] < first["records"]
        sums = dict(duckdb.execute(BALANCES.format(lake=tmp_path)).fetchall())
        assert sums == {wallet: balance for wallet, balance in balances.items() if wallet in sums}
        assert all(balances[wallet] == 0 for wallet in balances if wallet not in sums)


def test_a_bad_time_is_bad_usage(tmp_path: Path) -> None:
    cli.add_command(export_command)
    result = CliRunner().invoke(cli, ["export", "--output", str(tmp_path), "--since", "yesterday"])
    assert (result.exit_code, "RFC 3339" in result.output) == (2, True)


def test_a_folder_without_a_database_is_one_line(tmp_path: Path) -> None:
    cli.add_command(export_command)
    result = CliRunner().invoke(cli, ["export", "--output", str(tmp_path), "--data", str(tmp_path / "none")])
    assert (result.exit_code, len(result.output.strip().splitlines())) == (1, 1)
