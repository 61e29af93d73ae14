"""Draws changes and lets processes test them, of which each keeps the tests of one suite loaded."""

import fnmatch
import itertools
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from tests.mutation.equivalent import equivalents, is_equivalent
from tests.mutation.kept import Kept
from tests.mutation.mutants import NUMBERS, Mutant, change_of, mutants_of, sort_of
from tests.mutation.targets import TARGETS, Suite, Target

ROOT: Final = Path(__file__).resolve().parents[2]
KEPT: Final = ROOT / "build" / "mutation.jsonl"
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


def run(sample: list[Mutant], seconds: float, workers: int, seconds_each: float) -> int:
    """Test mutants until the time is over; tell of each that survives, and sum up."""
    kept = Kept(KEPT, ROOT)
    to_test = [mutant for mutant in sample if not kept.noticed(mutant)]
    verdicts: Counter[str] = Counter({"noticed before": len(sample) - len(to_test)})
    looked_at = Counter(touches_money(mutant) for mutant in sample if kept.noticed(mutant))
    survived = 0
    for tested in _tested(to_test, time.time() + seconds, workers, seconds_each):
        money = touches_money(tested.mutant)
        verdicts[tested.verdict] += 1
        looked_at[money] += 1
        if tested.verdict == "survived":
            survived += money
            _tell(tested, money)
        if tested.verdict != "equivalent":
            kept.note(tested.mutant, survived=tested.verdict == "survived")
    of_money = sum(map(touches_money, sample))
    print(
        f"{looked_at.total()} of {len(sample)} changes looked at, of those that touch money {looked_at[True]} of {of_money}: "
        f"{', '.join(f'{number} {verdict}' for verdict, number in sorted(verdicts.items()) if number)}; "
        f"{survived} survived where money can be wrong",
        flush=True,
    )
    return int(survived > 0)


def _tested(sample: list[Mutant], ends: float, workers: int, seconds_each: float) -> Iterator[Tested]:
    """Each suite has its share of the time, that is left over to the next."""
    for suite in dict.fromkeys(target.suite for target in TARGETS):
        mutants = [mutant for mutant in sample if _BY_PATH[mutant.path].suite == suite]
        if not mutants:
            continue
        share = (ends - time.time()) * len(mutants) / len(sample)
        sample = [mutant for mutant in sample if _BY_PATH[mutant.path].suite != suite]
        share_ends = time.time() + share
        parts = [mutants[i::workers] for i in range(min(workers, len(mutants)))]
        yield from _in_processes(suite, parts, share_ends, seconds_each)


def _in_processes(suite: Suite, parts: list[list[Mutant]], ends: float, seconds_each: float) -> Iterator[Tested]:
    """What processes find, each of a part, as it comes: a line is written at once. Raises RuntimeError when one fails."""
    decode = msgspec.json.Decoder(Tested).decode
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as output:
        children = []
        for part in parts:
            children.append(os.fork())
            if children[-1] == 0:
                os.close(reading)
                _work(suite, part, ends, seconds_each, writing, output.fileno())
        os.close(writing)
        with os.fdopen(reading, "rb") as results:
            for line in results:
                yield decode(line)
        if any([os.waitpid(child, 0)[1] for child in children]):
            output.seek(0)
            raise RuntimeError(output.read().decode(errors="replace")[-_OUTPUT_SHOWN:])


def _work(suite: Suite, mutants: list[Mutant], ends: float, seconds_each: float, writing: int, output: int) -> None:
    """In the process of a part: load the tests, test mutants until the time is over, write what came of each."""
    code = 1
    try:
        for stream in (1, 2):
            os.dup2(output, stream)
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        if not suite.compiled:
            os.environ["NUMBA_DISABLE_JIT"] = "1"
        from tests.mutation.bench import Bench

        known = equivalents()

        def test_all(bench: Bench) -> None:
            for mutant in mutants:
                if time.time() > ends:
                    return
                change = change_of(ROOT, mutant)
                verdict = "equivalent" if is_equivalent(known, mutant, change) else bench.test(mutant, change)
                tested = Tested(
                    mutant=mutant,
                    verdict=verdict,
                    before=change.before,
                    after=change.after,
                    tests=len(bench.asked(mutant)),
                )
                os.write(writing, msgspec.json.encode(tested) + b"\n")

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
