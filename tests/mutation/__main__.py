"""`make mutate MINUTES=N`: change one thing at a time in ledger, shard core, credit and write queues; tell which changes no test notices.

Changes that no run has made come first, of those the ones that touch money, those of numbers last, the files in turn. What was found is
kept in tests/mutation/kept.txt, a line for each function, which holds while the function does the same; so run after run gets through
all changes, and goes through them again in the time that is left. Exit code 1: a change survived, now or when it was made
last, where money can be wrong, and is not known to make no difference (tests/mutation/equivalent.yaml).
"""

import argparse
import fnmatch
import sys
import time
from random import Random
from typing import Final

from tests.mutation.kept import FILE, Kept
from tests.mutation.running import ROOT, drawn, run
from tests.mutation.targets import TARGETS

WORKERS: Final = 1
MINUTES: Final = 20.0
SECONDS_EACH: Final = 15.0
"""Most of the tests that a line has, and little time, since few changes survive so many; what does is worth all of them: `--survivors`."""


def main() -> int:
    """Exit code 1 when a change survived where money can be wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="of the order (default: the time)")
    parser.add_argument(
        "--workers",
        type=int,
        default=WORKERS,
        help="how many are tested at once, each by another suite (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS_EACH, help="how long the tests of a change take (default: %(default)s)"
    )
    parser.add_argument(
        "--only", default=["*"], nargs="+", help="files that match one of these patterns (default: all)"
    )
    parser.add_argument(
        "--operators", default="*", help="operators that match this pattern, as LeaveOut (default: all)"
    )
    parser.add_argument("--survivors", action="store_true", help="only what survived before, with all tests")
    parser.add_argument("--lines", type=int, nargs=2, metavar=("FIRST", "LAST"), help="only in these lines")
    options = parser.parse_args()
    targets = [target for target in TARGETS if any(fnmatch.fnmatch(target.path, only) for only in options.only)]
    if not targets:
        parser.error(f"--only {' '.join(options.only)} matches none of {', '.join(target.path for target in TARGETS)}")
    print(f"seed {options.seed}", flush=True)
    random = Random(options.seed)
    sample = drawn(ROOT, targets, options.operators, random)
    if options.lines:
        sample = [mutant for mutant in sample if options.lines[0] <= mutant.line <= options.lines[1]]
    if options.survivors:
        kept = Kept(FILE, ROOT)
        sample = [mutant for mutant in sample if kept.survived(mutant)]
        options.seconds = float("inf")
    return run(sample, options.minutes * 60, options.workers, options.seconds, random)


if __name__ == "__main__":
    sys.exit(main())
