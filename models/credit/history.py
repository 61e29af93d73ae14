"""History: how long a wallet has been used, and what became of what its holder owed."""

from typing import Final

from models.credit.feature import Feature

HISTORY: Final = (
    Feature(
        name="months_on_book",
        dimension="history",
        unit="months",
        window="all",
        unknown=None,
        meaning="Whole months of 30 days since the first payment or credit.",
        sql="SELECT wallet, max(month) AS value FROM flows WHERE NOT refund GROUP BY wallet",
    ),
    Feature(
        name="active_months_12",
        dimension="history",
        unit="months",
        window="360 days",
        unknown=0,
        meaning="Months, of the last twelve of 30 days, with a payment.",
        sql="SELECT wallet, count(*) FILTER (payments > 0) AS value FROM months GROUP BY wallet",
    ),
    Feature(
        name="days_since_payment",
        dimension="history",
        unit="days",
        window="all",
        unknown=None,
        meaning="Whole days since the last payment.",
        sql="""SELECT wallet, (getvariable('as_of') - max(t)) // 86400000 AS value FROM flows
WHERE paid AND NOT refund GROUP BY wallet""",
    ),
)
