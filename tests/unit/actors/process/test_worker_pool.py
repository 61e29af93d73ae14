"""Processes of a pool answer, fail and die, each as an event; they end with their pool."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from actors.process.worker_pool import Event, ProcessPool, Work

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
