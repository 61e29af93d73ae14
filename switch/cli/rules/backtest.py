"""`shardpay rules backtest`: what a pack would have decided of everything that ever happened."""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import msgspec

from actors.process.container import processors
from switch.cli.client import switch_client
from switch.cli.options import WORKERS_MAX, as_text, as_time, json_option
from switch.cli.rules.files import pack_body
from switch.http.times import time_text

CHECK_TIMEOUT_S: Final = 120.0
"""The switch compiles the pack before it begins."""

LAST_MAX: Final = 100_000
"""What the switch takes."""
_CONFIG_HELP: Final = "The TOML file of serve, if its capacity was changed."
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("backtest", epilog="Example: shardpay rules backtest pack.yaml --input ./lake")
@click.argument("file", type=_FILE)
@click.option("--input", "folder", type=click.Path(path_type=Path), help="An export from the beginning.")
@click.option("--url", metavar="U", help="Instead: the journal of the switch at this address, key in SHARDPAY_API_KEY.")
@click.option("--key", envvar="SHARDPAY_API_KEY", hidden=True)
@click.option("--card", "cards", type=_FILE, multiple=True, help="A scorecard (JSON) that the pack names.")
@click.option(
    "--labels",
    type=_FILE,
    help="Parquet or CSV: id (a transfer), label; with --url also wallet, idempotency_key, label.",
)
@click.option(
    "--from",
    "since",
    metavar="T",
    callback=as_time,
    help="Count attempts from this time on (RFC 3339, effective time).",
)
@click.option("--to", "until", metavar="T", callback=as_time, help="Count attempts before this time.")
@click.option(
    "--last", type=click.IntRange(1, LAST_MAX), metavar="N", help="Instead, with --url: count the newest N attempts."
)
@click.option("--ray", metavar="A", help="Address of a Ray cluster whose nodes all see the export: a task a shard.")
@click.option(
    "--workers",
    type=click.IntRange(1, WORKERS_MAX),
    default=processors,
    help="Shards at a time [default: one a processor].",
)
@click.option("--config", type=_FILE, help=_CONFIG_HELP)
@json_option
def rules_backtest(
    file: Path, url: str | None, key: str | None, ray: str | None, workers: int, as_json: bool, **tried: Any
) -> None:
    """Decide every payment of an export, or of a running switch, anew, with what its decision saw, and count what changes.

    Hits, amounts and overlap of rules, decisions changed, and with labels precision and recall. docs/reference/backtest.md says more.
    """
    from rules.backtest.report import render

    options = _Options(**tried)
    if (options.folder is None) == (url is None):
        raise click.UsageError("either --input or --url")
    if options.since is not None and options.until is not None and options.until <= options.since:
        raise click.UsageError("--to is a time after --from")
    if options.last is not None and (url is None or options.since is not None or options.until is not None):
        raise click.UsageError("--last goes with --url, and without --from and --to")
    if url is not None:
        if options.cards or options.config is not None or ray is not None:
            raise click.UsageError("--card, --config and --ray go with --input")
        report, seconds = _on_switch(file, options, url, key, as_json)
    else:
        shards = partial(_in_processes, workers=workers) if ray is None else partial(_on_ray, address=ray)
        report, seconds = _on_export(file, options, shards)
    click.echo(as_text({"report": report, "seconds": round(seconds, 3)}) if as_json else render(report, seconds))


class _Options(NamedTuple):
    """What is decided anew, and how it is counted. `folder`: of an export, None for the journal of a switch."""

    folder: Path | None
    cards: tuple[Path, ...]
    labels: Path | None
    config: Path | None
    since: int | None
    until: int | None
    last: int | None


def _on_switch(file: Path, options: _Options, url: str, key: str | None, as_json: bool) -> tuple[Any, float]:
    """Report and seconds that a running switch answers."""
    from actors.backtest.labels import BadLabels, read_label_fields
    from actors.backtest.live import TIMEOUT_S
    from rules.backtest.report import BacktestReport

    try:
        fields = [] if options.labels is None else read_label_fields(options.labels)
    except BadLabels as error:
        raise click.ClickException(str(error)) from None
    _, pack = pack_body(file, as_json)
    begin, end = (msgspec.UNSET if each is None else time_text(each) for each in (options.since, options.until))
    last = msgspec.UNSET if options.last is None else options.last

    with switch_client(file, url, key, TIMEOUT_S + CHECK_TIMEOUT_S, as_json) as client:
        answer = client.rule_packs.backtest(**pack, from_=begin, to=end, last=last, labels=fields)
    return msgspec.convert(msgspec.to_builtins(answer.report), BacktestReport), answer.seconds


def _on_export(file: Path, options: _Options, shards: Callable[[Any, Any], list[Any]]) -> tuple[Any, float]:
    """Report and seconds."""
    from actors.backtest.labels import BadLabels
    from actors.backtest.run import tally_shard
    from actors.export.reader import Unreadable
    from actors.ledger.rebuilding import Contradiction
    from rules.backtest.counts import new_tally
    from rules.backtest.report import report
    from rules.language.problems import PackError

    started = time.perf_counter()
    try:
        test = _backtest(file, options)
        pack = test.source.pack()
        tally = new_tally(len(pack.rules))
        for part in shards(test, tally_shard):
            tally = tally.plus(part)
    except PackError as error:
        click.echo("\n".join(problem.render(str(file)) for problem in error.problems))
        sys.exit(1)
    except (Unreadable, Contradiction, BadLabels, ValueError) as error:
        raise click.ClickException(str(error)) from None
    return report(pack, tally), time.perf_counter() - started


def _in_processes(test: Any, work: Any, workers: int) -> list[Any]:
    from actors.process.each_shard import each_shard

    return each_shard(test, work, test.shards, workers)


def _on_ray(test: Any, work: Any, address: str) -> list[Any]:
    from actors.process.each_shard import each_shard_on_ray
    from actors.process.ray_cluster import RayOptions, RayRuntime

    runtime = RayRuntime.start(RayOptions(data_dir=test.export.folder, num_cpus=0, address=address))
    try:
        return each_shard_on_ray(test, work, test.shards)
    finally:
        runtime.stop()


def _backtest(file: Path, options: _Options) -> Any:
    from actors.backtest.labels import read_labels
    from actors.backtest.run import NO_LABELS, Backtest, PackSource, Period
    from actors.export.reader import Export
    from models.scorecard import parse
    from rules.language.document import read_pack
    from rules.language.files import pack_text, reader_beside
    from switch.node.settings import ConfigFile, read_config

    document = read_pack(pack_text(file), reader_beside(file))
    known = {f"{card.name}@{card.version}": card for card in (parse(path.read_bytes()) for path in options.cards)}
    assert options.folder is not None, "it is asked for an export"
    return Backtest(
        export=Export(options.folder),
        source=PackSource(text=document.text, files=document.files, cards=known),
        capacity=(ConfigFile() if options.config is None else read_config(options.config)).capacity,
        labels=NO_LABELS if options.labels is None else read_labels(options.labels),
        period=Period(options.since, options.until),
    )
