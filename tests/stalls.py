"""Runs tests in a process that is stopped again and again, as a busy machine stops one: `python -m tests.stalls SEED [PYTEST ARGUMENTS]`.

A test that must see something while it lasts, or counts on having done something before a pause is over, fails here and once in a hundred
runs elsewhere.
"""

import os
import random
import signal
import subprocess
import sys
from typing import Final

RUNS_S: Final = (0.03, 0.3)
"""So long it runs at least and at most."""
STOPS_S: Final = (0.35, 0.7)
"""So long it is stopped then: longer than the pauses that tests make."""


def run(seed: int, arguments: list[str]) -> int:
    """Run pytest and give its exit code. Stops are drawn from the seed; what they fall on is another thing each time."""
    draw = random.Random(seed)
    tests = subprocess.Popen([sys.executable, "-m", "pytest", *arguments])
    while True:
        try:
            return tests.wait(draw.uniform(*RUNS_S))
        except subprocess.TimeoutExpired:
            os.kill(tests.pid, signal.SIGSTOP)
        try:
            tests.wait(draw.uniform(*STOPS_S))
        except subprocess.TimeoutExpired:
            os.kill(tests.pid, signal.SIGCONT)


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2:]))
