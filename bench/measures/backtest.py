"""`backtest`: a pack against one shard's export, by one process.

Attempts a second, Parquet to report.
"""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.backtest.run import Backtest, PackSource, tally_shard
from actors.database import embedded
from actors.export.export import Job, export
from actors.export.reader import Export
from bench.measures.recovery import Sizes, write_journal
from bench.report.figures import Figure, figure
from bench.report.options import Options
from rules.builtin import DOCUMENT

NAME: Final = "backtest"
AIM: Final = 1_000_000

FULL: Final = Sizes(payments=1_600_000)
QUICK: Final = Sizes(wallets=5_000, payments=65_536)


class BacktestRun(msgspec.Struct, frozen=True, kw_only=True):
    """So many attempts took so long, of a clock and of processors (a thread reads while another decides)."""

    attempts: int
    seconds: float
    cpu_seconds: float


def run(options: Options) -> list[Figure]:
    """Attempts a second."""
    sizes = QUICK if options.quick else FULL
    lake = options.work / "lake"
    server = embedded.start(options.work / "backtest")
    try:
        options.say(f"{NAME}: writing a journal of {sizes.payments:,} payments, and exporting it")
        asyncio.run(write_journal(server.url, sizes))
        asyncio.run(export(Job(url=server.url, output=lake)))
    finally:
        server.stop()
    _tested(lake)  # compiles
    runs = []
    for number in range(options.rounds):
        options.say(f"{NAME}: round {number + 1} of {options.rounds}")
        runs.append(_tested(lake))
    detail: dict[str, Any] = {"sizes": msgspec.to_builtins(sizes), "runs": msgspec.to_builtins(runs)}
    by_clock = figure(NAME, "one shard", "attempts/s", [r.attempts / r.seconds for r in runs], aim=AIM, detail=detail)
    by_core = figure(NAME, "one shard, by processor time", "attempts/s", [r.attempts / r.cpu_seconds for r in runs])
    return [by_clock, by_core]


def _tested(lake: Path) -> BacktestRun:
    test = Backtest(export=Export(lake), source=PackSource(text=DOCUMENT.text))
    started, before = time.perf_counter(), time.process_time()
    tally = tally_shard(test, 0)
    return BacktestRun(
        attempts=int(tally.actions.sum()),
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - before,
    )
