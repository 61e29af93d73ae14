"""A time is milliseconds inside and RFC 3339 in UTC outside; there and back it is the same."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.vocabulary.times import time_ms, time_text

LAST = 253_402_300_799_999


@given(st.integers(1, LAST))
def test_a_time_comes_back_and_says_what_the_calendar_says(ms: int) -> None:
    text = time_text(ms)
    assert time_ms(text) == ms
    shown = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    assert datetime.fromisoformat(text) == shown
    assert ("." in text) == bool(ms % 1_000)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1_700_000_000_000, "2023-11-14T22:13:20Z"),
        (LAST, "9999-12-31T23:59:59.999Z"),
        (LAST + 1, str(LAST + 1)),
        (-1, "-1"),
        (2**63 - 1, str(2**63 - 1)),
    ],
)
def test_a_time_is_written_as_short_as_it_can_be(ms: int, text: str) -> None:
    assert time_text(ms) == text


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14T22:13:20+00:00", 1_700_000_000_000),
        ("2023-11-14T22:13:20-00:00", 1_700_000_000_000),
        ("2023-11-14T22:13:20.1Z", 1_700_000_000_100),
        ("2023-11-14T22:13:20.123999999Z", 1_700_000_000_123),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("1970-01-01T00:00:00.001Z", 1),
    ],
)
def test_finer_digits_are_cut_off(text: str, ms: int) -> None:
    assert time_ms(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023-11-14",
        "2023-11-14T22:13Z",
        "2023-11-14 22:13:20Z",
        "2023-11-14T22:13:20",
        "2023-11-14T22:13:20+01:00",
        "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20.1234567890Z",
        "2023-13-14T22:13:20Z",
        "2023-02-29T22:13:20Z",
        "2023-11-14T24:00:00Z",
        "2023-11-14T22:13:60Z",
        "\uff12\uff10\uff12\uff13-11-14T22:13:20Z",
        "2023-11-14T22:13:20Z\n",
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        time_ms(text)
