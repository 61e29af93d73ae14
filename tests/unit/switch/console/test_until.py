"""Ends of entries and snoozes: a time that is given goes before so many days, and neither is no end."""

import pytest

from switch.console.until import SPANS, end_of
from switch.http.times import now_ms, time_ms

DAY_MS = 86_400_000


@pytest.mark.parametrize("days", SPANS)
def test_so_many_days_from_now(days: str) -> None:
    end = end_of(days, "")
    assert end is not None and abs(time_ms(end) - now_ms() - int(days) * DAY_MS) < 10_000


@pytest.mark.parametrize(
    ("days", "time", "end"), [("7", " 2030-01-01T00:00:00Z ", "2030-01-01T00:00:00Z"), ("", "", None), ("9", "", None)]
)
def test_a_time_goes_first_and_neither_is_no_end(days: str, time: str, end: str | None) -> None:
    assert end_of(days, time) == end
