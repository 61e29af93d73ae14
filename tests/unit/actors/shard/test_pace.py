"""What a batch may have in bytes follows the link to the database."""

import pytest

from actors.shard.pace import BYTES_FIRST, BYTES_MAX, BYTES_MIN, STEP, TARGET_MS, Pace


def _append(pace: Pace, size: int, took_ms: int) -> None:
    pace.began(size, 1_000)
    pace.ended(1_000 + took_ms)


@pytest.mark.parametrize("bytes_per_ms", [5_000, 12_000, 100_000])
def test_after_a_few_appends_one_takes_as_long_as_nobody_notices(bytes_per_ms: int) -> None:
    pace = Pace()
    for _ in range(6):
        _append(pace, pace.bytes_max, 3 + pace.bytes_max // bytes_per_ms)
    assert TARGET_MS * 0.7 <= 3 + pace.bytes_max / bytes_per_ms <= TARGET_MS * 1.1


def test_it_stays_within_its_bounds() -> None:
    pace = Pace()
    for _ in range(20):
        _append(pace, pace.bytes_max, 60_000)
    assert pace.bytes_max == BYTES_MIN
    for _ in range(20):
        _append(pace, pace.bytes_max, 0)
    assert pace.bytes_max == BYTES_MAX


def test_small_appends_and_those_that_are_tried_again_say_nothing() -> None:
    pace = Pace()
    _append(pace, BYTES_FIRST // STEP - 1, 500)
    _append(pace, 0, 500)
    pace.began(BYTES_FIRST, 0)
    pace.began(0, 10)
    pace.ended(60_000)
    assert pace.bytes_max == BYTES_FIRST


def test_one_hiccup_moves_it_by_one_step() -> None:
    pace = Pace()
    _append(pace, BYTES_FIRST, 10_000)
    assert pace.bytes_max == BYTES_FIRST // STEP
    _append(pace, pace.bytes_max, 1)
    assert pace.bytes_max == BYTES_FIRST


def test_a_batch_is_made_while_another_is_stored_only_when_the_link_is_fast() -> None:
    pace = Pace()
    assert pace.backlog_max == pace.bytes_max // 2
    for _ in range(20):
        _append(pace, pace.bytes_max, 1)
    assert pace.backlog_max == pace.bytes_max
