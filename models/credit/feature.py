"""What an entry of the catalogue says."""

from typing import Final, Literal

import msgspec

DAY_MS: Final = 86_400_000
MONTH_DAYS: Final = 30
"""A month of a window: the 30 days that end at the time of the features, the 30 days before ... so that every month is as long."""
MONTH_MS: Final = MONTH_DAYS * DAY_MS
MONTHS: Final = 12
"""Months of which amounts are kept apart; no window is longer but that of all records."""
HALF_YEAR: Final = 6
"""Months of the window in which most shares are taken: long enough for people who pay once a week."""
QUARTER: Final = 3
CALENDAR_DAYS: Final = 90
"""Days (UTC) of the windows that count days and nights, the one of the features' time included."""
NEGATIVE_DAYS: Final = 1_826
"""So long it counts that an order was overdue, unless the switch's configuration says otherwise: five years."""
WHOLE: Final = 10_000
"""Shares are in basis points."""
RATIO_MAX: Final = 1_000_000
"""A hundred to one. What is beyond says no more, and a card's edges stay readable."""

Dimension = Literal["history", "behaviour", "ability", "identity", "relations"]
Unit = Literal["count", "days", "months", "basis points", "minor units", "level"]
Window = Literal["all", "360 days", "180 days", "90 days", "90 calendar days", "now"]

DIMENSIONS: Final[tuple[Dimension, ...]] = ("history", "behaviour", "ability", "identity", "relations")


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """`unknown`: its value for a wallet of which the query says nothing, None = missing; `sql`: a DuckDB query that gives (wallet, value)
    over the tables of `views`."""

    name: str
    dimension: Dimension
    unit: Unit
    window: Window
    unknown: int | None
    meaning: str
    sql: str
