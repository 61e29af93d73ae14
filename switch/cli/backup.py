"""`shardpay backup`: everything as of one instant, for a bad day."""

import asyncio
from pathlib import Path
from typing import Any

import click

from models.wording import counted
from switch.cli.options import LocalPath, as_text, json_option, progress_bar, storage_options


@click.command("backup", epilog="Example: shardpay backup --output ./backup-2026-11-22")
@click.option("--output", type=LocalPath(path_type=Path, file_okay=False), required=True, help="A folder of its own.")
@json_option
@storage_options
def backup_command(output: Path, as_json: bool, data: Path, database: str | None) -> None:
    """Copy everything as of one instant, also while the switch runs.

    The files hold the cluster's secret and personal details: keep them as you keep the database.
    """
    from actors.backup.backup import backup
    from actors.database.locate import located

    async def run(progress: Any) -> Any:
        async with located(data, database) as url:
            return await backup(url, output, progress)

    with progress_bar("copying", "bytes") as progress:
        manifest = asyncio.run(run(progress))
    if as_json:
        click.echo(as_text(manifest))
        return
    size = sum(table.bytes for table in manifest.tables)
    heads = ", ".join(f"shard {shard} up to block {head.block:,}" for shard, head in manifest.heads.items())
    click.echo(
        f"{counted(len(manifest.tables), 'table')}, {size / 1e6:,.1f} MB in {output}: {heads or 'no journal yet'}"
    )
