"""The most memory that a process has had is what the system says, and never falls."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from actors.process.memory import peak_bytes

GROWTH = """
from actors.process.memory import peak_bytes
before = peak_bytes()
taken = bytearray(b"x") * (64 << 20)
during = peak_bytes()
del taken
print(before, during, peak_bytes())
"""


def test_a_process_has_had_what_it_took_and_what_it_gave_back() -> None:
    """In a process of its own: this one may have had more before."""
    printed = subprocess.run([sys.executable, "-c", GROWTH], check=True, capture_output=True, text=True).stdout
    before, during, after = map(int, printed.split())
    assert before > 1 << 20 and 60 << 20 < during - before < 80 << 20
    assert after > during - (1 << 20), "the system counts pages a processor at a time"


def test_it_is_what_the_system_says_of_this_process_by_its_number_too() -> None:
    counted = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert abs(peak_bytes(os.getpid()) - counted) < 8 << 20
    assert peak_bytes("self") == peak_bytes(os.getpid())


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert not Path("/proc/999999999").exists() and peak_bytes(999_999_999) == 0
