"""Behaviour: what a wallet is used for, when, how regularly, and what is refused."""

from typing import Final

from models.credit.feature import Feature


def _share_of_kind(name: str, kind: str, words: str) -> Feature:
    return Feature(
        name=name,
        dimension="behaviour",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning=f"Share of the amount paid that {words}.",
        sql=f"""SELECT wallet, share(coalesce(sum(amount) FILTER (kind = '{kind}'), 0), sum(amount)) AS value FROM flows
WHERE paid AND NOT refund AND month < 6 GROUP BY wallet""",
    )


def _of_attempts(name: str, value: str, meaning: str, *, count: bool = False) -> Feature:
    return Feature(
        name=name,
        dimension="behaviour",
        unit="count" if count else "basis points",
        window="180 days",
        unknown=0 if count else None,
        meaning=meaning,
        sql=f"SELECT wallet, {value} AS value FROM attempts GROUP BY wallet",
    )


BEHAVIOUR: Final = (
    Feature(
        name="payments_90d",
        dimension="behaviour",
        unit="count",
        window="90 days",
        unknown=0,
        meaning="Payments made.",
        sql="SELECT wallet, sum(payments) AS value FROM months WHERE month < 3 GROUP BY wallet",
    ),
    Feature(
        name="payments_360d",
        dimension="behaviour",
        unit="count",
        window="360 days",
        unknown=0,
        meaning="Payments made. With fewer than ten a wallet has no score.",
        sql="SELECT wallet, sum(payments) AS value FROM months GROUP BY wallet",
    ),
    Feature(
        name="payment_days_90d",
        dimension="behaviour",
        unit="days",
        window="90 calendar days",
        unknown=0,
        meaning="Days (UTC) with a payment.",
        sql="""SELECT wallet, count(DISTINCT day) AS value FROM flows
WHERE paid AND NOT refund AND days_ago < 90 GROUP BY wallet""",
    ),
    Feature(
        name="longest_pause_90d",
        dimension="behaviour",
        unit="days",
        window="90 calendar days",
        unknown=None,
        meaning="Most days (UTC) in a row without a payment.",
        sql="""WITH paying AS (SELECT DISTINCT wallet, days_ago FROM flows WHERE paid AND NOT refund AND days_ago < 90),
edges AS (SELECT * FROM paying UNION ALL SELECT DISTINCT wallet, unnest([-1, 90]) FROM paying),
gaps AS (SELECT wallet, days_ago - lag(days_ago) OVER (PARTITION BY wallet ORDER BY days_ago) - 1 AS gap FROM edges)
SELECT wallet, max(gap) AS value FROM gaps GROUP BY wallet""",
    ),
    Feature(
        name="pauses_variation_6m",
        dimension="behaviour",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="How far each month's number of payments lies from the average month's, all six together, as a share of the payments.",
        sql="""WITH all_six AS (SELECT DISTINCT wallet, unnest(range(6)) AS month FROM months WHERE month < 6 AND payments > 0),
counts AS (SELECT wallet, coalesce(payments, 0) AS payments FROM all_six LEFT JOIN months USING (wallet, month)),
totals AS (SELECT wallet, sum(payments) AS total FROM counts GROUP BY wallet)
SELECT wallet, share(sum(abs(6 * payments - total)), 6 * any_value(total)) AS value
FROM counts JOIN totals USING (wallet) GROUP BY wallet""",
    ),
    Feature(
        name="payments_recent_share",
        dimension="behaviour",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="Share of the half year's payments that the last 90 days have; half of them is 5,000.",
        sql="""SELECT wallet, share(coalesce(sum(payments) FILTER (month < 3), 0), sum(payments)) AS value FROM months
WHERE month < 6 GROUP BY wallet""",
    ),
    Feature(
        name="mean_payment_180d",
        dimension="behaviour",
        unit="minor units",
        window="180 days",
        unknown=None,
        meaning="Average amount of a payment.",
        sql="""SELECT wallet, sum(paid) // nullif(sum(payments), 0) AS value FROM months WHERE month < 6 GROUP BY wallet""",
    ),
    Feature(
        name="largest_payment_share_180d",
        dimension="behaviour",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="Share of the largest payment in the amount paid.",
        sql="""SELECT wallet, share(max(amount), sum(amount)) AS value FROM flows
WHERE paid AND NOT refund AND month < 6 GROUP BY wallet""",
    ),
    Feature(
        name="kinds_180d",
        dimension="behaviour",
        unit="count",
        window="180 days",
        unknown=0,
        meaning="Different kinds of payments made: payment, transfer, cash_out ...",
        sql="SELECT wallet, count(DISTINCT kind) AS value FROM flows WHERE paid AND NOT refund AND month < 6 GROUP BY wallet",
    ),
    _share_of_kind("purchase_share_180d", "payment", "was for goods and services (kind payment)"),
    _share_of_kind("transfer_share_180d", "transfer", "was sent to people (kind transfer)"),
    _share_of_kind("cash_share_180d", "cash_out", "was taken out as cash (kind cash_out)"),
    _of_attempts(
        "night_share_180d",
        "share(count(*) FILTER (t % 86400000 < 21600000), count(*))",
        "Share of payments asked for between 00:00 and 06:00 UTC.",
    ),
    _of_attempts(
        "weekend_share_180d",
        "share(count(*) FILTER ((day + 3) % 7 >= 5), count(*))",
        "Share of payments asked for on Saturdays and Sundays (UTC).",
    ),
    _of_attempts(
        "declined_share_180d",
        "share(count(*) FILTER (code <> 'ok'), count(*))",
        "Share of payments asked for that were declined, for whatever reason.",
    ),
    _of_attempts(
        "refused_by_rules_180d",
        "count(*) FILTER (code = 'declined')",
        "Payments that a rule pack declined.",
        count=True,
    ),
    _of_attempts("reviewed_180d", "count(*) FILTER (review)", "Payments that waited for an analyst.", count=True),
    Feature(
        name="refund_share_180d",
        dimension="behaviour",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="Amount refunded to the wallet, as a share of the amount paid.",
        sql="""SELECT wallet,
    share(coalesce(sum(amount) FILTER (refund AND NOT paid), 0), sum(amount) FILTER (paid AND NOT refund)) AS value
FROM flows WHERE month < 6 GROUP BY wallet""",
    ),
    Feature(
        name="merchants_180d",
        dimension="behaviour",
        unit="count",
        window="180 days",
        unknown=0,
        meaning="Different merchants paid.",
        sql="SELECT wallet, count(*) AS value FROM merchants GROUP BY wallet",
    ),
    Feature(
        name="main_merchant_share_180d",
        dimension="behaviour",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="Share of the merchant paid most in the amount paid to merchants.",
        sql="SELECT wallet, share(max(amount_paid), sum(amount_paid)) AS value FROM merchants GROUP BY wallet",
    ),
)
