"""Relations: whom a wallet pays and is paid by; a score may leave all of them out."""

from typing import Final

from models.credit.feature import Feature, Unit


def _of_pairs(name: str, value: str, meaning: str, *, count: bool = False) -> Feature:
    return Feature(
        name=name,
        dimension="relations",
        unit="count" if count else "basis points",
        window="180 days",
        unknown=0 if count else None,
        meaning=meaning,
        sql=f"SELECT wallet, {value} AS value FROM pairs GROUP BY wallet",
    )


def _of_scores(name: str, value: str, meaning: str, *, unit: Unit = "basis points") -> Feature:
    return Feature(
        name=name,
        dimension="relations",
        unit=unit,
        window="180 days",
        unknown=None,
        meaning=meaning,
        sql=f"SELECT wallet, {value} AS value FROM pairs LEFT JOIN scores USING (other) GROUP BY wallet",
    )


RELATIONS: Final = (
    _of_pairs(
        "counterparties_180d",
        "count(*)",
        "Different wallets paid or paid by; those of the operator do not count.",
        count=True,
    ),
    _of_pairs("payees_180d", "count(*) FILTER (payments > 0)", "Different wallets paid.", count=True),
    _of_pairs("payers_180d", "count(*) FILTER (credits > 0)", "Different wallets paid by.", count=True),
    _of_pairs(
        "mutual_share_180d",
        "share(count(*) FILTER (payments > 0 AND credits > 0), count(*))",
        "Share of counterparties with payments both ways.",
    ),
    _of_pairs(
        "repeated_share_180d",
        "share(count(*) FILTER (payments + credits >= 3), count(*))",
        "Share of counterparties with three payments or more, either way.",
    ),
    _of_pairs(
        "main_counterparty_share_180d",
        "share(max(amount), sum(amount))",
        "Share of the counterparty with the largest amount, paid and received.",
    ),
    Feature(
        name="concentration_180d",
        dimension="relations",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="Sum of the squares of all counterparties' shares (Herfindahl and Hirschman's index): 10,000 when there is one.",
        sql="""WITH totals AS (SELECT wallet, sum(amount) AS total FROM pairs GROUP BY wallet),
shares AS (SELECT wallet, share(amount, total)::HUGEINT AS part FROM pairs JOIN totals USING (wallet))
SELECT wallet, sum(part * part) // 10000 AS value FROM shares GROUP BY wallet""",
    ),
    Feature(
        name="wallets_share_180d",
        dimension="relations",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning="Share of the amount paid and received that went to and came from other wallets and not outside.",
        sql="""SELECT wallet, share(coalesce(sum(amount) FILTER (NOT outside(other)), 0), sum(amount)) AS value FROM flows
WHERE NOT refund AND month < 6 GROUP BY wallet""",
    ),
    _of_scores(
        "counterparties_scored_share_180d",
        "share(count(score), count(*))",
        "Share of counterparties that have a score.",
    ),
    _of_scores(
        "counterparties_low_score_share_180d",
        "share(count(*) FILTER (score < 600), count(score))",
        "Share of those with a score below 600 in the counterparties that have one.",
    ),
    _of_scores(
        "counterparties_mean_score_180d",
        "sum(score) // nullif(count(score), 0)",
        "Average score of the counterparties that have one.",
        unit="level",
    ),
)
