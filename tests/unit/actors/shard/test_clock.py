"""A shard's time is started by the database's clock and goes on by what has elapsed, whatever that clock does later."""

import pytest

from actors.journal.interface import ClockReading
from actors.shard.clock import (
    NS_PER_MS,
    OFF_MAX_MS,
    ROUND_TRIP_MAX_NS,
    SLEW_PER_MILLE,
    SLOW_READINGS_MAX,
    STEP_READINGS,
    ShardClock,
)

START_MS = 1_700_000_000_000
BEGAN_NS = 987_654_321


class Bench:
    """A clock, and a database's clock that can be set. Times are milliseconds since the start."""

    def __init__(self, floor_ms: int = 0) -> None:
        self.clock = ShardClock()
        self.at = 0
        self.step_ms = 0
        self.floor_ms = floor_ms

    def read(self, trip_ms: int = 2) -> None:
        sent = self.at
        stated = START_MS + self.at + trip_ms // 2 + self.step_ms
        self.at += trip_ms
        reading = ClockReading(sent_ns=self.ns(sent), received_ns=self.ns(self.at), database_ms=stated)
        self.clock.read(reading, self.floor_ms)

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.at += 998
            self.read()

    @staticmethod
    def ns(at: int) -> int:
        return BEGAN_NS + at * NS_PER_MS

    def off(self) -> int:
        """How far the clock is ahead of true time."""
        return self.clock.now_ms(self.ns(self.at)) - START_MS - self.at


def test_it_has_no_time_before_the_first_reading() -> None:
    bench = Bench()
    assert not bench.clock.started and bench.clock.now_ms(bench.ns(5)) == 0
    bench.read()
    assert bench.clock.started and -2 <= bench.off() <= 0


@pytest.mark.parametrize("step_ms", [-3_600_000, -6_000, 6_000, 3_600_000])
def test_a_step_is_neared_by_a_hundredth_of_the_time_and_told_once_confirmed(step_ms: int) -> None:
    bench = Bench()
    bench.run(10)
    before = bench.off()
    bench.step_ms = step_ms
    bench.run(STEP_READINGS - 1)
    assert bench.clock.off_ms == 0 and bench.off() == before
    bench.run(1)
    assert abs(bench.clock.off_ms - step_ms) <= 5
    last = bench.clock.now_ms(bench.ns(bench.at))
    for _ in range(60):
        bench.run(1)
        now = bench.clock.now_ms(bench.ns(bench.at))
        assert abs(now - last - 1_000) <= SLEW_PER_MILLE + 1
        last = now
    assert 0.9 * 600 <= abs(bench.off() - before) <= 601
    assert (bench.off() > before) == (step_ms > 0)


def test_a_step_of_six_seconds_is_over_after_ten_minutes() -> None:
    bench = Bench()
    bench.run(5)
    bench.step_ms = 6_000
    bench.run(610)
    assert abs(bench.off() - 6_000) <= 3 and bench.clock.off_ms == 0


def test_a_step_that_is_taken_back_leaves_next_to_nothing() -> None:
    bench = Bench()
    bench.run(5)
    bench.step_ms = 3_600_000
    bench.run(10)
    bench.step_ms = 0
    bench.run(1)
    assert bench.clock.off_ms == 0
    bench.run(20)
    assert abs(bench.off()) <= 3


def test_a_single_wild_reading_moves_nothing() -> None:
    bench = Bench()
    bench.run(5)
    before = bench.off()
    bench.step_ms = -3_600_000
    bench.run(1)
    bench.step_ms = 0
    bench.run(5)
    assert bench.off() == before and bench.clock.off_ms == 0


def test_a_reading_that_took_long_is_thrown_away() -> None:
    bench = Bench()
    bench.run(5)
    before = bench.off()
    for _ in range(5):
        bench.read(trip_ms=30_000)
    bench.run(5)
    assert bench.off() == before and bench.clock.off_ms == 0


def test_where_every_reading_takes_long_it_starts_behind_and_never_ahead() -> None:
    bench = Bench()
    for _ in range(10):
        bench.read(trip_ms=2 * ROUND_TRIP_MAX_NS // NS_PER_MS)
    assert bench.clock.started and -2_000 <= bench.off() <= 0


def test_while_few_readings_took_long_it_waits_for_a_good_one() -> None:
    bench = Bench()
    for _ in range(SLOW_READINGS_MAX):
        bench.read(trip_ms=2 * ROUND_TRIP_MAX_NS // NS_PER_MS)
        assert not bench.clock.started
    bench.read(trip_ms=2 * ROUND_TRIP_MAX_NS // NS_PER_MS)
    assert bench.clock.started


def test_a_reading_is_of_the_middle_of_its_trip() -> None:
    bench = Bench()
    bench.read()
    for _ in range(40):
        bench.at += 200
        bench.read(trip_ms=800)
    assert abs(bench.off()) <= 3


def test_a_suspended_machine_is_no_step() -> None:
    bench = Bench()
    bench.run(5)
    bench.at += 3_600_000
    bench.run(5)
    assert abs(bench.off()) <= 3 and bench.clock.off_ms == 0


def test_it_does_not_start_before_the_newest_record() -> None:
    ahead = OFF_MAX_MS + 60_000
    bench = Bench(floor_ms=START_MS + ahead)
    bench.read()
    bench.floor_ms = 0
    assert abs(bench.off() - ahead) <= 3
    bench.run(60)
    assert ahead - 601 <= bench.off() <= ahead - 500
    assert bench.clock.off_ms < 0


def test_a_difference_beyond_what_half_a_trip_can_make_is_neared() -> None:
    bench = Bench()
    bench.run(5)
    before = bench.off()
    bench.step_ms = 10
    bench.read(trip_ms=10)
    bench.at += 2_000
    assert abs(bench.off() - before - 10) <= 1


def test_a_reading_may_take_as_long_as_its_bound() -> None:
    bench = Bench()
    bench.read(trip_ms=ROUND_TRIP_MAX_NS // NS_PER_MS)
    assert bench.clock.started
