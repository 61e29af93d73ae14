"""A caller makes so many requests a second and no more; another one notices nothing of it."""

import pytest

from switch.fairness import rates
from switch.fairness.rates import BURST_S, Rate
from switch.problems.table import ProblemError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def taken(rate: Rate, caller: int, tries: int) -> int:
    """How many of so many requests at once are taken."""
    count = 0
    for _ in range(tries):
        try:
            rate.take(caller)
        except ProblemError as problem:
            assert problem.code == "too_many_requests"
        else:
            count += 1
    return count


def test_a_quiet_caller_may_make_a_burst_and_then_its_rate() -> None:
    clock = Clock()
    rate = Rate(10, clock)
    assert taken(rate, 1, 100) == 10 * BURST_S
    assert taken(rate, 2, 5) == 5, "another caller"
    for _ in range(5):
        clock.now += 0.5
        assert taken(rate, 1, 100) == 5
    clock.now += 3_600
    assert taken(rate, 1, 100) == 10 * BURST_S


def test_zero_is_any_number() -> None:
    assert taken(Rate(0, Clock()), 1, 10_000) == 10_000


def test_the_caller_that_was_quiet_for_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "CALLERS_MAX", 2)
    rate = Rate(1, Clock())
    for caller in (1, 2, 1, 3):
        rate.take(caller)
    assert set(rate._buckets) == {1, 3}
