"""A batch of wallets scored with numpy.searchsorted: the thirty lines that somebody would write."""

from typing import Final

import numpy as np
import pyarrow as pa

from models.credit.score import DAYS, DAYS_MIN, PAYMENTS, PAYMENTS_MIN
from models.scorecard import Scorecard

BATCH_ROWS: Final = 131_072


def score_batch(card: Scorecard, batch: pa.RecordBatch | pa.Table) -> pa.Table:
    """Wallet and score."""
    total = np.zeros(batch.num_rows, np.int32)
    for item in card.characteristics:
        column = batch.column(item.feature)
        known = (
            column.is_valid().to_numpy(zero_copy_only=False)
            if isinstance(column, pa.Array)
            else column.is_valid().to_numpy()
        )
        place = np.searchsorted(item.edges or (), column.fill_null(0).to_numpy(), side="right")
        total += np.where(known, np.array(item.points, np.int32)[place], np.int32(item.missing))
    days, payments = batch.column(DAYS).to_numpy(), batch.column(PAYMENTS).to_numpy()
    none = (days < DAYS_MIN) | (payments < PAYMENTS_MIN)
    return pa.table({"wallet": batch.column("wallet"), "score": pa.array(total, mask=none)})
