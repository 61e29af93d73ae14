"""Parquet files of made-up wallets with the features of a card, as `shardpay features` writes them."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors.credit_features.extract import ROWS_A_GROUP, encoding_of
from models.credit.score import DAYS, PAYMENTS
from models.scorecard import Scorecard

PLAIN: Final[dict[str, Any]] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": False,
    "row_group_size": 131_072,
}
"""About what polars, DuckDB and Spark leave."""
MISSING_SHARE: Final = 0.03


def write_wallet_files(
    folder: Path, card: Scorecard, files: int, rows: int, *, plain: bool = False, ids: bytes | None = None
) -> None:
    """So many files of `rows`: whole numbers around the card's edges, a few missing. `plain`: numbers of 8 bytes each, as other writers may
    leave them, in place of their differences, a column of a row group in one page. `ids`: 16 bytes of each wallet, in place of made-up
    ones."""
    folder.mkdir(parents=True)
    for at in range(files):
        table = _wallets(card, rows, at, ids)
        pq.write_table(table, folder / f"shard-{at:04}.parquet", **(PLAIN if plain else _as_features(table.schema)))


def _as_features(schema: pa.Schema) -> dict[str, Any]:
    return {**encoding_of(schema), "row_group_size": ROWS_A_GROUP}


def _wallets(card: Scorecard, rows: int, seed: int, given: bytes | None) -> pa.Table:
    rng = np.random.default_rng(seed)
    ids = pa.Array.from_buffers(pa.binary(16), rows, [None, pa.py_buffer(given or rng.bytes(16 * rows))])
    columns: dict[str, Any] = {"wallet": ids}
    for item in card.characteristics:
        edges = item.edges or (0,)
        values = rng.integers(edges[0] - 1, edges[-1] + 2, rows)
        columns.setdefault(item.feature, pa.array(values, mask=rng.random(rows) < MISSING_SHARE))
    columns[DAYS] = pa.array(rng.integers(60, 2_000, rows))
    columns[PAYMENTS] = pa.array(rng.integers(5, 300, rows))
    return pa.table(columns)
