"""`features`: credit features of one shard by one process, from its export and from its journal.

Records a second. All payments lie in every window and nearly all are between two wallets that meet once: as much work as a record can be.
"""

import asyncio
import time
from functools import partial
from typing import Any, Final

import msgspec

from actors.credit_features.extract import Extracted, Extraction, begin, extract_shard, journals_at
from actors.database import embedded
from actors.export.export import Job, export
from bench.measures.recovery import Sizes, write_journal
from bench.report.figures import Figure, figure
from bench.report.options import Options, take_turns

NAME: Final = "features"
AIM: Final = 1_000_000
"""Records a second of a core."""

FULL: Final = Sizes(payments=1_600_000)
QUICK: Final = Sizes(wallets=5_000, payments=65_536)


def run(options: Options) -> list[Figure]:
    """Records a second, of a clock and of processors (a thread reads an export while another adds up)."""
    sizes = QUICK if options.quick else FULL
    server = embedded.start(options.work / "features")
    try:
        return _measured(options, sizes, server.url)
    finally:
        server.stop()


def _measured(options: Options, sizes: Sizes, url: str) -> list[Figure]:
    lake = options.work / "lake"
    options.say(f"{NAME}: writing a journal of {sizes.payments:,} payments, and exporting it")
    asyncio.run(write_journal(url, sizes))
    asyncio.run(export(Job(url=url, output=lake)))
    as_of, output = time.time_ns() // 1_000_000, options.work / "out"
    jobs = {
        "export": Extraction(output=output, as_of=as_of, folder=lake),
        "journal": Extraction(output=output, as_of=as_of, journals=asyncio.run(journals_at(url))),
    }

    for job in jobs.values():
        _extracted(job, 0)  # compiles
    options.say(f"{NAME}: {options.rounds} rounds")
    turns = take_turns({name: partial(_extracted, job) for name, job in jobs.items()}, options.rounds)
    figures = []
    for name, done in turns.items():
        detail: dict[str, Any] = {"sizes": msgspec.to_builtins(sizes), "runs": msgspec.to_builtins(done)}
        by_clock = [each.records / each.seconds for each in done]
        by_core = [each.records / each.cpu_seconds for each in done]
        figures.append(figure(NAME, f"one shard's {name}", "records/s", by_clock, detail=detail))
        figures.append(figure(NAME, f"one shard's {name}, by processor time", "records/s", by_core, aim=AIM))
    return figures


def _extracted(job: Extraction, number: int) -> Extracted:
    begin(job.output)
    return extract_shard(job, 0)
