"""The end of an entry or a snooze, as a form names it: so many days from now, or a time."""

from typing import Final

from rules.vocabulary.columns import DAY_MS
from switch.http.times import now_ms, time_text

SPANS: Final = {"1": "a day", "7": "a week", "30": "30 days", "365": "a year"}
"""By days, as forms offer them."""


def end_of(days: str, time: str) -> str | None:
    """RFC 3339: the time if one is given, else so many days from now; None: neither, so there is no end."""
    if time.strip():
        return time.strip()
    return time_text(now_ms() + int(days) * DAY_MS) if days in SPANS else None
