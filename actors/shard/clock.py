"""A shard's time: it never jumps.

It starts with the database's clock, goes on by elapsed time and is led back at a small rate.

A step of the database's clock is not followed: nobody can tell whether the time before it or after it was right, and to follow a step
forward would expire holds and forget keys at once. Elapsed time counts suspension, so it is as honest as any clock, and intake goes
on. A shard that is behind runs faster by SLEW, one that is ahead slower. So what is due by a shard's time is due by the database's
clock or by what has elapsed, whichever comes first, less SLEW of the time.
"""

from typing import Final

from actors.journal.interface import ClockReading

ROUND_TRIP_MAX_NS: Final = 1_000_000_000
"""A reading that took longer says little: it waited for a stopped server, or this process was stopped."""
SLEW_PER_MILLE: Final = 10
"""How much faster or slower than elapsed time a shard's time may run, in thousandths: far beyond the drift of any quartz, and far below
what a hold, a key or a window would notice."""
OFF_MAX_MS: Final = 5_000
"""A difference beyond this is a step of a clock and no drift; it is logged for operators."""
STEP_READINGS: Final = 3
"""So many readings in a row must show a step before it counts."""
SLOW_READINGS_MAX: Final = 3
"""So many readings that took too long are thrown away before a shard starts by one all the same: to wait for ever helps nobody."""
NS_PER_MS: Final = 1_000_000


class ShardClock:
    """Time of one shard; `now_ms` is 0 until the first reading. Every time is in the same elapsed nanoseconds."""

    def __init__(self) -> None:
        self.started = False
        self.off_ms = 0
        """How far the database's clock is ahead, as last read; 0 within OFF_MAX_MS."""
        self._anchor_ns = 0
        self._base_ns = 0
        self._goal_ns = 0
        self._steps = 0
        self._slow = 0

    def now_ms(self, elapsed_ns: int) -> int:
        """The time now, milliseconds since 1970."""
        return self._now_ns(elapsed_ns) // NS_PER_MS

    def _now_ns(self, elapsed_ns: int) -> int:
        if not self.started:
            return 0
        passed = max(elapsed_ns - self._anchor_ns, 0)
        slewed = passed * SLEW_PER_MILLE // 1_000
        return self._base_ns + passed + max(-slewed, min(self._goal_ns, slewed))

    def read(self, reading: ClockReading, floor_ms: int) -> None:
        """The database's clock was read. The first good reading starts this clock, not before `floor_ms`: the newest time that the
        journal has. Where none is good, one that took long must do: by what it took this clock may then be behind, never ahead."""
        received = reading.received_ns
        trip_ns = received - reading.sent_ns
        database_ns = reading.database_ms * NS_PER_MS
        self._slow = self._slow + 1 if trip_ns > ROUND_TRIP_MAX_NS else 0
        if not self.started and (not self._slow or self._slow > SLOW_READINGS_MAX):
            self.started = True
            self._anchor_ns, self._base_ns = received, max(database_ns, floor_ms * NS_PER_MS)
        if not self.started or self._slow:
            return
        now_ns = max(self._now_ns(received), floor_ms * NS_PER_MS)
        difference = database_ns + trip_ns // 2 - now_ns
        self._anchor_ns, self._base_ns = received, now_ns
        self._steer(difference, trip_ns // 2 + NS_PER_MS)

    def _steer(self, difference_ns: int, uncertain_ns: int) -> None:
        """Aim at the database's clock, at a step only when it is confirmed, at nothing finer than the reading."""
        is_step = abs(difference_ns) > OFF_MAX_MS * NS_PER_MS
        self._steps = self._steps + 1 if is_step else 0
        confirmed = self._steps >= STEP_READINGS
        self.off_ms = difference_ns // NS_PER_MS if confirmed else 0
        unsure = abs(difference_ns) <= uncertain_ns or (is_step and not confirmed)
        self._goal_ns = 0 if unsure else difference_ns
