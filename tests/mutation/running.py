"""Draws a sample of changes and lets processes test them, each in a copy of the tree of its own."""

import fnmatch
import itertools
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from random import Random
from typing import Final

from tests.mutation.equivalent import equivalents, is_equivalent
from tests.mutation.mutants import Change, Mutant, change_of, mutants_of, sort_of
from tests.mutation.targets import TARGETS, Target
from tests.mutation.workshop import Verdict, Workshop

ROOT: Final = Path(__file__).resolve().parents[2]
_BY_PATH: Final = {target.path: target for target in TARGETS}


def drawn(root: Path, targets: list[Target], operators: str, random: Random) -> list[Mutant]:
    """All mutants by these operators, one of each file in turn, and in a file one of each sort in turn."""
    of_files = []
    for target in targets:
        by_sort: dict[int, list[Mutant]] = {}
        for mutant in mutants_of(root, target.path):
            if fnmatch.fnmatch(mutant.operator, operators):
                by_sort.setdefault(sort_of(mutant.operator), []).append(mutant)
        for mutants in by_sort.values():
            random.shuffle(mutants)
        of_files.append(_in_turn(list(by_sort.values())))
    return _in_turn(of_files)


def _in_turn(queues: list[list[Mutant]]) -> list[Mutant]:
    turns = itertools.zip_longest(*queues)
    return [mutant for turn in turns for mutant in turn if mutant is not None]


def run(sample: list[Mutant], seconds: float, workers: int) -> int:
    """Test mutants until the time is over; tell of each that survives, and sum up."""
    known = equivalents()
    verdicts: Counter[str] = Counter()
    of_money = 0
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="shardpay-mutation-") as folder:
        start = (ROOT, Path(folder), time.time() + seconds)
        with ProcessPoolExecutor(workers, context, _prepare, start) as pool:
            for tested in as_completed([pool.submit(_test, mutant) for mutant in sample]):
                if (result := tested.result()) is None:
                    continue
                mutant, change, verdict = result
                same = verdict == "survived" and is_equivalent(known, mutant, change)
                verdicts["equivalent" if same else verdict] += 1
                if verdict == "survived" and not same:
                    of_money += _BY_PATH[mutant.path].money
                    _tell(mutant, change)
    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    print(
        f"{verdicts.total()} of {len(sample)} changes tested: {told}; {of_money} survived where money can be wrong",
        flush=True,
    )
    return int(of_money > 0)


_workshop: Workshop
_ends: float


def _prepare(root: Path, folder: Path, ends: float) -> None:
    global _workshop, _ends
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    copy = folder / str(os.getpid())
    copy.mkdir()
    _workshop, _ends = Workshop(root, copy), ends


def _test(mutant: Mutant) -> tuple[Mutant, Change, Verdict] | None:
    """None when the time is over."""
    if time.time() > _ends:
        return None
    change = change_of(ROOT, mutant)
    return mutant, change, _workshop.test(_BY_PATH[mutant.path], change)


def _tell(mutant: Mutant, change: Change) -> None:
    money = "" if _BY_PATH[mutant.path].money else " (not of money)"
    print(f"SURVIVED{money} {mutant.path}:{mutant.line} {mutant.operator}", flush=True)
    print(f"  - {change.before}\n  + {change.after}", flush=True)
