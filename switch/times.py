"""A time is int64 milliseconds since 1970 inside and RFC 3339 UTC outside."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UTC_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]00:00)", re.ASCII)


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def time_text(ms: int) -> str:
    """RFC 3339 text, to the millisecond."""
    seconds, rest = divmod(ms, 1000)
    return f"{_second(seconds)}.{rest:03}Z"


def time_ms(text: str) -> int:
    """Milliseconds of an RFC 3339 UTC time, finer digits cut off. Raises ValueError on anything else, and up to 1970."""
    if _UTC_TIME.fullmatch(text) is None:
        raise ValueError("an RFC 3339 time in UTC is expected, like 2026-01-31T12:00:00Z")
    since = datetime.fromisoformat(text) - _EPOCH
    ms = since // timedelta(milliseconds=1)
    if ms <= 0:
        raise ValueError("a time after 1970 is expected")
    return ms
