"""`shardpay export`, `backup` and `restore`: what happened, for analysts; everything, for a bad day."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import click

from switch.cli.options import as_text, as_time, json_option, progress_bar, storage_options


@click.command("export", epilog="Example: shardpay export --output ./lake")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the export.")
@click.option("--since", metavar="T", callback=as_time, help="RFC 3339 time: leave out what was recorded before.")
@json_option
@storage_options
def export_command(output: Path, since: int | None, as_json: bool, data: Path, database: str | None) -> None:
    """Write the journal as Parquet, partitioned by day and shard; again into the same folder: only what is new.

    Also while the switch runs. docs/export.md has the columns.
    """
    from actors.database.locate import opened
    from actors.export.export import Job, export

    async def run(progress: Any) -> Any:
        async with opened(data, database) as url:
            return await export(Job(url=url, output=output, since=since, progress=progress))

    started = time.perf_counter()
    with progress_bar("exporting", "blocks") as progress:
        report = asyncio.run(run(progress))
    seconds = time.perf_counter() - started
    if as_json:
        click.echo(as_text({"report": report, "seconds": round(seconds, 3)}))
        return
    click.echo(
        f"{report.records:,} records of {report.blocks:,} new blocks in {report.files} files, "
        f"{report.bytes / 1e6:,.1f} MB, {report.records / seconds:,.0f} records/s"
    )


@click.command("backup", epilog="Example: shardpay backup --output ./backup-2026-11-22")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="A folder of its own.")
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
    click.echo(f"{len(manifest.tables)} tables, {size / 1e6:,.1f} MB in {output}: {heads or 'no journal yet'}")


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
    from actors.database.connection import migrate
    from actors.database.locate import located

    async def run(manifest: Any) -> Any:
        async with located(data, database, create=True) as url:
            await restore(url, folder, manifest)
            await migrate(url)
            return await audit_database(url)

    with progress_bar("checking", "bytes") as progress:
        manifest = check(folder, progress)
    report = asyncio.run(run(manifest))
    if as_json:
        click.echo(as_text({"restored": manifest, "audit": report}))
    else:
        rows = sum(table.rows for table in manifest.tables)
        click.echo(f"{rows:,} rows of {len(manifest.tables)} tables restored, as of {manifest.created_at}")
        click.echo(render(report))
    if report.differences:
        sys.exit(1)
