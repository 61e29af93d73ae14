"""The wallet cards that are shipped, made again: a population, its features, its outcomes, training.

    python -m bench.workload.wallet_cards

writes models/credit/cards. Features come from the catalogue's own SQL, so that this needs no switch. Everything is synthetic.
"""

import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.credit.catalogue import FEATURES
from models.credit.population.lake import records_of, wallet_names
from models.credit.population.people import DAYS
from models.credit.population.wishes import DAY_MS
from models.credit.population.year import Population, population_of
from models.credit.shipped import FOLDER, SHIPPED
from models.credit.views import as_table, prepare
from models.credit.wallet_training import Trained, train_wallet_card
from models.scorecard import canonical

PEOPLE: Final = 10_000
SEED: Final = 42
START_MS: Final = 1_735_689_600_000
"""2025-01-01, as `shardpay population` has it."""
_PERSON: Final = "synthetic:person-"


def features_of(made: Population, start_ms: int = START_MS) -> pa.Table:
    """Features at the end of the year, a row a person in the order of the table of people."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder, duckdb.connect(config={"threads": 1}) as connection:
        pq.write_table(records_of(made), Path(folder) / "records.parquet")
        prepare(connection, Path(folder), start_ms + DAYS * DAY_MS)
        columns: dict[str, Any] = {}
        for feature in FEATURES:
            found = connection.sql(as_table(feature.sql, feature.unknown)).to_arrow_table()
            columns[feature.name] = found.column("value").cast(pa.int64())
        wallets = found.column("wallet").cast(pa.string()).to_pylist()
    names = wallet_names(made.payments)
    rows = {
        int(names[wallet].removeprefix(_PERSON)): at
        for at, wallet in enumerate(wallets)
        if names[wallet].startswith(_PERSON)
    }
    return pa.table(columns).take(pa.array([rows[person] for person in range(made.people.num_rows)]))


def trained_cards(people: int = PEOPLE, seed: int = SEED) -> dict[str, Trained]:
    """By name, the cards of a population."""
    made = population_of(people, seed, START_MS)
    features = features_of(made)
    best = -made.people.column("chance").to_numpy()
    defaulted = made.people.column("defaulted")
    return {
        name: train_wallet_card(features, defaulted, leave_out=leave_out, best=best)
        for name, leave_out in SHIPPED.items()
    }


def main() -> None:
    """Write the cards and print what they reach."""
    for name, trained in trained_cards().items():
        (FOLDER / f"{name}.json").write_bytes(canonical(trained.card))
        print(
            f"{name}: {trained.rows:,} rows, {trained.bad:,} bad, {len(trained.card.characteristics)} characteristics"
        )
        print(f"  AUC {trained.auc:.4f}, best {trained.auc_of_best:.4f}, share of its Gini {trained.share_of_best:.3f}")
        for band, (rows, share) in trained.bands.items():
            print(f"  {band}: {rows:,} rows, {share:.2%} default")
        spans = np.array([max(item.all_points) - min(item.all_points) for item in trained.card.characteristics])
        for item, span in zip(trained.card.characteristics, spans.tolist(), strict=True):
            print(f"  {item.dimension:10s} {item.feature:32s} {span:4d} points over {len(item.points)} bins")


if __name__ == "__main__":
    main()
