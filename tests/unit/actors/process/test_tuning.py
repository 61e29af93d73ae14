"""A process that keeps freed memory has it given to it once."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from actors.process.tuning import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()

def work():
    some = [np.ones(100_000) for _ in range(30)]

work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of the GNU C library")
def test_memory_that_was_freed_is_used_again() -> None:
    given = {}
    for how in ("leave", "keep"):
        done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
        given[how] = int(done.stdout)
    assert given["keep"] < given["leave"] / 10, given
