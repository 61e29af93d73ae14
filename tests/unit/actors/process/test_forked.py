"""Children that are copies of a process that waits: each has streams of its own, and who waits ends with its parent or unwanted."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actors.process.forked import Forks

WITHIN_S = 30.0
CHILD = """
import os, sys

BEGUN = []

def prepare():
    BEGUN.append(os.getpid())

def main():
    for line in sys.stdin:
        if line == "die\\n":
            raise SystemExit(3)
        print(f"{BEGUN} {os.getpid()} {line}", end="", flush=True)
"""


@pytest.fixture
def forks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forks:
    (tmp_path / "echoing_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return Forks("echoing_child")


async def _lines_of(forks: Forks, line: bytes) -> list[bytes]:
    child = await forks.start(1_000)
    assert child is not None
    child.writer.write(line)
    child.writer.write_eof()
    async with asyncio.timeout(WITHIN_S):
        answer = await child.reader.read()
    child.end()
    return answer.split()


async def test_each_child_is_a_copy_of_the_one_process_that_prepared_and_has_streams_of_its_own(forks: Forks) -> None:
    answers = await asyncio.gather(*(_lines_of(forks, b"%d\n" % number) for number in range(5)))
    assert [each[2] for each in answers] == [b"0", b"1", b"2", b"3", b"4"]
    assert len({each[0] for each in answers}) == 1 and len({each[1] for each in answers}) == 5
    assert await _lines_of(forks, b"die\n") == []
    assert (await _lines_of(forks, b"on\n"))[0] == answers[0][0], "the death of a copy harms nobody"
    forks.close()


async def test_who_waits_is_started_again_when_it_ended(forks: Forks) -> None:
    first = await _lines_of(forks, b"\n")
    os.kill(int(first[0].strip(b"[]")), signal.SIGKILL)
    again = await _lines_of(forks, b"\n")
    assert again[0] != first[0]
    forks.close()


async def test_who_waits_in_vain_ends_and_is_started_again_when_a_child_is_wanted(forks: Forks) -> None:
    short = Forks("echoing_child", idle_s=0.01)
    first = await _lines_of(short, b"\n")
    assert short.waits is not None
    waiting = os.pidfd_open(short.waits)
    assert select.select([waiting], [], [], WITHIN_S)[0]
    os.close(waiting)
    assert (await _lines_of(short, b"\n"))[0] != first[0]
    short.close()


async def test_who_is_expected_finds_a_process_that_waits_already(forks: Forks) -> None:
    forks.get_ready()
    waiting = forks.waits
    assert waiting is not None
    forks.get_ready()
    assert forks.waits == waiting, "one is enough"
    assert (await _lines_of(forks, b"\n"))[0] == b"[%d]" % waiting
    os.kill(waiting, signal.SIGKILL)
    ended = os.pidfd_open(waiting)
    assert select.select([ended], [], [], WITHIN_S)[0]
    os.close(ended)
    forks.get_ready()
    assert forks.waits not in (None, waiting)
    forks.close()


async def test_a_child_that_is_ended_is_killed(forks: Forks) -> None:
    child = await forks.start(1_000)
    assert child is not None
    watched = os.dup(child.handle)
    child.end()
    assert select.select([watched], [], [], WITHIN_S)[0]
    os.close(watched)
    forks.close()


def test_who_waits_ends_with_its_parent(forks: Forks) -> None:
    code = (
        "import asyncio, os; from actors.process.forked import Forks; forks = Forks('echoing_child');"
        "asyncio.run(forks.start(1_000)); print(forks.waits, flush=True); input(); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[4]) as one:
        assert one.stdout is not None and one.stdin is not None
        waiting = os.pidfd_open(int(one.stdout.readline()))
        one.stdin.write(b"\n")
        one.stdin.flush()
        assert select.select([waiting], [], [], WITHIN_S)[0]
        os.close(waiting)


async def test_who_cannot_begin_is_told_as_none() -> None:
    assert await Forks("echoing_child", executable="/bin/true").start(1_000) is None
