"""`shardpay rules backtest`: what a pack would have decided of everything that ever happened, before it decides anything."""

import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import click

from switch.options import as_text, as_time, json_option

_CONFIG_HELP: Final = "The TOML file of serve, if its capacity was changed."
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("backtest", epilog="Example: shardpay rules backtest pack.yaml --input ./lake")
@click.argument("file", type=_FILE)
@click.option("--input", "folder", type=click.Path(path_type=Path), required=True, help="An export from the begin.")
@click.option("--card", "cards", type=_FILE, multiple=True, help="A scorecard (JSON) that the pack names.")
@click.option("--labels", type=_FILE, help="Parquet or CSV: id of a transfer, label true or false.")
@click.option(
    "--from",
    "since",
    metavar="T",
    callback=as_time,
    help="Count attempts from this time on (RFC 3339, effective time).",
)
@click.option("--to", "until", metavar="T", callback=as_time, help="Count attempts before this time.")
@click.option("--ray", metavar="A", help="Address of a Ray cluster whose nodes all see the export: a task a shard.")
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count() or 1, help="Shards at a time.")
@click.option("--config", type=_FILE, help=_CONFIG_HELP)
@json_option
def backtest_command(
    file: Path,
    folder: Path,
    cards: tuple[Path, ...],
    labels: Path | None,
    since: int | None,
    until: int | None,
    ray: str | None,
    workers: int,
    config: Path | None,
    as_json: bool,
) -> None:
    """Decide every exported payment anew, with what its decision saw, and count what changes.

    Hits, amounts and overlap of rules, decisions changed, and with labels precision and recall. docs/backtest.md says more.
    """
    from actors.backtest import Period, each_shard, tally_shard
    from actors.export_reading import Unreadable
    from actors.labels import BadLabels
    from actors.ledger.rebuilding import Contradiction
    from rules.backtest import new_tally
    from rules.backtest_report import render, report
    from rules.problems import PackError

    started = time.perf_counter()
    try:
        test = _backtest(file, folder, cards, labels, config, Period(since, until))
        pack = test.source.pack()
        tally = new_tally(len(pack.rules))
        parts = each_shard(test, tally_shard, workers) if ray is None else _on_ray(test, tally_shard, ray)
        for part in parts:
            tally = tally.plus(part)
    except PackError as error:
        click.echo("\n".join(problem.render(str(file)) for problem in error.problems))
        sys.exit(1)
    except (Unreadable, Contradiction, BadLabels, ValueError) as error:
        raise click.ClickException(str(error)) from None
    seconds = time.perf_counter() - started
    told = report(pack, tally)
    click.echo(as_text({"report": told, "seconds": round(seconds, 3)}) if as_json else render(told, seconds))


def _on_ray(test: Any, work: Any, address: str) -> list[Any]:
    from actors.backtest_ray import each_shard_on_ray
    from actors.ray_runtime import RayOptions, RayRuntime

    runtime = RayRuntime.start(RayOptions(data_dir=test.folder, num_cpus=0, address=address))
    try:
        return each_shard_on_ray(test, work)
    finally:
        runtime.stop()


def _backtest(
    file: Path, folder: Path, cards: tuple[Path, ...], labels: Path | None, config: Path | None, period: Any
) -> Any:
    from actors.backtest import NO_LABELS, Backtest, PackSource
    from actors.labels import read_labels
    from models.scorecard import parse
    from rules.document import read_pack
    from rules.files import pack_text, reader_beside
    from switch.settings import ConfigFile, read_config

    document = read_pack(pack_text(file), reader_beside(file))
    known = {f"{card.name}@{card.version}": card for card in (parse(path.read_bytes()) for path in cards)}
    return Backtest(
        folder=folder,
        source=PackSource(text=document.text, files=document.files, cards=known),
        capacity=(ConfigFile() if config is None else read_config(config)).capacity,
        labels=NO_LABELS if labels is None else read_labels(labels),
        period=period,
    )
