"""`shardpay features`: what a credit team trains and scores on."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from actors.process.container import processors
from models.wording import counted
from switch.cli.options import DAYS_MAX, WORKERS_MAX, LocalPath, as_text, as_time, json_option, storage_options

_FOLDER: Final = LocalPath(path_type=Path, file_okay=False, resolve_path=True)


@click.command("features", epilog="Example: shardpay features --output ./features --as-of 2026-11-01T00:00:00Z")
@click.option("--output", type=_FOLDER, required=True, help="A folder of their own, new or empty.")
@click.option(
    "--as-of",
    metavar="T",
    callback=as_time,
    help="RFC 3339 time: nothing effective later counts [default: now, of an export when it was made].",
)
@click.option("--input", "folder", type=_FOLDER, help="An export from the beginning, in place of a database.")
@click.option("--without-relations", is_flag=True, help="Leave out whom holders pay and are paid by.")
@click.option(
    "--negative-days",
    type=click.IntRange(1, DAYS_MAX),
    help="For how many days it counts that an order was overdue [default: as configured, else 1826].",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The switch's TOML file, whose section credit says the same.",
)
@click.option(
    "--ray", metavar="A", help="Address of a Ray cluster whose nodes all see input and output: a task a shard."
)
@click.option(
    "--workers",
    type=click.IntRange(1, WORKERS_MAX),
    default=processors,
    help="Shards at a time [default: one a processor].",
)
@json_option
@storage_options
def features_command(data: Path, database: str | None, as_json: bool, workers: int, **options: Any) -> None:
    """Compute credit features of every wallet as of a time, as Parquet: a file a shard, a row a wallet.

    From the journals of a database, also while the switch runs, or from an export. docs/reference/features.md has the catalogue, with SQL.
    """
    from actors.credit_features.extract import FeaturesRefused
    from actors.export.reader import Unreadable

    started = time.perf_counter()
    try:
        done = asyncio.run(_extracted(data, database, workers, options))
    except (FeaturesRefused, Unreadable) as error:
        raise click.ClickException(str(error)) from None
    seconds = time.perf_counter() - started
    records, wallets = sum(each.records for each in done), sum(each.wallets for each in done)
    if as_json:
        report = {"records": records, "wallets": wallets, "shards": done, "seconds": round(seconds, 3)}
        click.echo(as_text(report))
        return
    click.echo(f"{counted(wallets, 'wallet')} from {counted(records, 'record')}, {records / seconds:,.0f} records/s")


async def _extracted(data: Path, database: str | None, workers: int, options: dict[str, Any]) -> list[Any]:
    """What each task did."""
    from actors.credit_features.extract import Extraction, run
    from actors.process.each_shard import each_shard
    from models.credit.feature import Dimension

    as_of = options["as_of"]
    law, negative_days = _law(options["config"]), options["negative_days"]
    without = options["without_relations"] or not law.relations
    leave_out: Dimension | None = "relations" if without else None
    async with _source(data, database, options["folder"]) as source:
        job = Extraction(
            output=options["output"],
            as_of=_newest(source) if as_of is None else as_of,
            leave_out=leave_out,
            negative_days=negative_days or law.negative_days,
            **source,
        )
        if options["ray"] is None:
            return await asyncio.to_thread(run, job, partial(each_shard, workers=workers))
        return _on_ray(job, options["ray"])


def _newest(source: dict[str, Any]) -> int:
    """The time until which all is there: of journals before they were looked at, of an export when it was made, if it says so."""
    ends = (source["export"] if "export" in source else source["journals"]).at_ms
    return time.time_ns() // 1_000_000 if ends is None else int(ends)


def _law(config: Path | None) -> Any:
    from rules.scenarios.law import PRESETS
    from switch.node.settings import read_config

    if config is None:
        return PRESETS["cn"]
    try:
        return read_config(config).credit.terms
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@asynccontextmanager
async def _source(data: Path, database: str | None, folder: Path | None) -> AsyncIterator[dict[str, Any]]:
    """Where records come from, as `Extraction` has it."""
    from actors.credit_features.extract import journals_at
    from actors.database.locate import opened
    from actors.export.reader import Export

    if folder is not None:
        yield {"export": Export(folder)}
        return
    async with opened(data, database) as url:
        yield {"journals": await journals_at(url)}


def _on_ray(job: Any, address: str) -> list[Any]:
    from actors.credit_features.extract import run
    from actors.process.each_shard import each_shard_on_ray
    from actors.process.ray_cluster import RayOptions, RayRuntime

    with tempfile.TemporaryDirectory(prefix="shardpay-") as folder:
        runtime = RayRuntime.start(RayOptions(data_dir=Path(folder), num_cpus=0, address=address))
        try:
            return run(job, each_shard_on_ray)
        finally:
            runtime.stop()
