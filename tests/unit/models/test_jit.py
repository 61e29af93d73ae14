"""Kernels are kept in a folder named after the text of all of them; what users write is not kept unless it is asked for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from models import jit
from models.jit import CACHE_FOLDER, compiled, inlined, kernel, read_only
from models.jitable import jitable
from tests.compiled import COMPILED

ONE = "def fires(x):\n    return x * factor\n"


def test_a_read_only_view_is_the_same_memory_that_cannot_be_written() -> None:
    array = np.arange(5)
    view = read_only(array)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 9
    array[0] = 7
    assert view[0] == 7 and array.flags.writeable and read_only(view)[0] == 7


@pytest.mark.parametrize("keep", [False, True])
def test_generated_source_sees_the_names_it_is_given(
    keep: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jit, "CACHE_FOLDER", tmp_path)
    for factor in (3, 5):
        function = compiled(ONE, {"factor": factor}, "int64(int64)")
        assert function(7) == 7 * factor
    kept = compiled(ONE, {"factor": 3}, "int64(int64)", keep=keep)
    assert kept(7) == 21 and len(list(tmp_path.glob("*.source"))) == keep


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(jit, "CACHE_FOLDER", tmp_path / "file" / "below")
    assert compiled(ONE, {"factor": 2}, "int64(int64)", keep=True)(4) == 8


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_source_that_does_not_compile_is_an_error_at_once() -> None:
    with pytest.raises(numba.core.errors.TypingError):
        compiled("def fires(x):\n    return x.nothing\n", {}, "int64(int64)")


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_a_kernel_that_would_allocate_does_not_compile() -> None:
    """Without reference counting what it made would never be given back."""
    with pytest.raises(numba.core.errors.TypingError):
        compiled("def fires(x):\n    return zeros(x)\n", {"zeros": np.zeros}, "float64[:](int64)")


@jitable
def _doubled(x: int) -> int:
    return x * 2


@inlined
def _halved(x):  # type: ignore[no-untyped-def]
    return x // 2


@kernel
def _both(x):  # type: ignore[no-untyped-def]
    return _doubled(_halved(x))


def test_helpers_give_the_same_in_a_kernel_and_in_python() -> None:
    assert [_both(x) for x in (7, -7, 0)] == [_doubled(int(_halved(x))) for x in (7, -7, 0)] == [6, -8, 0]


FOLDER = "from models.jit import CACHE_FOLDER; print(CACHE_FOLDER.name)"


def test_any_change_of_a_kernels_text_or_of_a_number_in_it_is_another_folder(tmp_path: Path) -> None:
    root = Path(jit.__file__).parents[1]
    shutil.copytree(root / "models", tmp_path / "models", ignore=shutil.ignore_patterns("__pycache__", "cards"))
    (tmp_path / "actors" / "ledger").mkdir(parents=True)
    number = tmp_path / "actors" / "ledger" / "number.py"
    seen = []
    for text in ("ONE = 1\n", "ONE = 1\n", "ONE = 2\n"):
        number.write_text(text)
        command, environment = (
            [sys.executable, "-c", FOLDER],
            {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path)},
        )
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        seen.append(done.stdout)
    assert seen[0] == seen[1] != seen[2] and seen[0].startswith("kernels-")
    assert CACHE_FOLDER.name.startswith("kernels-") and str(CACHE_FOLDER) == vars(numba.config)["CACHE_DIR"]


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_the_first_kernel_imports_no_linear_algebra_and_others_still_can() -> None:
    """SciPy's would be half of the time until a process has its first kernel."""
    code = (
        "import sys, numpy as np; from models.credit.shipped import shipped; from models.evaluation import Evaluator;"
        "one = Evaluator(shipped()); one.evaluate(np.zeros((1, len(one.features)), np.int64));"
        "assert 'scipy.linalg' not in sys.modules and 'cffi' not in sys.modules;"
        "import scipy.linalg.cython_blas; print(scipy.linalg.det(np.eye(2)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1.0\n"


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_a_kernel_that_is_kept_is_loaded_without_the_compiler_which_still_compiles(tmp_path: Path) -> None:
    code = (
        "import numpy as np; from numba.core.runtime import rtsys; from models.credit.shipped import shipped;"
        "from models.evaluation import Evaluator; from models.jit import compiled; one = Evaluator(shipped());"
        "print(one.evaluate(np.zeros((1, len(one.features)), np.int64)).totals[0], rtsys._init);"
        "print(compiled('def fires(x):\\n    return x * 3\\n', {}, 'int64(int64)')(7), rtsys._init)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    lines = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        lines.append(done.stdout.split())
    compiles, loads = lines
    assert compiles[1] == "True" and loads[1] == "False", "only a kernel that is not kept needs the compiler"
    assert compiles[0] == loads[0] and compiles[2:] == loads[2:] == ["21", "True"]


TINY = """
import sys
from models.jit import CACHE_FOLDER, compiled, kernel

for name in sys.argv[1:]:
    (CACHE_FOLDER / name).write_text("in the way")

from models.helper import more

@kernel
def tiny(x):
    return more(x)

print(tiny(0), tiny(1), compiled("def fires(x):\\n    return x * 3\\n", {}, "int64(int64)", keep=True)(7))
"""
MORE = "from models.jit import inlined\n\n@inlined\ndef more(x):\n    return x + {}\n"


def _upgrade(root: Path, environment: dict[str, str], *in_the_way: str) -> None:
    """Run a kernel, and then that of a version installed over it in which only a helper that it calls is another: +1 is now +2. Numba by
    itself would keep the first one's code beside the source, or below XDG_CACHE_HOME, and run it again."""
    models = root / "models"
    models.mkdir(exist_ok=True)
    for name in ("__init__", "arrays", "jit", "jitable", "kernel_folder"):
        shutil.copy(Path(jit.__file__).with_name(f"{name}.py"), models)
    (models / "tiny.py").write_text(TINY)
    given = {**os.environ, "PYTHONPATH": str(root), "HOME": "/dev/null", "XDG_CACHE_HOME": str(root / "xdg")}
    given.pop("NUMBA_CACHE_DIR", None)
    given |= environment
    command = [sys.executable, "-B", "-m", "models.tiny", *in_the_way]
    printed = []
    for number in (1, 2):
        (models / "helper.py").write_text(MORE.format(number))
        done = subprocess.run(command, cwd=root, env=given, capture_output=True, text=True, check=False)
        printed.append(done.stdout.strip() or done.stderr)
    assert printed == ["1 2 21", "2 3 21"]
    assert not (root / "xdg").exists() and not list(models.rglob("*.nbi"))


def test_where_no_code_can_be_kept_an_upgrade_runs_its_own(tmp_path: Path) -> None:
    _upgrade(tmp_path, {})


def test_where_nothing_at_all_can_be_written_kernels_run(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("in the way")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__pycache__").write_text("in the way")
    _upgrade(tmp_path, {"NUMBA_CACHE_DIR": str(tmp_path / "kept"), "XDG_CACHE_HOME": "/dev/null"})


def test_code_that_can_no_longer_be_written_only_costs_time(tmp_path: Path) -> None:
    """As on a full disk, or where another user has made a kernel's folder."""
    _upgrade(tmp_path, {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}, "models.tiny", "models.helper")


def test_no_setting_of_the_compiler_has_it_keep_code_elsewhere(tmp_path: Path) -> None:
    elsewhere = {"NUMBA_CACHE_DIR": str(tmp_path / "kept"), "NUMBA_CACHE_LOCATOR_CLASSES": "UserWideCacheLocator"}
    _upgrade(tmp_path, elsewhere)
    assert bool(list(tmp_path.glob("kept/kernels-*/models.tiny/*.nbi"))) == COMPILED


HELPERS = """
from models.jit import CACHE_FOLDER, inlined, kernel

CACHE_FOLDER.mkdir(parents=True, exist_ok=True)

@kernel
def tripled(x):
    return x * 3

def twice(compiled):
    def both(x):
        return compiled(compiled(x))
    return both
"""


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
def test_a_kernel_that_is_kept_can_be_compiled_into_another_one_later(tmp_path: Path) -> None:
    """What it was compiled from is kept with it, and read when somebody wants it."""
    (tmp_path / "helpers.py").write_text(HELPERS)
    code = (
        "import sys, numba, helpers; print(helpers.tripled(5), sum(helpers.tripled.stats.cache_hits.values()));"
        "print(numba.njit(helpers.twice(helpers.tripled))(5) if sys.argv[1] == 'both' else 0)"
    )
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path / "kept"),
        "PYTHONPATH": os.pathsep.join([*sys.path, str(tmp_path)]),
    }
    lines = []
    for what in ("one", "both"):
        command = [sys.executable, "-c", code, what]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        lines.append(done.stdout.split())
    assert lines == [["15", "0", "0"], ["15", "1", "45"]]
