"""`resume`: ten million wallets, kill -9 of every process at half, and the same command again.

With --peers Ray Data with its checkpoints does the same. Others begin again from nothing, which needs no measurement.

Half is half of the time that an uninterrupted run of the same contender took. Seconds include the start of Python.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.report.figures import Figure, figure
from bench.report.options import Options, take_turns
from bench.workload.wallet_files import write_wallet_files
from models.credit.shipped import shipped
from models.wording import counted

NAME: Final = "resume"
FILES: Final = 10
ROWS, ROWS_QUICK = 1_000_000, 20_000
PART_ROWS: Final = 524_288
"""Several parts a worker: a unit is what it loses."""
PEER: Final = "Ray Data with checkpoints"
TIMEOUT_S: Final = 900.0


def run(options: Options) -> list[Figure]:
    """Seconds of an uninterrupted run and of the run after the kill; rows that are there twice or not at all."""
    source, rows = options.work / "wallets", ROWS_QUICK if options.quick else ROWS
    options.say(f"{NAME}: writing {FILES} files of {rows:,} wallets")
    write_wallet_files(source, shipped(), FILES, rows)
    os.sync()
    turns = {"scores only": lambda _: _killed(options.work, _ours(source, options.work / "out", True))}
    turns["with subtotals and reasons"] = lambda _: _killed(options.work, _ours(source, options.work / "out", False))
    if options.peers:
        turns[PEER] = lambda _: _killed(options.work, _theirs(source, options.work / "out"))
    options.say(f"{NAME}: {counted(options.rounds, 'round')}")
    found = []
    for case, rounds in take_turns(turns, options.rounds).items():
        detail = {"rows": FILES * rows, "runs": rounds}
        for what in ("uninterrupted", "after the kill"):
            found.append(figure(NAME, f"{case}, {what}", "s", [each[what] for each in rounds], better="lower"))
        for what in ("duplicates", "missing"):
            lost = [each[what] for each in rounds]
            found.append(figure(NAME, f"{case}, {what}", "rows", lost, better="lower", aim=0, detail=detail))
        same = [float(each["same"]) for each in rounds]
        found.append(figure(NAME, f"{case}, bytes as uninterrupted", "share", same, aim=1, detail=detail))
    return found


def _ours(source: Path, output: Path, scores_only: bool) -> list[str]:
    given = ["--input", str(source), "--card", shipped().name, "--output", str(output)]
    more = ["--part-rows", str(PART_ROWS), "--json", *(["--scores-only"] if scores_only else [])]
    return [sys.executable, "-m", "switch", "rescore", *given, *more]


def _theirs(source: Path, output: Path) -> list[str]:
    return [sys.executable, "-m", "bench.contenders.rescoring", PEER, str(source), str(output)]


def _killed(work: Path, command: list[str]) -> dict[str, Any]:
    """One round of one contender, whose output is `out`."""
    output = work / "out"
    uninterrupted = _ran(command)
    whole = _digests(output)
    rows = len(_wallets(output))
    _forget(work)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(uninterrupted / 2)
    _kill([*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)])
    process.wait()
    after = _ran(command)
    wallets = _wallets(output)
    distinct = len(pc.unique(wallets))
    found = {"uninterrupted": uninterrupted, "after the kill": after, "same": _digests(output) == whole}
    found |= {"duplicates": len(wallets) - distinct, "missing": rows - distinct}
    _forget(work)
    return found


def _ran(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT_S, check=True)
    return time.perf_counter() - started


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _parts(output: Path) -> list[Path]:
    """What a reader takes for the result: by the manifest where there is one, else all files."""
    manifest = output / "manifest.json"
    if manifest.exists():
        return [output / part["file"] for part in msgspec.json.decode(manifest.read_bytes())["parts"]]
    return sorted(output.glob("*.parquet"))


def _wallets(output: Path) -> pa.ChunkedArray:
    return pa.chunked_array(
        [chunk for path in _parts(output) for chunk in pq.read_table(path, columns=["wallet"]).column(0).chunks]
    )


def _digests(output: Path) -> list[str]:
    """Of the parts, without their names, which some contenders draw."""
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in _parts(output))


def _forget(work: Path) -> None:
    for path in work.iterdir():
        if path.name != "wallets":
            shutil.rmtree(path, ignore_errors=True)
