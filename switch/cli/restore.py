"""`shardpay restore`: a backup back into an empty database."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from models.wording import counted
from switch.cli.options import as_text, json_option, progress_bar, storage_options


@click.command("restore", epilog="Example: shardpay restore --input ./backup-2026-11-22 --data ./data")
@click.option("--input", "folder", type=click.Path(path_type=Path, exists=True), required=True, help="The backup.")
@json_option
@storage_options
def restore_command(folder: Path, as_json: bool, data: Path, database: str | None) -> None:
    """Fill an empty database from a backup, then audit it; exit code 1 on any difference.

    Every file is checked before anything is touched, and all happens in one transaction. Do not let two switches go on from one
    backup: each would believe to be the only one.
    """
    from actors.audit.audit import audit_database, render
    from actors.backup.backup import check, restore
    from actors.database.connection import migrate_unless_in_use
    from actors.database.locate import located

    async def run(manifest: Any) -> Any:
        async with located(data, database, create=True) as url:
            await restore(url, folder, manifest)
            await migrate_unless_in_use(url)
            return await audit_database(url)

    with progress_bar("checking", "bytes") as progress:
        manifest = check(folder, progress)
    report = asyncio.run(run(manifest))
    if as_json:
        click.echo(as_text({"restored": manifest, "audit": report}))
    else:
        rows = sum(table.rows for table in manifest.tables)
        click.echo(
            f"{counted(rows, 'row')} of {counted(len(manifest.tables), 'table')} restored, as of {manifest.created_at}"
        )
        click.echo(render(report))
    if report.differences:
        sys.exit(1)
