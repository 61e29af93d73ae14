"""`features`: credit features of one shard by one process, from its export and from its journal.

Records a second. All payments lie in every window and nearly all are between two wallets that meet once: as much work as a record can be.
"""

import asyncio
import shutil
import time
from functools import partial
from typing import Any, Final

import msgspec

from actors.credit_features import extract
from actors.credit_features.extract import Extraction, journals_at
from actors.database import embedded
from actors.export.export import Job, export
from actors.export.reader import Export
from actors.process.each_shard import each_shard
from bench.measures.backtest import FULL, QUICK
from bench.measures.recovery import Sizes, write_journal
from bench.report.figures import Figure, figure
from bench.report.options import Options, take_turns
from models.wording import counted

NAME: Final = "features"
AIM: Final = 1_000_000
"""Records a second of a core."""


class FeatureRun(msgspec.Struct, frozen=True, kw_only=True):
    """So many records took so long, of a clock and of processors (a thread reads an export while another adds up)."""

    records: int
    seconds: float
    cpu_seconds: float


def run(options: Options) -> list[Figure]:
    """Records a second."""
    sizes = QUICK if options.quick else FULL
    server = embedded.start(options.work / "features")
    try:
        return _measured(options, sizes, server.url)
    finally:
        server.stop()


def _measured(options: Options, sizes: Sizes, url: str) -> list[Figure]:
    lake, output = options.work / "lake", options.work / "features of one"
    options.say(f"{NAME}: writing a journal of {sizes.payments:,} payments, and exporting it")
    asyncio.run(write_journal(url, sizes))
    asyncio.run(export(Job(url=url, output=lake)))
    exported = Export(lake)
    assert exported.at_ms is not None
    as_of = exported.at_ms
    jobs = {
        "export": Extraction(output=output, as_of=as_of, export=exported),
        "journal": Extraction(output=output, as_of=as_of, journals=asyncio.run(journals_at(url))),
    }
    for job in jobs.values():
        _extracted(job, 0)  # compiles
    options.say(f"{NAME}: {counted(options.rounds, 'round')}")
    turns = take_turns({name: partial(_extracted, job) for name, job in jobs.items()}, options.rounds)
    figures = []
    for name, runs in turns.items():
        detail: dict[str, Any] = {"sizes": msgspec.to_builtins(sizes), "runs": msgspec.to_builtins(runs)}
        by_clock = [each.records / each.seconds for each in runs]
        by_core = [each.records / each.cpu_seconds for each in runs]
        figures.append(figure(NAME, f"one shard's {name}", "records/s", by_clock, detail=detail))
        figures.append(figure(NAME, f"one shard's {name}, by processor time", "records/s", by_core, aim=AIM))
    return figures


def _extracted(job: Extraction, number: int) -> FeatureRun:
    started, cpu_started = time.perf_counter(), time.process_time()
    (done,) = extract.run(job, partial(each_shard, workers=1))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    shutil.rmtree(job.output)
    return FeatureRun(records=done.records, seconds=seconds, cpu_seconds=cpu_seconds)
