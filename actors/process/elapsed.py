"""What has elapsed, by a clock that cannot be set and goes on while the machine is suspended."""

import time
from typing import Final

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux's monotonic clock stands still during suspension; that of others, read this way, does not."""


def elapsed_ns() -> int:
    """Nanoseconds since some time in the past."""
    return time.clock_gettime_ns(_CLOCK)
