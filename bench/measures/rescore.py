"""`rescore`: wallets scored from Parquet to Parquet by two workers, beside other engines.

With --peers polars, DuckDB, and pyarrow with numpy score the same files.

Rows a second of the whole, without the start of Python; peak memory of the largest process. All must give the same sum of scores.
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
from actors.rescore.job import Settings
from actors.rescore.run import Options as RunOptions
from actors.rescore.run import run as rescore
from actors.rescore.unit import make_worker
from bench.contenders.rescoring import ENGINES
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.wallet_files import write_wallet_files
from models.credit.shipped import shipped

NAME: Final = "rescore"
ROWS, ROWS_QUICK = 1_000_000, 20_000
FILES: Final = 4
OURS: Final = {"scores only": True, "with subtotals and reasons": False}
TIMEOUT_S: Final = 600.0


def run(options: Options) -> list[Figure]:
    """Rows a second and peak memory."""
    source = options.work / "wallets"
    rows = ROWS_QUICK if options.quick else ROWS
    options.say(f"{NAME}: writing {FILES} files of {rows:,} wallets")
    write_wallet_files(source, shipped(), FILES, rows)
    turns: dict[str, Any] = {case: partial(_ours, source, options.work, only) for case, only in OURS.items()}
    if options.peers:
        turns |= {engine: partial(_theirs, engine, source, options.work) for engine in ENGINES}
    _ours(source, options.work, True, 0)  # compiles
    options.say(f"{NAME}: {options.rounds} rounds")
    results = take_turns(turns, options.rounds)
    sums = {run["sum"] for runs in results.values() for run in runs}
    assert len(sums) == 1, f"the engines disagree: {results}"
    found = []
    for case, runs in results.items():
        by_clock = [run["rows"] / run["seconds"] for run in runs]
        found.append(
            figure(NAME, case, "rows/s", by_clock, detail={"files": FILES, "rows": FILES * rows, "runs": runs})
        )
        found.append(figure(NAME, f"{case}, memory", "MB", [run["peak_bytes"] / 1e6 for run in runs], better="lower"))
    ours = found[0]
    return [*found, *(ratio(NAME, ours, each) for each in found[4:] if each.unit == "rows/s")]


def _ours(source: Path, work: Path, scores_only: bool, _: int) -> dict[str, Any]:
    """In a process of its own, whose children are the workers."""
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

    class Watched(ProcessPool):
        """Asks what its workers took before they end."""

        def stop(self) -> None:
            peaks.extend(peak_bytes(pid) for pid in self.pids())
            super().stop()

    started = time.perf_counter()
    prepared = prepare(source, output, shipped(), Settings(scores_only=scores_only))
    how = RunOptions(workers=os.cpu_count() or 1, max_bad=0.0, stopping=lambda: False, on_status=lambda _: None)
    manifest = rescore(prepared, partial(Watched, make_worker), how)
    seconds = time.perf_counter() - started
    scores = [pq.read_table(output / part.file, columns=["score"]).column("score") for part in manifest.parts]
    total = sum(pc.sum(column).as_py() for column in scores)
    peak = max(peak_bytes(), *peaks)
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
    command = [sys.executable, "-m", "bench.contenders.rescoring", engine, str(source), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    shutil.rmtree(output)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured
