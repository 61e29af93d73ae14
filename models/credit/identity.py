"""Identity: how well a holder is known, for how long, and how steady the means are by which they pay.

A wallet's attributes are no part of it: they lie beside the journal and have no history, so nobody could say what they were at a time.
A tier is what verification gives, and it has one.
"""

from typing import Final

from models.credit.feature import Feature


def _different(name: str, column: str, words: str) -> Feature:
    return Feature(
        name=name,
        dimension="identity",
        unit="count",
        window="180 days",
        unknown=None,
        meaning=f"Different {words} that payments were asked for with; missing when none was given.",
        sql=f"SELECT wallet, nullif(count(DISTINCT {column}), 0) AS value FROM attempts GROUP BY wallet",
    )


def _main_share(name: str, column: str, words: str) -> Feature:
    return Feature(
        name=name,
        dimension="identity",
        unit="basis points",
        window="180 days",
        unknown=None,
        meaning=f"Share of the {words} used most in the payments asked for that gave one.",
        sql=f"""WITH used AS (SELECT wallet, count(*) AS times FROM attempts WHERE {column} IS NOT NULL GROUP BY wallet, {column})
SELECT wallet, share(max(times), sum(times)) AS value FROM used GROUP BY wallet""",
    )


IDENTITY: Final = (
    Feature(
        name="tier",
        dimension="identity",
        unit="level",
        window="now",
        unknown=0,
        meaning="The tier of the wallet, which tells how far its holder is verified.",
        sql="""SELECT wallet, arg_max(tier, address) AS value FROM entries
WHERE record IN ('wallet_opened', 'wallet_tier') GROUP BY wallet""",
    ),
    Feature(
        name="tier_age_days",
        dimension="identity",
        unit="days",
        window="all",
        unknown=None,
        meaning="Whole days since the tier was set last.",
        sql="""SELECT wallet, (getvariable('as_of') - arg_max(t, address)) // 86400000 AS value FROM entries
WHERE record IN ('wallet_opened', 'wallet_tier') GROUP BY wallet""",
    ),
    Feature(
        name="wallet_age_days",
        dimension="identity",
        unit="days",
        window="all",
        unknown=None,
        meaning="Whole days since the wallet was opened.",
        sql="SELECT wallet, (getvariable('as_of') - t) // 86400000 AS value FROM wallets",
    ),
    Feature(
        name="tier_changes_360d",
        dimension="identity",
        unit="count",
        window="360 days",
        unknown=0,
        meaning="Times that the tier was set anew.",
        sql="SELECT wallet, count(*) AS value FROM entries WHERE record = 'wallet_tier' AND month < 12 GROUP BY wallet",
    ),
    Feature(
        name="freezes",
        dimension="identity",
        unit="count",
        window="all",
        unknown=0,
        meaning="Times that the wallet was frozen.",
        sql="""SELECT wallet, count(*) AS value FROM entries
WHERE record = 'wallet_status' AND wallet_status = 'frozen' GROUP BY wallet""",
    ),
    Feature(
        name="is_open",
        dimension="identity",
        unit="level",
        window="now",
        unknown=1,
        meaning="1 when the wallet can pay, 0 when it is frozen or closed.",
        sql="""SELECT wallet, (arg_max(wallet_status, address) = 'open')::BIGINT AS value FROM entries
WHERE record = 'wallet_status' GROUP BY wallet""",
    ),
    _different("devices_180d", "device", "devices"),
    _main_share("main_device_share_180d", "device", "device"),
    _different("countries_180d", "country", "countries"),
    _different("channels_180d", "channel", "channels"),
)
