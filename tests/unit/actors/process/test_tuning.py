"""What lives as long as the process is not looked at again by the collector, cycles are still found, freed memory is kept."""

import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from actors.process.tuning import NICENESS, SESSION_NICENESS, YOUNG_MAX, freeze_gc, give_way

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


@pytest.fixture(autouse=True)
def _collector_as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_objects_that_are_there_are_left_alone_and_it_looks_less_often() -> None:
    gc.unfreeze()
    kept = [[] for _ in range(1_000)]  # type: ignore[var-annotated]
    freeze_gc()
    assert gc.get_freeze_count() > len(kept) and gc.get_threshold()[0] == YOUNG_MAX


def test_cycles_made_later_are_still_collected() -> None:
    freeze_gc()

    class Node:
        def __init__(self) -> None:
            self.itself = self

    gone = weakref.ref(Node())
    gc.collect()
    assert gone() is None


def printed(script: str, how: str) -> int:
    """The number that a script prints, in a process of its own."""
    return int(subprocess.run([sys.executable, "-c", script, how], capture_output=True, text=True, check=True).stdout)


def test_background_work_gives_way() -> None:
    assert 0 < NICENESS <= 19


@pytest.mark.skipif(sys.platform != "linux", reason="of the GNU C library")
def test_memory_that_was_freed_is_used_again() -> None:
    given = {how: printed(SCRIPT, how) for how in ("leave", "keep")}
    assert given["keep"] < given["leave"] / 10, given


LARGE = """
import resource, sys
import numpy as np
from actors.process.tuning import keep_freed_memory, take_large_pages

keep_freed_memory()
if sys.argv[1] == "large":
    take_large_pages()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
some = [np.ones(100_000) for _ in range(30)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
CHOICE = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(not CHOICE.exists() or "[madvise]" not in CHOICE.read_text(), reason="it is asked for in vain")
def test_memory_comes_in_large_pages_when_it_is_asked_for() -> None:
    given = {how: printed(LARGE, how) for how in ("small", "large")}
    assert given["large"] < given["small"] / 3, given


def test_a_thread_gives_way_alone() -> None:
    def work() -> tuple[int, int]:
        give_way()
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), os.getpriority(os.PRIO_PROCESS, 0)

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(work).result() == (NICENESS, NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < NICENESS


GIVEN_BACK = """
import gc
from pathlib import Path
from actors.process.tuning import give_back_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

gc.disable()
pieces = [bytearray(1_000) for _ in range(50_000)]
loop = [pieces]
loop.append(loop)
last = bytearray(1_000)
del pieces, loop
before = resident()
give_back_freed_memory()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of the GNU C library")
def test_memory_that_was_freed_is_given_back_of_cycles_too() -> None:
    done = subprocess.run([sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 25_000_000


RANKS = """
import os, sys
from pathlib import Path
from actors.process.tuning import session_gives_way

if sys.argv[1] == "member" and os.fork():
    os.wait()
    sys.exit()
session_gives_way()
print(Path("/proc/self/autogroup").read_text().split()[-1])
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system shares nothing by sessions")
@pytest.mark.parametrize(("who", "niceness"), [("leader", SESSION_NICENESS), ("member", 0)])
def test_a_session_gives_way_when_its_leader_says_so_and_not_when_another_process_of_it_does(
    who: str, niceness: int
) -> None:
    command = [sys.executable, "-c", RANKS, who]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, start_new_session=True).stdout
    assert int(printed) == niceness
