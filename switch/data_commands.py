"""`shardpay export`: what happened, for analysts."""

import asyncio
import time
from pathlib import Path
from typing import Any

import click

from switch.options import as_text, json_option, progress_bar, storage_options
from switch.times import time_ms


def _since(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else time_ms(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("export", epilog="Example: shardpay export --output ./lake")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the export.")
@click.option("--since", metavar="T", callback=_since, help="RFC 3339 time: leave out what was recorded before.")
@json_option
@storage_options
def export_command(output: Path, since: int | None, as_json: bool, data: Path, database: str | None) -> None:
    """Write the journal as Parquet, partitioned by day and shard; again into the same folder: only what is new.

    Also while the switch runs. docs/export.md has the columns.
    """
    from actors.export import Job, export
    from actors.export_columns import Names
    from actors.storage import opened
    from switch.currencies import ALPHA
    from switch.rows import COUNTRIES

    async def run(progress: Any) -> Any:
        async with opened(data, database) as url:
            names = Names(currencies=ALPHA, countries=COUNTRIES)
            return await export(Job(url=url, output=output, names=names, since=since, progress=progress))

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
