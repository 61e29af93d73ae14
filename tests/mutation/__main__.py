"""`make mutate MINUTES=N`: change one thing at a time in ledger, shard core and lanes, and tell which changes no test notices.

A run is a sample of all changes, drawn with a seed and the files in turn, so that however short it is it has looked at each;
another seed is another sample. Exit code 1: a change survived where money can be wrong, and is not known to make no difference.
"""

import argparse
import fnmatch
import sys
from random import Random
from typing import Final

from tests.mutation.running import ROOT, drawn, run
from tests.mutation.targets import TARGETS

WORKERS: Final = 2
MINUTES: Final = 20.0


def main() -> int:
    """Exit code 1 when a change survived where money can be wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which sample (default: 0)")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes (default: %(default)s)")
    parser.add_argument("--only", default="*", help="files that match this pattern (default: all)")
    parser.add_argument(
        "--operators", default="*", help="operators that match this pattern, as LeaveOut (default: all)"
    )
    parser.add_argument("--lines", type=int, nargs=2, metavar=("FIRST", "LAST"), help="only in these lines")
    options = parser.parse_args()
    targets = [target for target in TARGETS if fnmatch.fnmatch(target.path, options.only)]
    if not targets:
        parser.error(f"--only {options.only} matches none of {', '.join(target.path for target in TARGETS)}")
    sample = drawn(ROOT, targets, options.operators, Random(options.seed))
    if options.lines:
        sample = [mutant for mutant in sample if options.lines[0] <= mutant.line <= options.lines[1]]
    return run(sample, options.minutes * 60, options.workers)


if __name__ == "__main__":
    sys.exit(main())
