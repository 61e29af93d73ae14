"""Elapsed time goes on, whoever sets the clock, in nanoseconds."""

import time

import pytest

from actors.process import elapsed
from actors.process.elapsed import elapsed_ns


def test_it_never_goes_back_and_is_in_nanoseconds() -> None:
    first = elapsed_ns()
    begun = time.monotonic_ns()
    seen = [elapsed_ns() for _ in range(1_000)]
    assert seen == sorted(seen) and seen[0] >= first
    time.sleep(0.02)
    gone, expected = elapsed_ns() - seen[0], time.monotonic_ns() - begun
    assert 20_000_000 <= gone and abs(gone - expected) < 10_000_000


def test_setting_the_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = elapsed_ns()
    for name in ("time", "time_ns", "monotonic", "monotonic_ns"):
        monkeypatch.setattr(time, name, lambda: 0)
    assert 0 <= elapsed_ns() - before < 10**9


def test_it_counts_suspension_where_the_system_can() -> None:
    assert getattr(time, "CLOCK_BOOTTIME", elapsed._CLOCK) == elapsed._CLOCK != time.CLOCK_REALTIME
