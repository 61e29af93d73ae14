"""History: how long a wallet has been used, and what became of what its holder owed."""

from typing import Final

from models.credit.feature import Feature, Unit

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


def _of_orders(name: str, value: str, unit: Unit, meaning: str, *, unknown: int | None = None) -> Feature:
    return Feature(
        name=name,
        dimension="history",
        unit=unit,
        window="all",
        unknown=unknown,
        meaning=meaning,
        sql=f"SELECT wallet, {value} AS value FROM orders GROUP BY wallet",
    )


ORDERS: Final = (
    _of_orders(
        "orders_paid_share",
        "share(coalesce(sum(amount) FILTER (paid_at IS NOT NULL), 0), sum(amount))",
        "basis points",
        "Amount of orders paid, of the amount of orders that were due.",
    ),
    _of_orders(
        "orders_on_time_share",
        "share(coalesce(sum(amount) FILTER (overdue_at IS NULL), 0), sum(amount))",
        "basis points",
        "Amount of orders paid without ever being overdue, of the amount of orders that were due.",
    ),
    _of_orders(
        "orders_defaulted_share",
        "share(coalesce(sum(amount) FILTER (defaulted_at IS NOT NULL), 0), sum(amount))",
        "basis points",
        "Amount of orders that defaulted, paid later or not, of the amount of orders that were due.",
    ),
    _of_orders(
        "orders_cured_share",
        "share(coalesce(sum(amount) FILTER (overdue_at IS NOT NULL AND paid_at IS NOT NULL), 0), "
        "sum(amount) FILTER (overdue_at IS NOT NULL))",
        "basis points",
        "Amount paid of orders that had become overdue.",
    ),
    _of_orders(
        "orders_overdue_amount",
        "coalesce(sum(amount) FILTER (paid_at IS NULL), 0)",
        "minor units",
        "Amount of orders that are overdue and not paid.",
        unknown=0,
    ),
    _of_orders(
        "orders_kept_amount",
        "coalesce(sum(amount) FILTER (overdue_at IS NULL), 0)",
        "minor units",
        "Amount of orders paid without ever being overdue.",
        unknown=0,
    ),
    _of_orders(
        "orders_largest_kept",
        "coalesce(max(amount) FILTER (overdue_at IS NULL), 0)",
        "minor units",
        "Amount of the largest order paid without ever being overdue.",
        unknown=0,
    ),
    _of_orders(
        "orders_mean_days_late",
        "sum(amount * days_late) // nullif(sum(amount), 0)",
        "days",
        "Days that orders were overdue, begun ones whole, on average by amount; those on time are 0.",
    ),
    _of_orders(
        "orders_most_days_late",
        "max(days_late)",
        "days",
        "Days that the latest order was overdue, begun ones whole.",
    ),
    Feature(
        name="months_with_orders_kept_12",
        dimension="history",
        unit="months",
        window="360 days",
        unknown=0,
        meaning="Months, of the last twelve of 30 days, in which an order was paid without ever being overdue.",
        sql="""SELECT wallet, count(DISTINCT (getvariable('as_of') - paid_at) // 2592000000) AS value FROM orders
WHERE overdue_at IS NULL AND (getvariable('as_of') - paid_at) // 2592000000 < 12 GROUP BY wallet""",
    ),
    Feature(
        name="days_since_overdue",
        dimension="history",
        unit="days",
        window="all",
        unknown=None,
        meaning="Whole days since an order was overdue last, 0 while one is.",
        sql="""SELECT wallet, min(getvariable('as_of') - coalesce(paid_at, getvariable('as_of'))) // 86400000 AS value FROM orders
WHERE overdue_at IS NOT NULL GROUP BY wallet""",
    ),
    Feature(
        name="days_since_default",
        dimension="history",
        unit="days",
        window="all",
        unknown=None,
        meaning="Whole days since an order defaulted last.",
        sql="""SELECT wallet, (getvariable('as_of') - max(defaulted_at)) // 86400000 AS value FROM orders
WHERE defaulted_at IS NOT NULL GROUP BY wallet""",
    ),
)
"""Of orders that were paid, or are or were overdue. Amounts, shares and days, never a count of orders: whoever keeps fifty small ones
stands no worse than whoever keeps five, or one."""
