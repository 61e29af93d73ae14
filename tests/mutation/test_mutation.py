"""The driver itself: what it changes, in a copy only, and what it says of the tests."""

from pathlib import Path
from random import Random

import pytest

from tests.mutation import workshop
from tests.mutation.equivalent import equivalents, is_equivalent
from tests.mutation.mutants import LEAVE_OUT, change_of, mutants_of
from tests.mutation.running import ROOT, drawn
from tests.mutation.targets import TARGETS, Target
from tests.mutation.workshop import Workshop

SOURCE = '''"""A till."""

MAX = 9


def add(till: dict[str, int | None], amount: int = 1) -> None:
    """Put some in."""
    till["sum"] += amount
    till["seen"] = True
    till["times"] += 1
    while till["sum"] > MAX:
        till["sum"] -= 10
'''
TEST = """from actors.till import add


def test_the_sum_is_right():
    till = {"sum": 7, "times": 0}
    add(till, 5)
    assert till["sum"] == 2
    assert till["times"] == 1
"""
TILL = Target("actors/till.py", ("tests/test_till.py",), (), 0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in ("actors", "models", "rules", "switch", "bench", "tests"):
        (root / name).mkdir(parents=True)
        (root / name / "__init__.py").touch()
    (root / "actors" / "till.py").write_text(SOURCE)
    (root / "tests" / "test_till.py").write_text(TEST)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n")
    return root


def test_what_functions_do_is_changed_and_no_type_default_or_bound(tree: Path) -> None:
    mutants = mutants_of(tree, TILL.path)
    assert {mutant.line for mutant in mutants} == {8, 9, 10, 11, 12}
    left_out = [change_of(tree, mutant) for mutant in mutants if mutant.operator == LEAVE_OUT]
    assert {(change.before, change.after) for change in left_out} == {
        ('till["sum"] += amount', "pass"),
        ('till["seen"] = True', "pass"),
        ('till["times"] += 1', "pass"),
        ('till["sum"] -= 10', "pass"),
    }


def test_a_change_is_noticed_survives_or_hangs_and_the_tree_stays_as_it_is(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workshop, "SLOWER_S", 1.0)
    monkeypatch.setattr(workshop, "SLOWER", 2.0)
    copy = tmp_path / "copy"
    copy.mkdir()
    shop = Workshop(tree, copy)
    changes = [change_of(tree, mutant) for mutant in mutants_of(tree, TILL.path) if mutant.operator == LEAVE_OUT]
    verdicts = {change.before: shop.test(TILL, change) for change in changes}
    assert verdicts == {
        'till["sum"] += amount': "killed",
        'till["seen"] = True': "survived",
        'till["times"] += 1': "killed",
        'till["sum"] -= 10': "timeout",
    }
    assert (tree / TILL.path).read_text() == (copy / TILL.path).read_text() == SOURCE


def test_tests_that_fail_without_a_change_are_told_of(tree: Path, tmp_path: Path) -> None:
    (tree / "tests" / "test_till.py").write_text(TEST.replace("== 2", "== 3"))
    copy = tmp_path / "copy"
    copy.mkdir()
    change = change_of(tree, mutants_of(tree, TILL.path)[0])
    with pytest.raises(RuntimeError, match=r"(?s)fail as it is.*test_the_sum_is_right"):
        Workshop(tree, copy).test(TILL, change)


def test_a_sample_is_drawn_by_its_seed_and_takes_files_and_sorts_in_turn() -> None:
    targets = [target for target in TARGETS if target.path.endswith(("/attempts.py", "/originals.py"))]
    first = drawn(ROOT, targets, "*", Random(1))
    assert first == drawn(ROOT, targets, "*", Random(1)) != drawn(ROOT, targets, "*", Random(2))
    assert {mutant.path for mutant in first[:2]} == {target.path for target in targets}
    assert {mutant.operator for mutant in drawn(ROOT, targets, LEAVE_OUT, Random(1))} == {LEAVE_OUT}


def test_every_target_and_its_tests_are_there() -> None:
    missing = [path for t in TARGETS for path in (t.path, *t.first, *t.then) if not (ROOT / path).exists()]
    assert not missing


def test_every_change_that_is_said_to_change_nothing_can_be_made() -> None:
    known = equivalents()
    found = set()
    for path in {entry.path for entry in known}:
        lines = (ROOT / path).read_text().splitlines()
        befores = {entry.before for entry in known if entry.path == path}
        for mutant in mutants_of(ROOT, path):
            if any(before.startswith(lines[mutant.line - 1].strip()) for before in befores):
                change = change_of(ROOT, mutant)
                found |= {e for e in known if is_equivalent([e], mutant, change)}
    assert set(known) == found, "these lines have changed: look again"
