"""The driver itself: what it changes, in a copy only, and what it says of the tests."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest

from tests.mutation.equivalent import Equivalent, equivalents, is_equivalent
from tests.mutation.kept import Kept
from tests.mutation.mutants import LEAVE_OUT, NUMBERS, Mutant, change_of, mutants_of
from tests.mutation.running import ROOT, drawn, touches_money
from tests.mutation.targets import TARGETS

pytestmark = pytest.mark.long

SOURCE = '''"""A till."""

import threading

MAX = 9


def add(till: dict[str, int | None], amount: int = 1) -> None:
    """Put some in."""
    till["sum"] += amount
    till["seen"] = True
    till["times"] += 1
    while till["sum"] > MAX:
        till["sum"] -= 10


class Drawer:
    def empty(self, till: dict[str, int]) -> None:
        till["sum"] = 0


def wait(seconds: float) -> None:
    over = threading.Event()
    threading.Timer(seconds, over.set).start()
    assert over.wait()
'''
TEST = """from actors.till import add, wait


def test_the_sum_is_right():
    till = {"sum": 7, "times": 0}
    add(till, 5)
    assert till["sum"] == 2
    assert till["times"] == 1


def test_a_wait_ends():
    wait(0.01)
"""
LAMP = """def light(lamp):
    lamp.on = True
    lamp.lit = True


def dim(lamp):
    lamp.on = False
"""
LAMP_TEST = """from types import SimpleNamespace

from actors.lamp import light


def test_a_lamp_is_on():
    lamp = SimpleNamespace()
    light(lamp)
    assert lamp.on
"""
TILL = "actors/till.py"
JUDGE = f"""
import json, sys
from pathlib import Path
from tests.mutation import bench
from tests.mutation.mutants import LEAVE_OUT, NUMBERS, Mutant, change_of, mutants_of
from tests.mutation.targets import Suite

root, told = Path(sys.argv[1]), Path(sys.argv[2])
bench.SLOWER_S, bench.WAITING, bench.IDLE_S = 0.5, 1_000.0, 1.0


def work(ready):
    verdicts = {{}}
    for mutant in mutants_of(root, {TILL!r}):
        if mutant.operator == LEAVE_OUT:
            change = change_of(root, mutant)
            verdicts[change.before] = ready.test(mutant, change) if ready.asked(mutant) else "no test comes through"
    told.write_text(json.dumps(verdicts))


bench.Bench(root, Suite(("tests/test_till.py",), seeds=(), compiled=True), [{TILL!r}], 10.0, work).run()
"""


RUN = f"""
import sys
from pathlib import Path
from random import Random
from tests.mutation import running
from tests.mutation.mutants import LEAVE_OUT
from tests.mutation.targets import Suite, Target

running.ROOT, running.FILE = Path(sys.argv[1]), Path(sys.argv[2])
suites = Suite(("tests/test_till.py",), seeds=(), compiled=True), Suite(("tests/test_lamp.py",), seeds=(), compiled=True)
running.TARGETS = Target({TILL!r}, suites[0]), Target("actors/lamp.py", suites[1], ("dim",))
running._BY_PATH = {{target.path: target for target in running.TARGETS}}


def code(seconds):
    drawn = running.drawn(running.ROOT, list(running.TARGETS), LEAVE_OUT, Random(1))
    sample = [mutant for mutant in drawn if mutant.function not in ("add", "wait")]
    return running.run(sample, seconds, 1, 10.0, Random(1))


codes = [code(60), code(0)]
for path, before, after in (("tests/test_lamp.py", "lamp.on", "lamp.on and lamp.lit"), ({TILL!r}, 'till["sum"] = 0', "...")):
    file = running.ROOT / path
    file.write_text(file.read_text().replace(before, after))
print([*codes, code(60)])
"""


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
    mutants = mutants_of(tree, TILL)
    assert {mutant.line for mutant in mutants} == {10, 11, 12, 13, 14, 19, 24, 25}
    left_out = [change_of(tree, mutant) for mutant in mutants if mutant.operator == LEAVE_OUT]
    assert {(change.before, change.after) for change in left_out} == {
        ('till["sum"] += amount', "pass"),
        ('till["seen"] = True', "pass"),
        ('till["times"] += 1', "pass"),
        ('till["sum"] -= 10', "pass"),
        ('till["sum"] = 0', "pass"),
        ("threading.Timer(seconds, over.set).start()", "pass"),
    }
    assert {mutant.function for mutant in mutants} == {"add", "Drawer.empty", "wait"}
    loop = next(mutant for mutant in mutants if mutant.line == 13)
    assert (loop.first, loop.last) == (13, 13), "the head of a loop, not its body"


def in_tree(script: str, tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a process says that knows the tree alone, and the driver."""
    driver = tree / "tests" / "mutation"
    shutil.copytree(ROOT / "tests" / "mutation", driver, ignore=shutil.ignore_patterns("test_*"), dirs_exist_ok=True)
    command = [sys.executable, "-c", script, str(tree), *arguments]
    return subprocess.run(
        command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True, text=True
    )


def verdicts_of(tree: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """What the tests say of each statement that is left out."""
    return in_tree(JUDGE, tree, str(tmp_path / "verdicts"))


def test_a_change_is_noticed_survives_or_hangs_and_the_tree_stays_as_it_is(tree: Path, tmp_path: Path) -> None:
    done = verdicts_of(tree, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "verdicts").read_text()) == {
        'till["sum"] += amount': "killed",
        'till["seen"] = True': "survived",
        'till["times"] += 1': "killed",
        'till["sum"] -= 10': "timeout",
        'till["sum"] = 0': "no test comes through",
        "threading.Timer(seconds, over.set).start()": "timeout",
    }
    assert (tree / TILL).read_text() == SOURCE


def test_tests_that_fail_without_a_change_are_told_of(tree: Path, tmp_path: Path) -> None:
    (tree / "tests" / "test_till.py").write_text(TEST.replace("== 2", "== 3"))
    done = verdicts_of(tree, tmp_path)
    assert done.returncode != 0
    assert re.search(r"test_the_sum_is_right fails as it is", done.stderr), done.stderr


def test_a_run_takes_files_of_all_suites_in_turn_and_a_survivor_counts_until_it_is_noticed(
    tree: Path, tmp_path: Path
) -> None:
    (tree / "actors" / "lamp.py").write_text(LAMP)
    (tree / "tests" / "test_lamp.py").write_text(LAMP_TEST)
    done = in_tree(RUN, tree, str(tmp_path / "kept.txt"))
    summary = [line for line in done.stdout.splitlines() if not line.startswith("  ")]
    assert summary == [
        "SURVIVED actors/till.py:19 LeaveOut, 0 tests came through",
        "SURVIVED actors/lamp.py:3 LeaveOut, 1 tests came through",
        "SURVIVED (not of money) actors/lamp.py:7 LeaveOut, 0 tests came through",
        "4 of 4 changes looked at, of those that touch money 3 of 3: 1 killed, 3 survived; 2 survived where money can be wrong",
        "4 of 4 changes looked at, of those that touch money 3 of 3: 1 noticed before, 3 survived; 2 survived where money can be wrong",
        "SURVIVED (not of money) actors/lamp.py:7 LeaveOut, 0 tests came through",
        "3 of 3 changes looked at, of those that touch money 2 of 2: 2 killed, 1 survived; 0 survived where money can be wrong",
        "[1, 1, 0]",
    ], done.stderr


def test_a_change_that_was_noticed_is_known_until_its_function_changes(tree: Path, tmp_path: Path) -> None:
    first, second, *_ = mutants_of(tree, TILL)
    kept = Kept(tmp_path / "made" / "verdicts", tree)
    kept.note(first, survived=False)
    kept.note(second, survived=True)
    again = Kept(tmp_path / "made" / "verdicts", tree)
    assert again.noticed(first) and not again.survived(first)
    assert again.survived(second) and not again.noticed(second)
    again.note(second, survived=False)
    again.note(first, survived=True)
    third = Kept(tmp_path / "made" / "verdicts", tree)
    assert third.noticed(second) and not third.survived(second)
    assert third.survived(first) and not third.noticed(first)
    third.note(first, survived=False)
    other = next(mutant for mutant in mutants_of(tree, TILL) if mutant.function != first.function)
    third.note(other, survived=False)
    same = "MIN = 1\n" + SOURCE.replace("Put some in", "Put in").replace("int | None", "int").replace(
        "+= 1", "+= (1)  # one"
    )
    (tree / TILL).write_text(same)
    (again_first,) = (mutant for mutant in mutants_of(tree, TILL) if mutant[-2:] == first[-2:])
    assert Kept(tmp_path / "made" / "verdicts", tree).noticed(again_first), "it does the same"
    (tree / TILL).write_text("MIN = 1\n" + SOURCE.replace("+= amount", "+= 2 * amount"))
    changed = Kept(tmp_path / "made" / "verdicts", tree)
    assert not any(changed.noticed(mutant) for mutant in mutants_of(tree, TILL) if mutant.function == first.function)
    moved = next(mutant for mutant in mutants_of(tree, TILL) if mutant.function == other.function)
    assert moved.line == other.line + 1 and changed.noticed(moved)
    changed.note(moved, survived=False)
    assert first.text not in (tmp_path / "made" / "verdicts").read_text(), "what is gone is forgotten"


def test_a_sample_is_drawn_by_its_seed_and_takes_files_and_sorts_in_turn() -> None:
    targets = [target for target in TARGETS if target.path.endswith(("/gateway/attempts.py", "/refundable.py"))]
    first = drawn(ROOT, targets, "*", Random(1))
    assert first == drawn(ROOT, targets, "*", Random(1)) != drawn(ROOT, targets, "*", Random(2))
    assert {mutant.path for mutant in first[:2]} == {target.path for target in targets}
    of_money = [touches_money(mutant) for mutant in drawn(ROOT, list(TARGETS[-3:]), LEAVE_OUT, Random(1))]
    assert of_money == sorted(of_money, reverse=True), "money first"
    assert set(of_money) == {True, False}
    assert {mutant.operator for mutant in drawn(ROOT, targets, LEAVE_OUT, Random(1))} == {LEAVE_OUT}


def test_every_target_and_its_tests_are_there() -> None:
    missing = [path for t in TARGETS for path in (t.path, *t.suite.files) if not (ROOT / path).exists()]
    assert not missing


def test_every_function_that_is_said_to_touch_no_money_is_there() -> None:
    for target in TARGETS:
        tree = ast.parse((ROOT / target.path).read_text())
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        there = {
            "*",
            *(node.name for node in (*classes, *tree.body) if isinstance(node, ast.ClassDef | ast.FunctionDef)),
        }
        there |= {
            f"{owner.name}.{node.name}"
            for owner in classes
            for node in owner.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert set(target.beside) <= there, target.path


def test_every_change_that_is_said_to_change_nothing_can_be_made() -> None:
    known = equivalents()
    found = set()
    for path in {entry.path for entry in known}:
        lines = (ROOT / path).read_text().splitlines()
        of_path = [entry for entry in known if entry.path == path]
        for mutant in mutants_of(ROOT, path):
            line = lines[mutant.line - 1].strip()
            if any(line in entry.before and could_be(mutant, entry) for entry in of_path if entry not in found):
                change = change_of(ROOT, mutant)
                found |= {entry for entry in of_path if is_equivalent([entry], mutant, change)}
    assert set(known) == found, "these lines have changed: look again"


SIGNS = {
    "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Add": "+", "Sub": "-", "Mul": "*",
    "FloorDiv": "//", "Mod": "%", "LShift": "<<", "RShift": ">>", "BitAnd": "&", "BitOr": "|",
}  # fmt: skip


def could_be(mutant: Mutant, entry: Equivalent) -> bool:
    """Whether an entry says of a change by this operator; to make each change takes long."""
    if entry.after == "pass" or mutant.operator == LEAVE_OUT:
        return entry.after == "pass" and mutant.operator == LEAVE_OUT
    gone, come = differing(entry)
    signs = [SIGNS.get(name) for name in mutant.operator.split("_")[1:]]
    if len(signs) == 2 and all(signs):
        return (gone, come) == ((signs[0],), (signs[1],))
    if mutant.operator == NUMBERS:
        return all(word == "-" or word.isdigit() for word in (*gone, *come))
    return all(word not in SIGNS.values() for word in (*gone, *come) if word not in "+-")


@cache
def differing(entry: Equivalent) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words that an entry's lines have only before, and only after."""
    before, after = (Counter(re.findall(r"[<>=!]=|<<|>>|//|\w+|\S", text)) for text in (entry.before, entry.after))
    return tuple((before - after).elements()), tuple((after - before).elements())
