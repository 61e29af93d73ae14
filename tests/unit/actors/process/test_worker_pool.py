"""Processes of a pool answer, fail and die, each as an event; they end with their pool."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from actors.process import worker_pool
from actors.process.worker_pool import Event, ProcessPool, RayPool, Work, _Actor

WAIT_S = 30.0


def working(job: int) -> Work:
    """Adds, fails and dies."""

    def work(task: Any) -> Any:
        if task == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if task == "fail":
            raise ValueError("this task cannot be done")
        return job + task

    return work


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    pool = ProcessPool(working, 40)
    yield pool
    pool.stop()


def one(pool: ProcessPool) -> Event:
    (event,) = pool.events(WAIT_S)
    return event


def test_a_worker_answers_fails_and_goes_on_and_its_death_is_told(pool: ProcessPool) -> None:
    worker = pool.start()
    assert one(pool) == Event(worker, "ready")
    pool.give(worker, 2)
    assert one(pool) == Event(worker, "done", 42)
    pool.give(worker, "fail")
    failed = one(pool)
    assert failed.kind == "failed" and str(failed.value) == "this task cannot be done"
    (pid,) = pool.pids()
    psutil.Process(pid).terminate()
    pool.give(worker, 3)
    assert one(pool) == Event(worker, "done", 43), "a stop is for the driver to decide"
    pool.give(worker, "die")
    died = one(pool)
    assert died.kind == "died" and "SIGKILL" in died.value and pool.pids() == []


def test_workers_end_with_their_pool_in_the_middle_of_a_task(pool: ProcessPool) -> None:
    pool.start()
    assert one(pool).kind == "ready"
    processes = [psutil.Process(pid) for pid in pool.pids()]
    pool.stop()
    assert not any(process.is_running() for process in processes)


def test_a_copy_does_a_task_that_it_was_given_before_it_was_ready() -> None:
    pool = ProcessPool(working, 40, copies=True)
    assert pool.prompt
    try:
        worker = pool.start()
        pool.give(worker, 2)
        assert one(pool) == Event(worker, "ready")
        assert one(pool) == Event(worker, "done", 42)
    finally:
        pool.stop()


@pytest.mark.parametrize("copies", [False, True])
def test_workers_that_were_told_to_end_are_waited_for_later(copies: bool) -> None:
    pool = ProcessPool(working, 40, copies=copies)
    try:
        pool.start()
        assert one(pool).kind == "ready"
        (process,) = [psutil.Process(pid) for pid in pool.pids()]
        pool.end()
        assert not psutil.wait_procs([process], WAIT_S)[1], "it ends without being waited for"
    finally:
        pool.stop()
    assert not process.is_running() and pool.pids() == []


@pytest.mark.parametrize("copies", [False, True])
def test_a_worker_that_does_not_end_is_killed(copies: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "END_S", 0.3)
    pool = ProcessPool(working, 40, copies=copies)
    pool.start()
    assert one(pool).kind == "ready"
    (process,) = [psutil.Process(pid) for pid in pool.pids()]
    process.suspend()
    sure = threading.Timer(WAIT_S, process.kill)
    sure.start()
    pool.stop()
    assert not process.is_running() and sure.is_alive(), "the pool killed it, and did not wait for the test"
    sure.cancel()


COPIES = """
import os, sys, time
from pathlib import Path
from actors.process.worker_pool import ProcessPool

def make(job):
    return lambda task: job in [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]

held = open(sys.argv[1], "w")
pool = ProcessPool(make, held.name, copies=True)
workers = [pool.start() for _ in range(3)]
ready = []
while len(ready) < 3:
    ready += pool.events(30)
pool.give(workers[2], None)
(done,) = pool.events(30)
print(*pool.pids(), done.value, flush=True)
time.sleep(60)
"""


def test_copies_hold_no_file_of_the_process_that_they_are_of_and_end_with_it(tmp_path: Path) -> None:
    """The driver is killed: nobody tells its workers, and none of them keeps a pipe of another open."""
    command = [sys.executable, "-c", COPIES, str(tmp_path / "held")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        *pids, holds = driver.stdout.readline().split()
        processes = [psutil.Process(int(pid)) for pid in pids]
        driver.kill()
    assert len(processes) == 3 and holds == "False"
    gone, alive = psutil.wait_procs(processes, WAIT_S)
    assert len(gone) == 3, alive


def test_workers_that_are_no_copies_of_this_process_begin_with_what_was_got_ready(pool: ProcessPool) -> None:
    """Each is a copy of one that has imported it, and not of this process, whose threads may hold a lock."""
    workers = [pool.start() for _ in range(2)]
    ready: list[Event] = []
    while len(ready) < len(workers):
        ready += pool.events(WAIT_S)
    assert {event.kind for event in ready} == {"ready"}
    (parent,) = {psutil.Process(pid).ppid() for pid in pool.pids()}
    assert parent != os.getpid() and psutil.Process(parent).ppid() == os.getpid()


@pytest.mark.parametrize(
    "name", ["OutOfMemoryError", "NodeDiedError", "ObjectLostError", "ActorUnschedulableError", "RayActorError"]
)
def test_an_actor_that_ray_gives_no_answer_of_has_died_however_ray_says_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Killed for its node's memory, as the node died, or as its answer is gone: its task is another's, and the job goes on."""
    import ray
    from ray import exceptions

    killed = list[Any]()
    monkeypatch.setattr(ray, "put", lambda job: job)
    pool = RayPool(lambda _: str, None)
    error = (
        exceptions.ObjectLostError("00", None, "") if name == "ObjectLostError" else getattr(exceptions, name)("gone")
    )

    def get(_: Any) -> None:
        raise error

    monkeypatch.setattr(ray, "get", get)
    monkeypatch.setattr(ray, "wait", lambda waiting, **_: (waiting, []))
    monkeypatch.setattr(ray, "kill", killed.append)
    pool._workers[7], pool._waiting["answer"] = "actor", (7, "done")
    (event,) = pool.events(0.0)
    assert event[:2] == (7, "died") and killed == ["actor"] and pool.events(0.0) == []


def test_an_actor_that_cannot_be_made_says_why_in_place_of_being_ready() -> None:
    def make(_: Any) -> Work:
        raise ValueError("another program")

    with pytest.raises(ValueError, match="another program"):
        _Actor(make, None).ready()
