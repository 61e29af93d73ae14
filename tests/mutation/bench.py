"""Tests that are loaded once and run on one change after the other, each in a fork.

A change is one of a function's body, so the fork puts the new code into the function that is loaded already: nothing is imported again,
no file is touched, and a change that hangs or kills the process harms nothing. What a function gave while its module was loaded
is not changed; a module computes its bounds so, which are choices.

A fork runs only tests that come through the changed lines: first those that noticed the last changes of the same function, then one
case of each test, the shortest first, then another of each, for so many seconds; it ends at the first that fails.
"""

import contextlib
import gc
import itertools
import os
import re
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import Final, Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.mutation.coverage import Lines, lines_seen
from tests.mutation.mutants import Change, Mutant
from tests.mutation.targets import Suite

Verdict = Literal["killed", "survived", "timeout"]

PROFILE: Final = "mutation"
"""Of hypothesis: few examples, and none is made smaller, for that one fails is all that is asked."""
EXAMPLES: Final = 15
_LEFT_OUT: Final = (
    "keys_are_full or than_a_generation_surely_holds or many_holds_that_are_due_at_once or profiles_come_and_go_for_ever "
    "or test_kernels_do_the_same_as_plain_python"
)
"""What fills whole tables takes more time than all others, and shows little that they do not."""
_PYTEST: Final = (
    "-q",
    "-s",
    "--no-header",
    "--assert=plain",
    "--tb=native",
    f"--hypothesis-profile={PROFILE}",
    "--hypothesis-seed=0",
    "-p",
    "no:cacheprovider",
    "-k",
    f"not ({_LEFT_OUT})",
)
SLOWER: Final = 3.0
SLOWER_S: Final = 1.0
"""So many times as long, and so many seconds more, a test may compute; then it hangs, which counts as noticed."""
WAITING: Final = 6.0
"""So many times as long it may take in all, on a machine that does other things, or when it waits for what never comes."""
IDLE_S: Final = 1.0
"""So long, and twice as long as the most that a test of it sleeps, a fork may compute nothing: then it waits for what never comes."""
MEMORY_MAX: Final = 3 << 30
"""Bytes that a fork may take: a loop that appends for ever ends there."""
LOOK_EVERY_S: Final = 0.003
LAST_NOTICED: Final = 6
"""So many tests that noticed a function's last changes are asked first."""
_OF_A_HANG: Final = (signal.SIGPROF, signal.SIGALRM, signal.SIGKILL)

_Functions = dict[tuple[str, str], list[FunctionType]]


class Proof(NamedTuple):
    """A test: `run` raises what fails, or ends the process. `seconds`: what it computes while its lines are noted; `sleeps_s`: how long it
    waits for something meanwhile."""

    name: str
    run: Callable[[], None]
    seconds: float
    sleeps_s: float
    lines: Lines


class Bench:
    """A plugin of pytest that takes the place of its loop over all tests. `work` gets it once the tests are known to pass."""

    def __init__(
        self, root: Path, suite: Suite, paths: list[str], seconds_each: float, work: Callable[["Bench"], None]
    ) -> None:
        self._root, self._suite, self._paths, self._work = root, suite, paths, work
        self._seconds_each = seconds_each
        self._proofs: list[Proof] = []
        self._noticed: dict[tuple[str, str], list[str]] = {}
        self._functions: _Functions = {}
        self._in_fork = False
        self.fails: str | None = None

    def run(self) -> None:
        """Load the tests and work. Raises RuntimeError when one fails as it is."""
        settings.register_profile(
            PROFILE,
            deadline=None,
            max_examples=EXAMPLES,
            stateful_step_count=20,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate),
        )
        code = pytest.main([*_PYTEST, *(str(self._root / file) for file in self._suite.files)], plugins=[self])
        if self.fails or code != pytest.ExitCode.OK:
            raise RuntimeError(self.fails or f"the tests could not be loaded: {code!r}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run each test once as it is, then work."""
        for i, item in enumerate(session.items):
            following = session.items[i + 1] if i + 1 < len(session.items) else None
            traced = self._traced(partial(_run_item, item, following))
            self._proofs.append(Proof(item.nodeid, partial(_run_again, item), *traced))
            if self.fails:
                return True
        for seed in self._suite.seeds:
            run = partial(_run_seed, seed)
            self._proofs.append(Proof(f"seed {seed}", run, *self._traced(run)))
        self._proofs.sort(key=lambda proof: proof.seconds)
        self._functions = _functions_of(self._root, self._paths)
        gc.collect()
        gc.freeze()
        self._work(self)
        return True

    @pytest.hookimpl
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """A test that fails is the end of a fork. One that fails without a change is reported."""
        if call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception):
            return
        if self._in_fork:
            os._exit(1)
        self.fails = f"{item.nodeid} fails as it is: {call.excinfo.exconly()}"

    def _traced(self, run: Callable[[], None]) -> tuple[float, float, Lines]:
        started, slept = time.process_time(), _slept()
        with lines_seen(self._root, self._paths) as lines:
            run()
        return time.process_time() - started, _slept() - slept, lines

    def asked(self, mutant: Mutant) -> list[Proof]:
        """The tests that come through a change, in the order in which they are asked."""
        lines = set(range(mutant.first, mutant.last + 1))
        last = self._noticed.get((mutant.path, mutant.function), [])
        cases: Counter[str] = Counter()
        placed = []
        for proof in self._proofs:  # from short to long
            if lines & proof.lines[mutant.path]:
                test = re.split(r"[\[ ]", proof.name)[0]
                place = last.index(proof.name) if proof.name in last else LAST_NOTICED
                placed.append((place, cases[test], proof))
                cases[test] += 1
        placed.sort(key=lambda each: each[:2])
        ends = itertools.accumulate(proof.seconds for *_, proof in placed)
        return [
            proof for (*_, proof), end in zip(placed, ends, strict=True) if end - proof.seconds <= self._seconds_each
        ]

    def test(self, mutant: Mutant, change: Change) -> Verdict:
        """What the tests say of a change."""
        proofs = self.asked(mutant)
        if not proofs:
            return "survived"
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            self._in_fork = True
            _be_tested(self._root, self._functions, mutant, change, proofs, writing)
        os.close(writing)
        try:
            status = _waited(child, IDLE_S + 2 * max(proof.sleeps_s for proof in proofs))
            begun = len(os.read(reading, 1 << 16))
        finally:
            os.close(reading)
        if status == 0:
            return "survived"
        self._remember(mutant, proofs[max(begun - 1, 0)].name)
        return "timeout" if os.WIFSIGNALED(status) and os.WTERMSIG(status) in _OF_A_HANG else "killed"

    def _remember(self, mutant: Mutant, name: str) -> None:
        """This test noticed a change."""
        last = self._noticed.setdefault((mutant.path, mutant.function), [])
        if name in last:
            last.remove(name)
        last.insert(0, name)
        del last[LAST_NOTICED:]


def _run_item(item: pytest.Item, following: pytest.Item | None) -> None:
    item.ihook.pytest_runtest_protocol(item=item, nextitem=following)


def _run_again(item: pytest.Item) -> None:
    item._initrequest()  # type: ignore[attr-defined]
    _run_item(item, None)


def _run_seed(seed: int) -> None:
    from tests.sim.simulation import run_seed

    error = run_seed(seed).error
    if error is not None:
        raise RuntimeError(f"seed {seed} fails: {error}")


def _waited(child: int, idle_s: float) -> int:
    """The status of a process at its end, which comes soon when it takes too much memory, or waits for nothing."""
    computed, since = 0.0, time.monotonic()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)
            return status
        time.sleep(LOOK_EVERY_S)
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{child}/statm").read_text().split()[1])
            state, seconds = _state_of(child)
            if seconds > computed or state == "R":
                computed, since = seconds, time.monotonic()
            if pages * resource.getpagesize() > MEMORY_MAX or time.monotonic() > since + idle_s:
                os.kill(child, signal.SIGKILL)


def _slept() -> float:
    """Seconds of this thread in which it neither ran nor waited for a processor."""
    ran, waited, _ = Path("/proc/thread-self/schedstat").read_text().split()
    return time.monotonic() - (int(ran) + int(waited)) * 1e-9


def _state_of(process: int) -> tuple[str, float]:
    """What a process does, as proc(5) names it, and the seconds that it has computed so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _be_tested(
    root: Path, functions: _Functions, mutant: Mutant, change: Change, proofs: Iterable[Proof], writing: int
) -> None:
    """In the fork: end with 0 when all tests pass. A byte is written before each."""
    code = 1
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _put_in(root, functions, mutant, change)
        for hangs in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(hangs, signal.SIG_DFL)
        for proof in proofs:
            os.write(writing, b".")
            limit_s = SLOWER * proof.seconds + SLOWER_S
            signal.setitimer(signal.ITIMER_PROF, limit_s)
            signal.setitimer(signal.ITIMER_REAL, WAITING * limit_s)
            proof.run()
        code = 0
    finally:  # whatever it is, the fork must not go on as the process that it was
        os._exit(code)


def _put_in(root: Path, functions: _Functions, mutant: Mutant, change: Change) -> None:
    """Put the changed code into the functions that are loaded."""
    whole = compile(change.source, str(root / mutant.path), "exec")
    codes = [code for code in _codes(whole) if code.co_qualname == mutant.function]
    loaded = functions[mutant.path, mutant.function]
    lines = sorted({function.__code__.co_firstlineno for function in loaded})
    assert len(lines) == len(codes), mutant
    for function in loaded:
        function.__code__ = codes[lines.index(function.__code__.co_firstlineno)]


def _codes(code: CodeType) -> Iterator[CodeType]:
    """All code within, in the order of lines."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _functions_of(root: Path, paths: list[str]) -> _Functions:
    """All functions of these files that are loaded, by path and name."""
    by_file = {str(root / path): path for path in paths}
    found: _Functions = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType and (path := by_file.get(thing.__code__.co_filename)) is not None:
            found.setdefault((path, thing.__code__.co_qualname), []).append(thing)
    return found
