"""Relations: whom a wallet pays and is paid by, from payments alone. Who somebody knows may be left out of a score: then all of it is."""

from typing import Final

from models.credit.feature import Feature


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
)
