"""`shardpay bench`: one runner for all benchmarks.

The command line finds it by its entry point, as bench/ lies above switch/.
"""

import importlib
import importlib.util
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import click

from switch.cli.options import LocalPath
from switch.cli.serve import RESULTS

BENCHMARKS: Final = {
    "single": "single payments over HTTP at 64 connections, scored and unscored; with --peers against row locks",
    "batches": "Arrow batches of 32k over HTTP, unscored and scored, one and two shards",
    "webhooks": "deliveries of webhooks to a receiver on the same machine, alone and beside a dead endpoint; single payments beside both",
    "statuses": "single payments beside ten times as many questions for what became of payments, of another account",
    "console": "pages of the console beside single payments, and what they cost those",
    "credit": "decisions of credit over HTTP at 64 connections; with --peers beside a PostgreSQL function",
    "kernel": "the ledger's kernels alone at ten million wallets, and memory",
    "rules": "20 rules of four terms: one payment from a dict, batches, compiling; with --peers against datalogic-py and zen-engine",
    "cards": "a scorecard with reasons: rows/s, one record; with --peers beside optbinning, and the AUC of both",
    "backtest": "a rule pack against the export of a million payments and more, by one process",
    "features": "credit features of one shard's export and journal, by one process",
    "rescore": "wallets from Parquet to Parquet, two workers; with --peers beside polars, DuckDB, pyarrow with numpy, Ray Data, optbinning",
    "everybody": "600 million wallets from Parquet to Parquet, and fewer; only when named: 10 minutes, 20 GB",
    "scores": "scores of a run published to a switch, alone and beside single payments",
    "resume": "ten million wallets, killed at half and started again; with --peers beside Ray Data with its checkpoints",
    "recovery": "a shard's recovery from its journal, and an audit of it",
    "history": "pages of a statement and balances at a time, of long and short histories, idle and under load",
    "growth": "single payments while wallets grow to 5 million and keys to 20 million, and afterwards; memory",
    "swap": "latency of single payments over HTTP while the live rule pack is changed",
    "start": "from `shardpay serve` to ready",
    "risk": "what the default pack finds on a simulated month; only when named: needs its file, and the extra `train`",
}
"""Each is a module of bench/measures with a function run(options) -> figures."""
ONLY_NAMED: Final = ("risk", "everybody")
"""One does not measure the machine, the other fills its disk."""
DEVELOPED: Final = {"rescore": ("psutil",), "resume": ("psutil",)}
PEERS: Final = {
    "rules": ("datalogic_py", "zen"),
    "cards": ("optbinning", "sklearn"),
    "rescore": ("polars", "duckdb", "optbinning", "sklearn"),
}
"""Modules that an installed switch has not: what a benchmark wants, and what it wants of the systems compared with."""


def _names(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in BENCHMARKS:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(BENCHMARKS)}")
    return names or tuple(name for name in BENCHMARKS if name not in ONLY_NAMED)


@click.command(
    "bench",
    help="Measure this machine. NAME is one of:\n\n\b\n" + "\n".join(f"{n:10}{text}" for n, text in BENCHMARKS.items()),
    epilog="Example: shardpay bench single --peers",
)
@click.argument("names", metavar="[NAME]...", nargs=-1, callback=_names)
@click.option("--quick", is_flag=True, help="A few seconds each: shows that it runs, the figures mean nothing.")
@click.option("--peers", is_flag=True, help="Measure the peers too, in turns with the switch, and give ratios.")
@click.option("--rounds", type=click.IntRange(1, 99), help="Rounds of each contender [default: 3; quick: 1].")
@click.option("--shards", type=click.IntRange(1, 64), multiple=True, help="Shards; may be repeated.")
@click.option(
    "--output",
    type=LocalPath(path_type=Path, file_okay=False),
    default=Path(RESULTS),
    show_default=True,
    help="Directory of the results; data are on the same disk while it runs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
def main(
    names: tuple[str, ...],
    quick: bool,
    peers: bool,
    rounds: int | None,
    shards: tuple[int, ...],
    output: Path,
    as_json: bool,
) -> None:
    """See BENCHMARKS."""
    from bench.contenders.switch import forget_data
    from bench.report.machine import machine, versions
    from bench.report.options import Options
    from bench.report.report import BenchReport, new_run

    _check_installed(names, peers)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, or what is measured would be left behind
    _prepare(output)
    rounds = rounds or (1 if quick else 3)
    settings: dict[str, Any] = {"names": names, "quick": quick, "peers": peers, "rounds": rounds, "shards": shards}
    report = BenchReport(output, new_run(settings, machine(output), versions()))
    for name in names:
        work = Path(tempfile.mkdtemp(prefix=f"data-{name}-", dir=output)).resolve()
        work.chmod(0o711)  # as root, PostgreSQL runs as another user and passes through
        try:
            options = Options(work=work, say=_say, quick=quick, peers=peers, rounds=rounds, shards=shards)
            report.add(importlib.import_module(f"bench.measures.{name}").run(options))
        finally:
            for data in work.iterdir():
                forget_data(data)
            shutil.rmtree(work, ignore_errors=True)
    if as_json:
        click.echo(report.as_json())
    else:
        report.show()


def _check_installed(names: tuple[str, ...], peers: bool) -> None:
    """Before anything is measured. Raises ClickException with what is not installed."""
    wanted = {each for name in names for each in (*DEVELOPED.get(name, ()), *(PEERS.get(name, ()) if peers else ()))}
    absent = sorted(each for each in wanted if importlib.util.find_spec(each) is None)
    if absent:
        raise click.ClickException(
            f"not installed: {', '.join(absent)}. `make develop` in the clone installs what benchmarks need"
        )


def _prepare(output: Path) -> None:
    """Results and data are nothing for version control."""
    output.mkdir(parents=True, exist_ok=True)
    ignore = output / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def _say(text: str) -> None:
    if sys.stderr.isatty():
        click.secho(f"· {text}", dim=True, err=True)


if __name__ == "__main__":
    main(prog_name="shardpay bench")
