"""Draws changes and lets processes test them, of which each keeps the tests of one suite loaded."""

import contextlib
import fnmatch
import itertools
import os
import select
import socket
import sys
import tempfile
import time
import traceback
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from io import BufferedIOBase
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from tests.mutation.equivalent import equivalents, is_equivalent
from tests.mutation.kept import FILE, Kept
from tests.mutation.mutants import NUMBERS, Mutant, change_of, mutants_of, sort_of
from tests.mutation.targets import TARGETS, Suite, Target

ROOT: Final = Path(__file__).resolve().parents[2]
_BY_PATH: Final = {target.path: target for target in TARGETS}
_OUTPUT_SHOWN: Final = 4_000


def touches_money(mutant: Mutant) -> bool:
    """Whether money can be wrong by a change."""
    return _BY_PATH[mutant.path].touches_money(mutant.function)


def drawn(root: Path, targets: list[Target], operators: str, random: Random) -> list[Mutant]:
    """All mutants by these operators: those that touch money first, of numbers last; of all one of each file in turn, and in a file one of
    each sort."""
    of_files = []
    for target in targets:
        by_sort: dict[int, list[Mutant]] = {}
        for mutant in mutants_of(root, target.path):
            if fnmatch.fnmatch(mutant.operator, operators):
                by_sort.setdefault(sort_of(mutant.operator), []).append(mutant)
        for mutants in by_sort.values():
            random.shuffle(mutants)
        of_files.append(_in_turn(list(by_sort.values())))
    sample = _in_turn(of_files)
    return sorted(sample, key=lambda mutant: (not touches_money(mutant), mutant.operator == NUMBERS))


def _in_turn(queues: list[list[Mutant]]) -> list[Mutant]:
    turns = itertools.zip_longest(*queues)
    return [mutant for turn in turns for mutant in turn if mutant is not None]


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one change, and the lines that it changed."""

    mutant: Mutant
    verdict: str
    before: str
    after: str
    tests: int


def run(sample: list[Mutant], seconds: float, workers: int, seconds_each: float, random: Random) -> int:
    """Test mutants until the time is over: those that no run looked at, those that survived, and in what time is left, those that were
    noticed before, in random order. Tell of each that survives, and sum up."""
    kept = Kept(FILE, ROOT)
    noticed = [mutant for mutant in sample if kept.noticed(mutant)]
    survived = [mutant for mutant in sample if kept.survived(mutant)]
    known = {*noticed, *survived}
    new = [mutant for mutant in sample if mutant not in known]
    random.shuffle(noticed)
    verdicts: dict[Mutant, str] = {mutant: "noticed before" for mutant in noticed}
    verdicts |= {mutant: "survived" for mutant in survived}
    for tested in _tested(deque([*new, *survived, *noticed]), time.time() + seconds, workers, seconds_each):
        verdicts[tested.mutant] = tested.verdict
        if tested.verdict == "survived":
            _tell(tested, touches_money(tested.mutant))
        if tested.verdict == "equivalent":
            kept.forget(tested.mutant)
        else:
            kept.note(tested.mutant, survived=tested.verdict == "survived")
    return _summed_up(sample, verdicts)


def _summed_up(sample: list[Mutant], verdicts: dict[Mutant, str]) -> int:
    of_money = sum(map(touches_money, sample))
    looked_at = sum(map(touches_money, verdicts))
    survived = sum(touches_money(mutant) for mutant, verdict in verdicts.items() if verdict == "survived")
    counts = sorted(Counter(verdicts.values()).items())
    print(
        f"{len(verdicts)} of {len(sample)} changes looked at, of those that touch money {looked_at} of {of_money}: "
        f"{', '.join(f'{number} {verdict}' for verdict, number in counts)}; {survived} survived where money can be wrong",
        flush=True,
    )
    return int(survived > 0)


class _Judge:
    """A process that keeps the tests of one suite ready, and tests one mutant after the other."""

    def __init__(self, suite: Suite, seconds_each: float, others: Iterable["_Judge"]) -> None:
        self._output = tempfile.TemporaryFile()
        self._connection, theirs = socket.socketpair()
        self._child = os.fork()
        if self._child == 0:
            for connection in (self._connection, *(other._connection for other in others)):
                os.close(connection.detach())
            _judge(suite, seconds_each, theirs.makefile("rwb"), self._output.fileno())
        theirs.close()
        self._stream = self._connection.makefile("rwb")

    def fileno(self) -> int:
        """Where an answer is announced."""
        return self._connection.fileno()

    def ask(self, mutant: Mutant) -> None:
        """Let it test a mutant."""
        self._stream.write(msgspec.json.encode(mutant) + b"\n")
        self._stream.flush()

    def answer(self) -> Tested:
        """What became of it. Raises RuntimeError when the process has failed."""
        line = b""
        with contextlib.suppress(ConnectionError):
            line = self._stream.readline()
        if not line:
            self._output.seek(0)
            raise RuntimeError(self._output.read().decode(errors="replace")[-_OUTPUT_SHOWN:])
        return msgspec.json.decode(line, type=Tested)

    def end(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._stream.close()
        self._connection.close()
        os.waitpid(self._child, 0)


def _tested(waiting: deque[Mutant], ends: float, workers: int, seconds_each: float) -> Iterator[Tested]:
    """What becomes of mutants, as it comes: they are tested in order, whatever their suites, so each file gets its share of the time."""
    judges: dict[Suite, _Judge] = {}
    asked: set[_Judge] = set()
    try:
        while True:
            free = (mutant for mutant in waiting if judges.get(_BY_PATH[mutant.path].suite) not in asked)
            if len(asked) < workers and time.time() < ends and (mutant := next(free, None)):
                suite = _BY_PATH[mutant.path].suite
                if suite not in judges:
                    judges[suite] = _Judge(suite, seconds_each, judges.values())
                judges[suite].ask(mutant)
                asked.add(judges[suite])
                waiting.remove(mutant)
            elif asked:
                for judge in select.select(asked, [], [])[0]:
                    asked.remove(judge)
                    yield judge.answer()
            else:
                return
    finally:
        for judge in judges.values():
            judge.end()


def _judge(suite: Suite, seconds_each: float, stream: BufferedIOBase, output: int) -> None:
    """In the process of a judge: load the tests, test each mutant that is asked for, say what came of it."""
    code = 1
    try:
        for shown in (1, 2):
            os.dup2(output, shown)
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        if not suite.compiled:
            os.environ["NUMBA_DISABLE_JIT"] = "1"
        from tests.mutation.bench import Bench

        known = equivalents()

        def test_all(bench: Bench) -> None:
            for line in stream:
                mutant = msgspec.json.decode(line, type=Mutant)
                change = change_of(ROOT, mutant)
                verdict = "equivalent" if is_equivalent(known, mutant, change) else bench.test(mutant, change)
                tested = Tested(
                    mutant=mutant,
                    verdict=verdict,
                    before=change.before,
                    after=change.after,
                    tests=len(bench.asked(mutant)),
                )
                stream.write(msgspec.json.encode(tested) + b"\n")
                stream.flush()

        Bench(ROOT, suite, [target.path for target in TARGETS if target.suite == suite], seconds_each, test_all).run()
        code = 0
    except BaseException:  # whatever it is, the process must not go on as the one that it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tell(tested: Tested, money: bool) -> None:
    mutant = tested.mutant
    where = "" if money else " (not of money)"
    print(
        f"SURVIVED{where} {mutant.path}:{mutant.line} {mutant.operator}, {tested.tests} tests came through", flush=True
    )
    print(f"  - {tested.before}\n  + {tested.after}", flush=True)
