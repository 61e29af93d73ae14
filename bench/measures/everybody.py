"""`everybody`: 1, 10, 100, 600 million wallets scored with subtotals and reasons by two workers.

The same files again and again, under other names: 600 million rows would take 36 GB. What is written is whole, some 17 GB at the most.
Rows a second of the whole, the start of workers included; peak memory of the largest process.
"""

import os
from pathlib import Path
from typing import Final

from bench.measures.rescore import ours
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options
from bench.workload.wallet_files import write_wallet_files
from models.credit.shipped import shipped

NAME: Final = "everybody"
FILE_ROWS, FILE_ROWS_QUICK = 1_000_000, 2_000
DIFFERENT: Final = 4
"""Files whose rows differ."""
FILES, FILES_QUICK = (1, 10, 100, 600), (1, 10)
RUNS: Final = {1: 9}
"""So many of one file, which takes a moment, one of others: a single short one says little."""
SMALL, LARGE = 10, 100
"""Between them time a row and memory must not grow; of one million rows the start of workers is the larger part."""


def run(options: Options) -> list[Figure]:
    """Rows a second, seconds and peak memory by the number of rows."""
    rows, counts = (FILE_ROWS_QUICK, FILES_QUICK) if options.quick else (FILE_ROWS, FILES)
    options.say(f"{NAME}: writing {DIFFERENT} files of {rows:,} wallets")
    write_wallet_files(options.work / "wallets", shipped(), DIFFERENT, rows)
    os.sync()
    ours(options.work / "wallets", options.work, False, 0)  # compiles
    speed, memory, found = {}, {}, []
    for files in counts:
        case = f"{files * rows:,} wallets"
        options.say(f"{NAME}: {case}")
        source = _again_and_again(options.work / "wallets", options.work / f"{files} files", files)
        runs = [ours(source, options.work, False, 0) for _ in range(1 if options.quick else RUNS.get(files, 1))]
        speed[files] = figure(
            NAME, case, "rows/s", [run["rows"] / run["seconds"] for run in runs], detail={"runs": runs}
        )
        memory[files] = figure(NAME, f"{case}, memory", "MB", [run["peak_bytes"] / 1e6 for run in runs], better="lower")
        seconds = figure(NAME, f"{case}, time", "s", [run["seconds"] for run in runs], better="lower")
        found += [speed[files], seconds, memory[files]]
    if LARGE in speed:
        found.append(ratio(NAME, speed[LARGE], speed[SMALL]))
        found.append(ratio(NAME, memory[LARGE], memory[SMALL]))
    return found


def _again_and_again(files: Path, folder: Path, count: int) -> Path:
    """A folder with so many names of the same files."""
    folder.mkdir()
    given = sorted(files.iterdir())
    for at in range(count):
        (folder / f"shard-{at:04}.parquet").hardlink_to(given[at % len(given)])
    return folder
