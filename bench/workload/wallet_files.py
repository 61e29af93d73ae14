"""Parquet files of made-up wallets with the features of a card, as `shardpay features` writes them."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.credit.score import DAYS, PAYMENTS
from models.scorecard import Scorecard

GROUP_ROWS: Final = 131_072
MISSING_SHARE: Final = 0.03


def write_wallet_files(folder: Path, card: Scorecard, files: int, rows: int) -> None:
    """So many files of `rows`: whole numbers around the card's edges, a few missing."""
    folder.mkdir(parents=True)
    for at in range(files):
        table = _wallets(card, rows, at)
        place = folder / f"shard-{at:04}.parquet"
        pq.write_table(
            table, place, row_group_size=GROUP_ROWS, compression="zstd", compression_level=1, use_dictionary=False
        )


def _wallets(card: Scorecard, rows: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    ids = pa.Array.from_buffers(pa.binary(16), rows, [None, pa.py_buffer(rng.bytes(16 * rows))])
    columns: dict[str, Any] = {"wallet": ids}
    for item in card.characteristics:
        edges = item.edges or (0,)
        values = rng.integers(edges[0] - 1, edges[-1] + 2, rows)
        columns.setdefault(item.feature, pa.array(values, mask=rng.random(rows) < MISSING_SHARE))
    columns[DAYS] = pa.array(rng.integers(60, 2_000, rows))
    columns[PAYMENTS] = pa.array(rng.integers(5, 300, rows))
    return pa.table(columns)
