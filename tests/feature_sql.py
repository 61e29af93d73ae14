"""Features as DuckDB answers the catalogue's SQL over an export, and how they differ from those that were computed."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from models.credit.catalogue import FEATURES
from models.credit.feature import NEGATIVE_DAYS
from models.credit.views import as_table, prepare


def answers(lake: Path, as_of: int, negative_days: int = NEGATIVE_DAYS) -> dict[str, dict[str, int | None]]:
    """Value by wallet of every feature, by name."""
    found = {}
    with duckdb.connect(config={"threads": 2}) as connection:
        prepare(connection, lake, as_of, negative_days)
        for feature in FEATURES:
            rows = connection.execute(as_table(feature.sql, feature.unknown)).fetchall()
            found[feature.name] = {str(wallet): value for wallet, value in rows}
    return found


def computed(output: Path) -> dict[str, dict[str, int | None]]:
    """The same of a folder of features."""
    found: dict[str, dict[str, int | None]] = {}
    for path in sorted(output.glob("shard-*.parquet")):
        table = pq.read_table(path)
        wallets = [str(wallet) for wallet in table["wallet"].to_pylist()]
        for name in table.column_names[4:]:
            found.setdefault(name, {}).update(zip(wallets, table[name].to_pylist(), strict=True))
    return found


def differences(
    lake: Path, output: Path, as_of: int, negative_days: int = NEGATIVE_DAYS
) -> list[tuple[str, str, Any, Any]]:
    """(feature, wallet, DuckDB's, computed) of all that is not the same."""
    wanted, had = answers(lake, as_of, negative_days), computed(output)
    assert wanted.keys() == had.keys()
    missing = "no such wallet"
    return [
        (name, wallet, wanted[name].get(wallet, missing), had[name].get(wallet, missing))
        for name in wanted
        for wallet in wanted[name].keys() | had[name].keys()
        if wanted[name].get(wallet, missing) != had[name].get(wallet, missing)
    ]
