"""Times outside are RFC 3339 UTC."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.vocabulary.times import time_ms
from switch.http.times import datetime_text, time_text


@given(st.integers(1, 253_402_300_799_999))
def test_a_time_survives_the_way_out_and_in(ms: int) -> None:
    assert time_ms(time_text(ms)) == ms


def test_finer_digits_are_cut_off() -> None:
    assert time_ms("2024-01-31T10:00:00.123999999Z") == time_ms("2024-01-31T10:00:00.123Z")
    assert time_ms("2024-01-31T10:00:00+00:00") == time_ms("2024-01-31T10:00:00Z")


@pytest.mark.parametrize(
    "text", ["", "now", "2024-01-31T10:00:00", "2024-02-30T10:00:00Z", "1970-01-01T00:00:00Z", "1969-12-31T00:00:00Z"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        time_ms(text)


def test_a_time_of_the_database_is_cut_to_the_millisecond() -> None:
    assert datetime_text(datetime(2026, 11, 29, 12, 0, 0, 1_500, tzinfo=UTC)) == "2026-11-29T12:00:00.001Z"
