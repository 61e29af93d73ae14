"""A preview is of all payments, or of those since so many days ago."""

import pytest

from switch.console.previews import OF_PAYMENTS, since, span_of
from switch.http.times import now_ms, time_ms

DAY_MS = 86_400_000


@pytest.mark.parametrize("days", [each for each in OF_PAYMENTS if each])
def test_so_many_days(days: str) -> None:
    assert abs(now_ms() - time_ms(since(days)["from"]) - int(days) * DAY_MS) < 10_000
    assert span_of(days).startswith(OF_PAYMENTS[days])


@pytest.mark.parametrize("days", ["", "2", "x"])
def test_anything_else_is_all_payments(days: str) -> None:
    assert since(days) == {} and span_of(days) == "all payments that this switch has scored"
