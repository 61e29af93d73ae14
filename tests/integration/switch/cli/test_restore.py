"""`shardpay restore`: what is damaged is refused before anything is touched, and a database is made where there is none."""

import asyncio
from pathlib import Path

from click.testing import CliRunner, Result

from switch.cli.backup import backup_command
from switch.cli.main import cli
from switch.cli.restore import restore_command
from tests.front_door import running_switch


async def command(*arguments: str) -> Result:
    for each in (backup_command, restore_command):
        cli.add_command(each)
    return await asyncio.to_thread(CliRunner().invoke, cli, list(arguments))


async def test_a_damaged_backup_is_refused_before_anything_is_touched(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    assert (await command("backup", "--output", str(folder), "--database", database_url)).exit_code == 0
    path = folder / "migration.copy"
    path.write_bytes(path.read_bytes().replace(b"initial", b"Initial"))
    refused = await command("restore", "--input", str(folder), "--database", empty_database_url)
    assert refused.exit_code == 1
    assert str(path) in refused.output
    assert len(refused.output.strip().splitlines()) == 1


async def test_a_restore_makes_the_embedded_database(server_place: Path, database_url: str) -> None:
    folder = server_place / "backup"
    async with running_switch(database_url) as switch:
        bank, user = await switch.wallet("external"), await switch.wallet()
        assert (await switch.pay(bank, user, 5)).status == 201
    assert (await command("backup", "--output", str(folder), "--database", database_url)).exit_code == 0
    done = await command("restore", "--input", str(folder), "--data", str(server_place / "data"))
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "no difference"), done.output
