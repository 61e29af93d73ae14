"""The most memory that a process has had is what the system says, and never falls."""

import os
import resource
from pathlib import Path

import numpy as np

from actors.process.memory import peak_bytes


def test_a_process_has_had_what_it_took_and_what_it_gave_back() -> None:
    before = peak_bytes()
    assert before > 10 << 20
    taken = np.ones(before // 8 + (64 << 20) // 8)
    after = peak_bytes()
    assert after >= before + (32 << 20)
    del taken
    assert peak_bytes() >= after


def test_it_is_what_the_system_says_of_this_process_by_its_number_too() -> None:
    counted = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert abs(peak_bytes(os.getpid()) - counted) < 8 << 20
    assert peak_bytes("self") == peak_bytes(os.getpid())


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert not Path("/proc/999999999").exists() and peak_bytes(999_999_999) == 0
