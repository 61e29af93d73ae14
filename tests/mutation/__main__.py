"""`make mutate`: small changes to the ledger, the core of a shard and the lanes, one after the other; tests must notice each.

Cosmic Ray makes the changes; here stand only which files, with which tests, for how long. Changes are made in a copy of the tree,
so that a run that is cut off leaves nothing behind. When the time is short, a sample is tried that its seed says again.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cosmic_ray.mutating import apply_mutation, get_ast
from cosmic_ray.plugins import get_operator, operator_names

from tests.mutation.subjects import SUBJECTS, Subject, equivalents

ROOT: Final = Path(__file__).resolve().parents[2]
TIMEOUT_S: Final = 240.0
"""A change that makes tests run longer counts as noticed: it does not end."""
SKIPPED: Final = ("RemoveDecorator", "VariableReplacer", "VariableInserter", "ExceptionReplacer", "_Is", "_IsNot")
"""Kinds of changes that compilation or types would notice, or that change nothing one can see."""


class Mutant(NamedTuple):
    """One change: the operator's n-th occurrence in a file. `line`: where it is."""

    subject: Subject
    operator: str
    occurrence: int
    line: int


def mutants(subject: Subject) -> Iterator[Mutant]:
    """All changes to one file."""
    path = ROOT / subject.path
    tree = get_ast(path.read_text(encoding="utf-8"))
    for name in operator_names():
        if name.endswith(SKIPPED):
            continue
        operator = get_operator(name)()
        found = 0
        for node in _nodes(tree):
            for start, _ in operator.mutation_positions(node):
                yield Mutant(subject, name, found, start[0])
                found += 1


def _nodes(node: object) -> Iterator[object]:
    yield node
    for child in getattr(node, "children", ()):
        yield from _nodes(child)


def survives(tree: Path, mutant: Mutant) -> str | None:
    """The changed line when no test notices, else None."""
    path = tree / mutant.subject.path
    whole = path.read_text(encoding="utf-8")
    _, changed = apply_mutation(path, get_operator(mutant.operator)(), mutant.occurrence)
    try:
        if changed is None or ast.dump(ast.parse(changed)) == ast.dump(ast.parse(whole)):
            return None
        if tests_pass(tree, mutant.subject):
            return changed.splitlines()[mutant.line - 1].strip()
        return None
    finally:
        path.write_text(whole, encoding="utf-8")


def tests_pass(tree: Path, subject: Subject) -> bool:
    """Whether the tests of a file pass, its kernels as plain Python: compiling them anew would take longer than the tests."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=short"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, *subject.tests], cwd=tree, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> int:
    """1 when a change that touches money survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long to try (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the order in which changes are tried (default: %(default)s)"
    )
    parser.add_argument("--only", default="", help="files whose path contains this")
    options = parser.parse_args()
    subjects = [subject for subject in SUBJECTS if options.only in subject.path]
    if not subjects:
        parser.error(f"--only {options.only}: possible are {', '.join(s.path for s in SUBJECTS)}")
    wanted = [mutant for subject in subjects for mutant in mutants(subject)]
    random.Random(options.seed).shuffle(wanted)
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="shardpay-mutation-") as directory:
        tree = Path(directory) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".venv*", ".git", "__pycache__", "data", "out"))
        for subject in subjects:
            if not tests_pass(tree, subject):
                print(f"{subject.path}: its tests fail without any change")
                return 2
        return _try(tree, wanted, end)


def _try(tree: Path, wanted: list[Mutant], end: float) -> int:
    known, tried, of_money, others = equivalents(), 0, 0, 0
    for mutant in wanted:
        if time.monotonic() > end:
            break
        tried += 1
        line = survives(tree, mutant)
        if line is None or (mutant.subject.path, line) in known:
            continue
        of_money += mutant.subject.money
        others += not mutant.subject.money
        what = "MONEY" if mutant.subject.money else "other"
        print(f"{what} {mutant.subject.path}:{mutant.line} {mutant.operator} [{mutant.occurrence}]: {line}", flush=True)
    print(f"{tried} of {len(wanted)} changes tried; survivors: {of_money} that touch money, {others} others")
    return 1 if of_money else 0


if __name__ == "__main__":
    sys.exit(main())
