"""The end of an entry, a snooze or a key, as a form names it: so many days from now, or a time."""

from collections.abc import Mapping
from typing import Final

from rules.vocabulary.columns import DAY_MS
from switch.http.times import now_ms, time_text

SPANS: Final = {"1": "a day", "7": "a week", "30": "30 days", "365": "a year"}
"""By days, as forms offer them."""
FRESH_MS: Final = 600_000
"""So long after it was made, spans of a form count from that time: sent twice, it asks for the same."""


def after(form: Mapping[str, str], days: int) -> str:
    """RFC 3339, so many days from when the form was made; from now, where it lay open for long."""
    now, made = now_ms(), form.get("made_at", "")
    is_fresh = made.isascii() and made.isdecimal() and len(made) < 16 and now - FRESH_MS < int(made) <= now
    return time_text((int(made) if is_fresh else now) + days * DAY_MS)


def end_of(form: Mapping[str, str], field: str) -> str | None:
    """RFC 3339: the time in `field` if one is given, else so many `days` from now; None: neither, so there is no end."""
    if time := form.get(field, "").strip():
        return time
    days = form.get("days", "")
    return after(form, int(days)) if days in SPANS else None
