"""A time is int64 milliseconds since 1970 inside and RFC 3339 UTC outside."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_UTC_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(?:Z|[+-]00:00)", re.ASCII)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""


def time_text(ms: int) -> str:
    """The RFC 3339 text of a time, as short as it can be; the number itself where the calendar does not reach."""
    if not 0 <= ms <= _LAST_MS:
        return str(ms)
    text = (_EPOCH + ms * _MS).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return text.removesuffix(".000") + "Z"


def time_ms(text: str) -> int:
    """Milliseconds of an RFC 3339 UTC time, finer digits cut off. Raises ValueError on anything else, and up to 1970."""
    match = _UTC_TIME.fullmatch(text)
    if match is None:
        raise ValueError("an RFC 3339 time in UTC is expected, like 2026-01-31T12:00:00Z")
    seconds, fraction = match.groups(default="")
    ms = (datetime.fromisoformat(f"{seconds}Z") - _EPOCH) // _MS + int(fraction[1:4].ljust(3, "0"))
    if ms <= 0:
        raise ValueError("a time after 1970 is expected")
    return ms
