"""A time is int64 milliseconds since 1970 inside and RFC 3339 UTC outside."""

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def now_ms() -> int:
    """The clock, as records' times are shown against it."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def time_text(ms: int) -> str:
    """RFC 3339 text, to the millisecond."""
    seconds, rest = divmod(ms, 1000)
    return f"{_second(seconds)}.{rest:03}Z"


def datetime_text(at: datetime) -> str:
    """The same of a time as the database gives it."""
    return time_text(int(at.timestamp() * 1_000))
