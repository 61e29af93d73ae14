"""`python -m tests.sim --seeds N`: many seeds on some processes. `--seed K -v`: one seed again, with its trace."""

import argparse
import multiprocessing
import sys
import time
from collections import Counter

from tests.sim.simulation import Outcome, run_seed

PROCESSES = 2
PROGRESS_EVERY = 500
"""Seeds from one line of progress to the next: some minutes of a long run."""


def main() -> int:
    """Exit code 1 when a seed failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds to run (default: 200)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--seed", type=int, help="run this seed only")
    parser.add_argument("--workers", type=int, default=PROCESSES, help="processes (default: %(default)s)")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the trace (with --seed)")
    options = parser.parse_args()
    if options.seed is not None:
        outcome = run_seed(options.seed, verbose=options.verbose)
        _print_failure(outcome)
        print(f"seed {outcome.seed}: trace {outcome.trace_hash}")
        _print_counts(outcome.counts)
        return int(outcome.error is not None)
    return run_many(range(options.first, options.first + options.seeds), options.workers)


def run_many(seeds: range, workers: int) -> int:
    """Run seeds, print those that fail, how far it is, and a summary."""
    started = time.monotonic()
    counts: Counter[str] = Counter()
    failed = 0
    with multiprocessing.Pool(workers) as pool:
        for done, outcome in enumerate(pool.imap_unordered(run_seed, seeds, chunksize=4), 1):
            counts += outcome.counts
            failed += outcome.error is not None
            _print_failure(outcome)
            if done % PROGRESS_EVERY == 0:
                seconds = time.monotonic() - started
                print(f"{done} of {len(seeds)} seeds, {failed} failed, {seconds:.0f} s", file=sys.stderr, flush=True)
    seconds = time.monotonic() - started
    print(f"{len(seeds)} seeds, {failed} failed, {seconds:.0f} s, {len(seeds) / seconds:.1f} seeds/s")
    _print_counts(counts)
    return int(failed > 0)


def _print_failure(outcome: Outcome) -> None:
    if outcome.error is not None:
        print(f"seed {outcome.seed} FAILED: {outcome.error}", flush=True)


def _print_counts(counts: Counter[str]) -> None:
    print("; ".join(f"{what}: {number:,}" for what, number in sorted(counts.items())))


if __name__ == "__main__":
    sys.exit(main())
