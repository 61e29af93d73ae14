"""Ability: what comes in, how regularly, what stays, and for how long it would last."""

from typing import Final

from models.credit.feature import Feature


def _of_nights(name: str, value: str, unit: str, meaning: str) -> Feature:
    return Feature(
        name=name,
        dimension="ability",
        unit="minor units" if unit == "minor units" else "basis points",
        window="90 calendar days",
        unknown=None,
        meaning=meaning,
        sql=f"SELECT wallet, {value} AS value FROM balances WHERE nights > 0 GROUP BY wallet",
    )


def _of_six_months(name: str, value: str, meaning: str) -> Feature:
    return Feature(
        name=name,
        dimension="ability",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning=meaning,
        sql=f"""WITH all_six AS (SELECT DISTINCT wallet, unnest(range(6)) AS month FROM months WHERE month < 6 AND credits > 0),
incomes AS (SELECT wallet, coalesce(income, 0) AS income FROM all_six LEFT JOIN months USING (wallet, month)),
totals AS (SELECT wallet, sum(income) AS total FROM incomes GROUP BY wallet)
SELECT wallet, {value} AS value FROM incomes JOIN totals USING (wallet) GROUP BY wallet""",
    )


ABILITY: Final = (
    Feature(
        name="income_90d",
        dimension="ability",
        unit="minor units",
        window="90 days",
        unknown=0,
        meaning="Amount received, refunds left out.",
        sql="SELECT wallet, sum(income) AS value FROM months WHERE month < 3 GROUP BY wallet",
    ),
    Feature(
        name="income_months_6",
        dimension="ability",
        unit="months",
        window="180 days",
        unknown=0,
        meaning="Months, of the last six of 30 days, in which money was received.",
        sql="SELECT wallet, count(*) FILTER (credits > 0) AS value FROM months WHERE month < 6 GROUP BY wallet",
    ),
    _of_six_months(
        "income_lowest_share_6m",
        "share(6 * min(income), any_value(total))",
        "Income of the poorest of the last six months as a share of the average month's.",
    ),
    _of_six_months(
        "income_variation_6m",
        "share(sum(abs(income - total // 6)), any_value(total))",
        "How far each month's income lies from the average month's, all six together, as a share of the income.",
    ),
    Feature(
        name="income_recent_share",
        dimension="ability",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="Share of the half year's income that the last 90 days have; half of it is 5,000.",
        sql="""SELECT wallet, share(coalesce(sum(income) FILTER (month < 3), 0), sum(income)) AS value FROM months
WHERE month < 6 GROUP BY wallet""",
    ),
    Feature(
        name="mean_credit_180d",
        dimension="ability",
        unit="minor units",
        window="180 days",
        unknown=None,
        meaning="Average amount received at a time.",
        sql="SELECT wallet, sum(income) // nullif(sum(credits), 0) AS value FROM months WHERE month < 6 GROUP BY wallet",
    ),
    Feature(
        name="outside_income_share_180d",
        dimension="ability",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="Share of income that came from outside, through wallets of the operator: cash, banks, payrolls.",
        sql="""SELECT wallet, share(coalesce(sum(amount) FILTER (outside(other)), 0), sum(amount)) AS value FROM flows
WHERE NOT paid AND NOT refund AND month < 6 GROUP BY wallet""",
    ),
    Feature(
        name="paid_of_income_90d",
        dimension="ability",
        unit="basis points",
        window="90 days",
        unknown=None,
        meaning="Amount paid as a share of the amount received.",
        sql="SELECT wallet, share(sum(paid), sum(income)) AS value FROM months WHERE month < 3 GROUP BY wallet",
    ),
    Feature(
        name="paid_of_income_180d",
        dimension="ability",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="Amount paid as a share of the amount received.",
        sql="SELECT wallet, share(sum(paid), sum(income)) AS value FROM months WHERE month < 6 GROUP BY wallet",
    ),
    Feature(
        name="balance",
        dimension="ability",
        unit="minor units",
        window="now",
        unknown=0,
        meaning="What the payments and credits until then add up to.",
        sql="SELECT wallet, sum(CASE WHEN paid THEN -amount ELSE amount END) AS value FROM flows GROUP BY wallet",
    ),
    _of_nights(
        "mean_balance_90d", "sum(balance * nights) // sum(nights)", "minor units", "Average balance at midnight (UTC)."
    ),
    _of_nights("lowest_balance_90d", "min(balance)", "minor units", "Lowest balance at midnight (UTC)."),
    _of_nights(
        "empty_nights_share_90d",
        "share(coalesce(sum(nights) FILTER (balance <= 0), 0), sum(nights))",
        "basis points",
        "Share of midnights (UTC) at which there was nothing, or less.",
    ),
    _of_nights(
        "overdrawn_nights_share_90d",
        "share(coalesce(sum(nights) FILTER (balance < 0), 0), sum(nights))",
        "basis points",
        "Share of midnights (UTC) at which the wallet was overdrawn.",
    ),
    Feature(
        name="buffer_days",
        dimension="ability",
        unit="days",
        window="90 days",
        unknown=None,
        meaning="For how many days the average balance pays what is paid on an average day, at most 3,650.",
        sql="""WITH levels AS (
    SELECT wallet, sum(balance * nights) // sum(nights) AS balance FROM balances WHERE nights > 0 GROUP BY wallet),
spent AS (SELECT wallet, sum(paid) AS paid FROM months WHERE month < 3 GROUP BY wallet)
SELECT wallet, least(greatest(balance, 0) * 90 // paid, 3650) AS value FROM levels JOIN spent USING (wallet) WHERE paid > 0""",
    ),
    Feature(
        name="covered_share_180d",
        dimension="ability",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="Share of the amount of payments asked for that was not declined for lack of funds.",
        sql="""SELECT wallet, share(sum(amount) - coalesce(sum(amount) FILTER (code = 'insufficient_funds'), 0), sum(amount)) AS value
FROM attempts GROUP BY wallet""",
    ),
)
