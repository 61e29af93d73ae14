"""What a decision may look at: one int64 column per feature, in a fixed order.

A batch of n payments is an array of shape (n, COLUMN_COUNT), int64, row-major. Amounts are in minor units, times in milliseconds.
`NULL` marks what is not known. Only what is known before the payment happens may be a column.

A window column covers (t - w, t] of the payer's effective time: all its earlier attempts, whatever became of them, those
earlier in the same batch included, the payment itself not. `saturated` has bit i set when window i of `WINDOWS_MS`
reaches beyond the attempts that are remembered, so its columns are lower bounds.
"""

from typing import Final, NamedTuple

NULL: Final = -(2**63)

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

WINDOWS_MS: Final = (HOUR_MS, DAY_MS, 7 * DAY_MS)
WINDOW_NAMES: Final = ("1h", "24h", "7d")


class Column(NamedTuple):
    """One column. `unit` says what its numbers count or which list they come from; amounts are in minor units of the payment's currency."""

    name: str
    unit: str
    meaning: str


REQUEST_COLUMNS: Final = (
    Column("amount", "minor units", "what is to be paid or held"),
    Column("label", "kind of payment", "what the caller says the payment is"),
    Column("channel", "channel", "where the payment was made"),
    Column(
        "country",
        "two letters",
        "country of the request, ISO 3166-1: 32 times the first letter's place in the alphabet plus the second's; NULL: not given",
    ),
    Column("device", "hash", "device of the request; NULL: not given"),
    Column("hour", "0..23", "hour of the effective time, UTC"),
)
PAYER_COLUMNS: Final = (
    Column("payer_age_days", "days", "since the payer's wallet was opened; NULL for an operator wallet"),
    Column("payer_tier", "tier", "the payer's tier; NULL for an operator wallet"),
    Column(
        "payer_available",
        "minor units",
        "balance less what is held less the floor, at the start of the batch; NULL for an operator wallet",
    ),
    Column("payer_score", "points", "the payer's credit score; NULL: none"),
    Column("payer_day_total", "minor units", "what the payer has paid and held today (UTC), at the start of the batch"),
)
PAYEE_COLUMNS: Final = (
    Column("payee_kind", "kind of wallet", "as known on the payer's shard"),
    Column("payee_age_days", "days", "since the payee's wallet was opened"),
    Column("payee_tier", "tier", "as known on the payer's shard"),
    Column("payee_seen", "attempts", "of the payer to this payee in the longest window"),
)
_WINDOW_MEANINGS: Final = (
    ("count", "attempts", "attempts of the payer"),
    ("sum", "minor units", "sum of their amounts"),
    ("max", "minor units", "the largest of them"),
    ("payees", "wallets", "distinct payees of them"),
)
WINDOW_COLUMNS: Final = tuple(
    Column(f"{what}_{w}", unit, f"{meaning} in the last {w}")
    for w in WINDOW_NAMES
    for what, unit, meaning in _WINDOW_MEANINGS
)
SATURATED: Final = Column("saturated", "bits", "bit i: window i reaches beyond the attempts that are remembered")
FURTHER_COLUMNS: Final = (
    Column("currency", "ISO 4217 number", "currency of the payment and of both wallets"),
    Column("hold", "0 or 1", "1: the amount is held, to be captured later"),
    Column("weekday", "1..7", "day of the week of the effective time, UTC; Monday is 1 (ISO 8601)"),
    Column("effective_time", "ms", "when the payment counts, milliseconds since 1970"),
    Column("payer", "wallet", "address of the payer's wallet"),
    Column("payee", "wallet", "address of the payee's wallet"),
    Column("payer_kind", "kind of wallet", "the payer's"),
    Column(
        "payer_credits",
        "minor units",
        "all that the payer ever received, at the start of the batch; NULL for an operator wallet",
    ),
    Column(
        "payer_debits",
        "minor units",
        "all that the payer ever paid, at the start of the batch; NULL for an operator wallet",
    ),
    Column(
        "payer_credited",
        "minor units",
        "the newest credit that the payer got before the batch; NULL: none, or an operator wallet",
    ),
    Column(
        "payer_credited_ago_s",
        "s",
        "from the effective time of that credit to this payment's, rounded down, 0 when it lies behind; NULL like it",
    ),
)

CATALOGUE: Final = (*REQUEST_COLUMNS, *PAYER_COLUMNS, *PAYEE_COLUMNS, *WINDOW_COLUMNS, SATURATED, *FURTHER_COLUMNS)
"""Every column, in order. Further ones go to the end: recorded decisions and compiled packs name places."""
COLUMNS: Final = tuple(column.name for column in CATALOGUE)
COLUMN_COUNT: Final = len(COLUMNS)
INDEX: Final = {name: position for position, name in enumerate(COLUMNS)}
FIRST_WINDOW_COLUMN: Final = INDEX["count_1h"]
WINDOW_COLUMN_COUNT: Final = len(WINDOW_COLUMNS)
