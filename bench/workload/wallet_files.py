"""Parquet files of made-up wallets with the features of a card, as `shardpay features` writes them."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors.credit_features.extract import ROWS_A_GROUP
from models.credit.score import DAYS, PAYMENTS
from models.scorecard import Scorecard

PLAIN_ROWS_A_GROUP: Final = 131_072
"""About what polars, DuckDB and Spark leave."""
MISSING_SHARE: Final = 0.03


def write_wallet_files(
    folder: Path, card: Scorecard, files: int, rows: int, *, plain: bool = False, ids: bytes | None = None
) -> None:
    """So many files of `rows`: whole numbers around the card's edges, a few missing. `plain`: numbers of 8 bytes each, as other writers may
    leave them, in place of their differences, a column of a row group in one page. `ids`: 16 bytes of each wallet, in place of made-up
    ones."""
    folder.mkdir(parents=True)
    numbers = [] if plain else [*(item.feature for item in card.characteristics), DAYS, PAYMENTS]
    encoding: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": False,
        "column_encoding": dict.fromkeys(numbers, "DELTA_BINARY_PACKED") or None,
        "row_group_size": PLAIN_ROWS_A_GROUP if plain else ROWS_A_GROUP,
        **({} if plain else {"max_rows_per_page": ROWS_A_GROUP}),
    }
    for at in range(files):
        table = _wallets(card, rows, at, ids)
        pq.write_table(table, folder / f"shard-{at:04}.parquet", **encoding)


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
