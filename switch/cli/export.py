"""`shardpay export`: what happened, for analysts."""

import asyncio
import time
from pathlib import Path
from typing import Any

import click

from models.wording import counted
from switch.cli.options import LocalPath, as_text, as_time, json_option, progress_bar, storage_options


@click.command("export", epilog="Example: shardpay export --output ./lake")
@click.option("--output", type=LocalPath(path_type=Path, file_okay=False), required=True, help="Folder of the export.")
@click.option("--since", metavar="T", callback=as_time, help="RFC 3339 time: leave out what was recorded before.")
@json_option
@storage_options
def export_command(output: Path, since: int | None, as_json: bool, data: Path, database: str | None) -> None:
    """Write the journal as Parquet, partitioned by day and shard; again into the same folder: only what is new.

    Also while the switch runs. docs/reference/export.md has the columns.
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
        f"{counted(report.records, 'record')} of {counted(report.blocks, 'new block')} in {counted(report.files, 'file')}, "
        f"{report.bytes / 1e6:,.1f} MB, {report.records / seconds:,.0f} records/s"
    )
