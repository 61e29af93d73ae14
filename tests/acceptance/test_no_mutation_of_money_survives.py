"""`make mutate` ends without a survivor that touches money."""

import subprocess
import sys

import pytest

from tests.mutation.equivalent import equivalents, is_equivalent
from tests.mutation.kept import FILE, Kept
from tests.mutation.mutants import change_of, mutants_of
from tests.mutation.running import ROOT, touches_money


def test_no_change_that_touches_money_is_known_to_survive() -> None:
    kept, known = Kept(FILE, ROOT), equivalents()
    survivors = [
        (mutant.path, mutant.line, change.before, change.after)
        for path in sorted(kept.paths_with_survivors())
        if (ROOT / path).exists()
        for mutant in mutants_of(ROOT, path)
        if kept.survived(mutant) and touches_money(mutant)
        if not is_equivalent(known, mutant, change := change_of(ROOT, mutant))
    ]
    assert not survivors


@pytest.mark.slow
def test_a_run_of_twenty_minutes_finds_none() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.mutation"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
