"""The most memory that a process has had is what the system says, and never falls."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from actors.process.memory import peak_bytes

GROWTH = """
from actors.process.memory import peak_bytes
before = peak_bytes()
taken = bytearray(b"x") * (64 << 20)
during = peak_bytes()
del taken
print(before, during, peak_bytes(), flush=True)
input()
"""


@pytest.fixture
def grown() -> Iterator[tuple[int, list[int]]]:
    """A process that took 64 MiB and gave them back, and what it says it had before, meanwhile and after. One of its own: this one may have
    had more before, and what `getrusage` says of a process includes what its parent had."""
    with subprocess.Popen([sys.executable, "-c", GROWTH], stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        counted = list(map(int, process.stdout.readline().split()))
        yield process.pid, counted
        process.communicate("\n")


def test_a_process_has_had_what_it_took_and_what_it_gave_back(grown: tuple[int, list[int]]) -> None:
    _, (before, during, after) = grown
    assert before > 1 << 20 and 60 << 20 < during - before < 80 << 20
    assert after > during - (1 << 20), "the system counts pages a processor at a time"


def test_another_process_finds_the_same_by_its_number(grown: tuple[int, list[int]]) -> None:
    number, (before, during, after) = grown
    assert during - (1 << 20) < peak_bytes(number) < after + (8 << 20)
    assert peak_bytes(number) - before > 60 << 20


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    assert not Path("/proc/999999999").exists() and peak_bytes(999_999_999) == 0
