"""A time is int64 milliseconds since 1970 inside and RFC 3339 UTC outside."""

import re
from typing import Final

import numpy as np

_UTC_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(?:Z|[+-]00:00)", re.ASCII)

_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""


def time_text(ms: int) -> str:
    """The RFC 3339 text of a time, as short as it can be; the number itself where the calendar does not reach."""
    if not 0 <= ms <= _LAST_MS:
        return str(ms)
    text = str(np.datetime64(ms, "ms"))
    return text.removesuffix(".000") + "Z"


def time_ms(text: str) -> int:
    """Milliseconds of an RFC 3339 UTC time, finer digits cut off. Raises ValueError on anything else, and up to 1970."""
    match = _UTC_TIME.fullmatch(text)
    if match is None:
        raise ValueError("an RFC 3339 time in UTC is expected, like 2026-01-31T12:00:00Z")
    ms = int(np.datetime64(match[1] + (match[2] or "")[:4], "ms").astype(np.int64))
    if ms <= 0:
        raise ValueError("a time after 1970 is expected")
    return ms
