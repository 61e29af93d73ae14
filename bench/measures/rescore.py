"""`rescore`: wallets scored from Parquet to Parquet by two workers, beside other engines.

With --peers polars, DuckDB, pyarrow with numpy, and Ray Data score the same files, and optbinning one of them by a card of its own.

Rows a second of the whole, the start of workers included, without the start of Python; peak memory of the largest process. All must give
the same sum of scores. Files are as `shardpay features` writes them; `plain numbers`: 8 bytes each under zstd, as other writers leave them.
"""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc
import pyarrow.parquet as pq

from actors.process.memory import peak_bytes
from actors.process.worker_pool import ProcessPool
from actors.rescore.inputs import prepare
from actors.rescore.job import Job, Settings
from actors.rescore.run import Options as RunOptions
from actors.rescore.run import run as rescore
from actors.rescore.unit import local_pool
from bench.contenders.rescoring import ENGINES, OTHER_POINTS
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.wallet_files import write_wallet_files
from models.credit.shipped import shipped
from models.wording import counted

NAME: Final = "rescore"
ROWS, ROWS_QUICK = 1_000_000, 20_000
FILES: Final = 4
OURS: Final = {"scores only": True, "with subtotals and reasons": False}
TIMEOUT_S: Final = 600.0
QUICK: Final = ("polars streaming", "DuckDB", "pyarrow and numpy")
"""Engines that score both kinds of files."""


def run(options: Options) -> list[Figure]:
    """Rows a second and peak memory."""
    rows = ROWS_QUICK if options.quick else ROWS
    turns: dict[str, Any] = {}
    for name, suffix in (("wallets", ""), ("plain", ", plain numbers")):
        source = options.work / name
        options.say(f"{NAME}: writing {FILES} files of {rows:,} wallets{suffix}")
        write_wallet_files(source, shipped(), FILES, rows, plain=bool(suffix))
        turns |= {f"{case}{suffix}": partial(ours, source, options.work, only) for case, only in OURS.items()}
        if options.peers:
            theirs = [engine for engine in ENGINES if engine in QUICK or not suffix]
            turns |= {f"{engine}{suffix}": partial(_theirs, engine, source, options.work) for engine in theirs}
    os.sync()  # else whoever comes first waits until these files are on the disk
    ours(options.work / "wallets", options.work, True, 0)  # compiles
    options.say(f"{NAME}: {counted(options.rounds, 'round')}")
    results = take_turns(turns, options.rounds)
    sums = {run["sum"] for case, runs in results.items() for run in runs if case not in OTHER_POINTS}
    assert len(sums) == 1, f"the engines disagree: {results}"
    speed, memory = {}, []
    for case, runs in results.items():
        by_clock = [run["rows"] / run["seconds"] for run in runs]
        speed[case] = figure(NAME, case, "rows/s", by_clock, detail={"files": FILES, "runs": runs})
        memory.append(figure(NAME, f"{case}, memory", "MB", [run["peak_bytes"] / 1e6 for run in runs], better="lower"))
    ratios = [
        ratio(NAME, speed[ours], theirs)
        for suffix in ("", ", plain numbers")
        for ours in [f"scores only{suffix}"]
        for case, theirs in speed.items()
        if case.removesuffix(suffix) in ENGINES
    ]
    return [*speed.values(), *memory, *ratios]


def ours(source: Path, work: Path, scores_only: bool, _: int) -> dict[str, Any]:
    """One run in a process of its own, whose children are the workers: rows, seconds, sum of scores and the most memory of a process."""
    output = work / "rescored"
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_drive, args=(source, output, scores_only, sender))
    process.start()
    measured: dict[str, Any] = receiver.recv()
    process.join()
    shutil.rmtree(output)
    return measured


def _drive(source: Path, output: Path, scores_only: bool, sender: Any) -> None:
    peaks: list[int] = []

    def watched(job: Job) -> ProcessPool:
        """Asks what its workers took before they end."""
        pool = local_pool(job)
        end = pool.end

        def asked() -> None:
            if not peaks:
                peaks.extend(peak_bytes(pid) for pid in pool.pids())
            end()

        pool.end = asked  # type: ignore[method-assign]
        return pool

    started = time.perf_counter()
    prepared = prepare(source, output, shipped(), Settings(scores_only=scores_only))
    how = RunOptions(workers=os.cpu_count() or 1, max_bad=0.0, stopping=lambda: False, on_status=lambda _: None)
    manifest = rescore(prepared, watched, how)
    seconds = time.perf_counter() - started
    peak = max(peak_bytes(), *peaks)
    parts = (pq.read_table(output / part.file, columns=["score"]) for part in manifest.parts)
    total = sum(pc.sum(part.column("score")).as_py() for part in parts)
    sender.send(
        {
            "rows": manifest.rows,
            "sum": total,
            "seconds": seconds,
            "peak_bytes": peak,
            "bound_bytes": prepared.worker_bytes,
        }
    )


def _theirs(engine: str, source: Path, work: Path, _: int) -> dict[str, Any]:
    output = work / "scored elsewhere"
    if engine in OTHER_POINTS:  # a tenth as fast as the next
        source = _first_file(source)
    command = [sys.executable, "-m", "bench.contenders.rescoring", engine, str(source), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    shutil.rmtree(output)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _first_file(source: Path) -> Path:
    alone = source.with_name("one file")
    alone.mkdir(exist_ok=True)
    first = min(source.iterdir())
    if not (alone / first.name).exists():
        (alone / first.name).hardlink_to(first)
    return alone
