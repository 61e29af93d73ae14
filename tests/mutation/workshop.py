"""A copy of the tree in which one change at a time is made and tested. The tree itself is never touched.

The process that keeps the copy has all packages of others loaded and none of ours; each test is a fork of it, so it takes no
time to load them, and a change that hangs or kills the process harms nothing.
"""

import contextlib
import importlib
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Final, Literal

from tests.mutation.mutants import Change
from tests.mutation.targets import Target

Verdict = Literal["killed", "survived", "timeout"]

LOADED: Final = ("numba", "pytest", "hypothesis", "msgspec", "aiohttp", "asyncpg", "pyarrow", "prometheus_client")
_COPIED: Final = ("actors", "models", "rules", "switch", "bench", "tests", "pyproject.toml")
_IGNORED: Final = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info")
_OURS: Final = ("actors", "models", "rules", "switch", "bench", "tests")
PROFILE: Final = "short"
"""Of hypothesis; the ledger's tests have one of this name too."""
_PYTEST: Final = (
    "-x",
    "-q",
    "--no-header",
    "--assert=plain",
    f"--hypothesis-profile={PROFILE}",
    "--hypothesis-seed=0",
    "-p",
    "no:cacheprovider",
    "-k",
    "not (keys_are_full or than_a_generation_surely_holds or test_kernels_do_the_same_as_plain_python)",
)
"""The first failure is enough. What fills whole tables takes half of the time and shows nothing that others do not."""
WHOLE_MAX_S: Final = 600.0
"""How long the tests of a module may take when nothing is changed; kernels that are new here are compiled in it."""
SLOWER: Final = 3.0
SLOWER_S: Final = 15.0
"""So many times as long, and so many seconds more, a change may take; then it hangs, which counts as noticed."""
LOOK_EVERY_S: Final = 0.02


class Workshop:
    """`copy`: an empty folder, for the copy of the tree at `root`."""

    def __init__(self, root: Path, copy: Path) -> None:
        self.copy = copy
        self._whole_s: dict[tuple[object, ...], float] = {}
        for name in _COPIED:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=_IGNORED)
            else:
                shutil.copy2(source, copy / name)
        for name in LOADED:
            importlib.import_module(name)

    def test(self, target: Target, change: Change) -> Verdict:
        """Whether the target's tests notice the change. Raises RuntimeError when they fail without it."""
        path = self.copy / target.path
        limit_s = SLOWER * self._whole(target) + SLOWER_S
        before = path.read_bytes()
        path.write_text(change.source, encoding="utf-8")
        self._forget_compiled(path)
        try:
            return self._run(target, limit_s)
        finally:
            path.write_bytes(before)
            self._forget_compiled(path)

    def _whole(self, target: Target) -> float:
        """How long the tests take when nothing is changed. Targets with the same tests, in another order, are measured once."""
        tests = (target.then or target.first, target.seeds, target.compiled)
        if tests not in self._whole_s:
            started = time.monotonic()
            if self._run(target, WHOLE_MAX_S) != "survived":
                output = (self.copy / "output").read_text(errors="replace")
                raise RuntimeError(f"the tests of {target.path} fail as it is:\n{output[-4_000:]}")
            self._whole_s[tests] = time.monotonic() - started
        return self._whole_s[tests]

    @staticmethod
    def _forget_compiled(path: Path) -> None:
        """A change that keeps length and second would otherwise be taken for what was compiled before."""
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()

    def _run(self, target: Target, limit_s: float) -> Verdict:
        child = os.fork()
        if child == 0:
            _be_tested(self.copy, target)
        ends = time.monotonic() + limit_s
        while time.monotonic() < ends:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return "survived" if status == 0 else "killed"
            time.sleep(LOOK_EVERY_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return "timeout"


def _be_tested(copy: Path, target: Target) -> None:
    """In the fork: end with 0 when all tests pass."""
    code = 1
    try:
        os.setsid()
        output = os.open(copy / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for stream in (1, 2):
            os.dup2(output, stream)
        sys.stdout, sys.stderr = (os.fdopen(stream, "w", closefd=False) for stream in (1, 2))
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        sys.dont_write_bytecode = True
        for name in [name for name in sys.modules if name.split(".")[0] in _OURS]:
            del sys.modules[name]
        if not target.compiled:
            os.environ["NUMBA_DISABLE_JIT"] = "1"
            import numba

            numba.config.DISABLE_JIT = 1
        code = _tests(target)
    except BaseException:  # whatever it is, the fork must not go on as the process that it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tests(target: Target) -> int:
    import pytest
    from hypothesis import settings

    settings.register_profile(PROFILE, deadline=None, max_examples=20, stateful_step_count=20)
    failed = target.first and pytest.main([*_PYTEST, *target.first])
    failed = failed or _seeds(target.seeds)
    return int(failed or (target.then and pytest.main([*_PYTEST, *target.then])) or 0)


def _seeds(count: int) -> int:
    """Seeds of the simulation, until one fails."""
    if not count:
        return 0
    from tests.sim.simulation import run_seed

    return int(any(run_seed(seed).error is not None for seed in range(count)))
