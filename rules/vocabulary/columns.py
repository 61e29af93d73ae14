"""What a decision may look at: one int64 column per feature, in a fixed order.

A batch of n payments is an array of shape (n, COLUMN_COUNT), int64, row-major. Amounts are in minor units, times in milliseconds.
`NULL` marks what is not known. Only what is known before the payment happens may be a column.

A window column covers (t - w, t] of the payer's effective time: all its earlier attempts, whatever became of them, those
earlier in the same batch included, the payment itself not. `saturated` has bit i set when window i of `WINDOWS_MS`
reaches beyond the attempts that are remembered, so its columns are lower bounds.
"""

from typing import Final

NULL: Final = -(2**63)

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

WINDOWS_MS: Final = (HOUR_MS, DAY_MS, 7 * DAY_MS)
WINDOW_NAMES: Final = ("1h", "24h", "7d")

REQUEST_COLUMNS: Final = ("amount", "label", "channel", "country", "device", "hour")
PAYER_COLUMNS: Final = ("payer_age_days", "payer_tier", "payer_available", "payer_score", "payer_day_total")
PAYEE_COLUMNS: Final = ("payee_kind", "payee_age_days", "payee_tier", "payee_seen")
WINDOW_COLUMNS: Final = tuple(f"{what}_{w}" for w in WINDOW_NAMES for what in ("count", "sum", "max", "payees"))
FURTHER_COLUMNS: Final = ("currency", "hold", "weekday", "effective_time", "payer", "payee", "payer_kind")
FURTHER_PAYER_COLUMNS: Final = ("payer_credits", "payer_debits", "payer_credited", "payer_credited_ago_s")
USER_PAYER_COLUMNS: Final = (*PAYER_COLUMNS, *WINDOW_COLUMNS, *FURTHER_PAYER_COLUMNS, "payee_seen", "saturated")
"""What is known of users and merchants that pay: NULL where an operator wallet does."""

COLUMNS: Final = (
    *REQUEST_COLUMNS,
    *PAYER_COLUMNS,
    *PAYEE_COLUMNS,
    *WINDOW_COLUMNS,
    "saturated",
    *FURTHER_COLUMNS,
    *FURTHER_PAYER_COLUMNS,
)
"""In this order; further ones go to the end. `catalogue` says what each means."""
COLUMN_COUNT: Final = len(COLUMNS)
INDEX: Final = {name: position for position, name in enumerate(COLUMNS)}
FIRST_WINDOW_COLUMN: Final = INDEX["count_1h"]
WINDOW_COLUMN_COUNT: Final = len(WINDOW_COLUMNS)
