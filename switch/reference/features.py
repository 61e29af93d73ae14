"""docs/reference/features.md, from the catalogue of credit features."""

from typing import Final

from models.credit.catalogue import FEATURES
from models.credit.feature import DIMENSIONS, MONTH_DAYS, Feature
from models.credit.views import MACROS, VIEWS
from switch.reference.markdown import code, page, table

_INTRODUCTION: Final = f"""\
```sh
shardpay features --output ./features
```

One file a shard, one row a wallet of a user or merchant that was open at T: `address`, `wallet` (UUID), `kind`, `currency`, then the
features below as int64. `_manifest.json` is written last: time, digest of the catalogue, features, wallets by shard.

**As of T.** What was *effective* at T or before counts, nothing else, in whatever order it was recorded: of a payment that is when it was
recorded, of an imported one the historical time it was given (`Shardpay-Time`), of a remote credit when it landed (imported: when it was
paid). The same records and T give the same bytes, from a journal as from an export.

**Units.** Amounts are minor units of the wallet's currency. Shares are basis points, 10,000 = all, rounded down. A month is
{MONTH_DAYS} days, the newest ends at T. Calendar days are those of UTC, the newest is T's. A payment is money sent that moved (refunds
left out), a credit money received (refunds left out); a payment asked for may have been declined.

**Unknown.** What a feature is for a wallet of which nothing is known: a number, or *missing*, which a scorecard scores by itself.

`--as-of` sets T, `--input` reads an export in place of a database: T is at most its instant ([options](commands.md#shardpay-features)).
`--without-relations` leaves that dimension out; a card without it is trained on such files."""

_SQL: Final = """\
Each feature's query says the same as the code; tests compare both on every wallet of two data sets. Set where the export lies, the
time and `credit.negative_days`, make these macros and tables, and run a query:

```sql
SET TimeZone = 'UTC';
SET VARIABLE lake = './lake/**/*.parquet';
SET VARIABLE as_of = epoch_ms(TIMESTAMPTZ '2026-11-01 00:00:00Z');
SET VARIABLE negative_days = 1826;
```"""


def document() -> str:
    """The page."""
    parts = [_INTRODUCTION, f"{len(FEATURES)} features:"]
    for dimension in DIMENSIONS:
        chosen = [feature for feature in FEATURES if feature.dimension == dimension]
        parts += [
            f"## {dimension.capitalize()}",
            table(("feature", "unit", "window", "unknown", "meaning"), map(_row, chosen)),
        ]
    parts += ["## SQL", _SQL, _sql(MACROS)]
    parts += [_sql(f"CREATE TEMP TABLE {name} AS {text};") for name, text in VIEWS.items()]
    for feature in FEATURES:
        parts += [f"### {feature.name}", _sql(feature.sql)]
    return page("Credit features", *parts)


def _row(feature: Feature) -> tuple[str, ...]:
    unknown = "missing" if feature.unknown is None else str(feature.unknown)
    return code(feature.name), feature.unit, feature.window, unknown, feature.meaning


def _sql(text: str) -> str:
    return f"```sql\n{text.strip()}\n```"
