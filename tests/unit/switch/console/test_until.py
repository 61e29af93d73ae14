"""Ends of entries, snoozes and keys: a time that is given goes before so many days, and neither is no end."""

import pytest

from rules.vocabulary.times import time_ms
from switch.console.until import FRESH_MS, SPANS, after, end_of
from switch.http.times import now_ms, time_text

DAY_MS = 86_400_000


@pytest.mark.parametrize("days", SPANS)
def test_so_many_days_from_now(days: str) -> None:
    end = end_of({"days": days}, "until")
    assert end is not None and abs(time_ms(end) - now_ms() - int(days) * DAY_MS) < 10_000


@pytest.mark.parametrize(
    ("days", "time", "end"), [("7", " 2030-01-01T00:00:00Z ", "2030-01-01T00:00:00Z"), ("", "", None), ("9", "", None)]
)
def test_a_time_goes_first_and_neither_is_no_end(days: str, time: str, end: str | None) -> None:
    assert end_of({"days": days, "until": time}, "until") == end


def test_a_form_that_is_sent_twice_asks_for_the_same() -> None:
    made = now_ms() - FRESH_MS // 2
    assert after({"made_at": str(made)}, 30) == time_text(made + 30 * DAY_MS)


@pytest.mark.parametrize("made", ["", "yesterday", "-1", "9" * 20])
def test_one_that_says_no_time_counts_from_now(made: str) -> None:
    assert abs(time_ms(after({"made_at": made}, 1)) - now_ms() - DAY_MS) < 10_000


@pytest.mark.parametrize("moved", [-DAY_MS, DAY_MS])
def test_one_that_lay_open_for_long_or_is_of_the_future_counts_from_now(moved: int) -> None:
    assert abs(time_ms(after({"made_at": str(now_ms() + moved)}, 1)) - now_ms() - DAY_MS) < 10_000
