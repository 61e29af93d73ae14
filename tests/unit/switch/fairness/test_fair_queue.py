"""Callers are served in turn, nobody takes more than half of a queue, and nothing that was put in is lost, doubled or overtaken."""

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from switch.fairness.fair_queue import FairQueue, UnderWay


class Job(msgspec.Struct, frozen=True):
    caller: int
    count: int
    detail_bytes: int = 0
    number: int = 0


def test_who_has_one_row_waits_for_one_quantum_of_each_other_caller() -> None:
    queue: FairQueue[Job] = FairQueue(1_000, 0)
    for number in range(50):
        queue.put(Job(1, 10, number=number))
    queue.put(Job(2, 1))
    taken = queue.take(100, 20)
    assert [(job.caller, job.count) for job in taken[:3]] == [(1, 10), (1, 10), (2, 1)]
    assert sum(job.count for job in taken) <= 100


def test_a_job_beyond_the_quantum_goes_alone() -> None:
    queue: FairQueue[Job] = FairQueue(1_000, 0)
    queue.put(Job(1, 500))
    queue.put(Job(2, 1))
    assert queue.take(100, 20) == [Job(1, 500)]
    assert queue.take(100, 20) == [Job(2, 1)]
    assert not queue and queue.rows == 0


def test_a_job_beyond_the_quantum_is_next_however_many_others_send_small_ones() -> None:
    queue: FairQueue[Job] = FairQueue(10_000, 0)
    for caller in (1, 3):
        for number in range(200):
            queue.put(Job(caller, 1, number=number))
    queue.put(Job(2, 64))
    taken = [queue.take(32, 16) for _ in range(2)]
    assert [{job.caller for job in each} for each in taken] == [{1, 3}, {2}]


def test_what_a_caller_has_under_way_is_bounded_beside_others() -> None:
    queue: FairQueue[Job] = FairQueue(10_000, 0)
    under_way = UnderWay(16)
    for number in range(200):
        queue.put(Job(1, 1, number=number))
    queue.put(Job(2, 1))

    def taken() -> Counter[int]:
        return Counter(job.caller for job in queue.take(64, 8, under_way))

    assert taken() == {1: 16, 2: 1}
    assert taken() == {}, "it has its share"
    under_way.ended(1, 5)
    assert taken() == {1: 5}
    for number in range(200):
        queue.put(Job(3, 1, number=number))
    assert taken() == {3: 34}, "twice what all others have"
    assert taken() == {1: 32, 3: 32}, "two that send much do not hold each other up"
    for caller, rows in ((1, 48), (2, 1), (3, 66)):
        assert not under_way.idle(caller)
        under_way.ended(caller, rows)
        assert under_way.idle(caller)


def test_a_job_larger_than_what_a_caller_may_have_under_way_goes_alone() -> None:
    queue: FairQueue[Job] = FairQueue(1_000, 0)
    under_way = UnderWay(4)
    for number in range(2):
        queue.put(Job(1, 50, number=number))
    queue.put(Job(2, 1))
    assert queue.take(32, 16, under_way) == [Job(1, 50)]
    assert queue.take(32, 16, under_way) == [Job(2, 1)]
    assert queue.take(32, 16, under_way) == []
    under_way.ended(1, 50)
    assert queue.take(32, 16, under_way) == [Job(1, 50, number=1)]


def test_a_caller_has_half_of_the_queue_but_the_first_of_its_line_always_fits() -> None:
    queue: FairQueue[Job] = FairQueue(100, 100)
    assert queue.fits(1, 1_000, 1_000), "a batch is never too large for good"
    queue.put(Job(1, 50, 50))
    assert not queue.fits(1, 1, 0) and not queue.fits(1, 0, 1)
    assert queue.fits(2, 50, 50) and not queue.fits(2, 51, 0) and not queue.fits(2, 0, 51)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 60), st.integers(0, 9)), max_size=40), st.integers(1, 80))
def test_all_that_is_put_in_comes_out_once_in_its_callers_order(
    given_jobs: list[tuple[int, int, int]], room: int
) -> None:
    queue: FairQueue[Job] = FairQueue(10_000, 10_000)
    jobs = [Job(*each, number=number) for number, each in enumerate(given_jobs)]
    for job in jobs:
        queue.put(job)
    out: list[Job] = []
    while queue:
        taken = queue.take(room, max(1, room // 3))
        assert taken
        out += taken
    assert sorted(out, key=lambda job: job.number) == jobs
    for caller in range(1, 5):
        assert [job for job in out if job.caller == caller] == [job for job in jobs if job.caller == caller]
    assert queue.rows == 0 and queue.detail_bytes == 0
