"""optbinning's scorecard over batches.

It cannot take ours, so it has a card of its own on the same columns, with cuts among ours.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.contenders.plain_scoring import BATCH_ROWS, score_batch
from models.credit.score import DAYS, DAYS_MIN, PAYMENTS, PAYMENTS_MIN
from models.scorecard import Scorecard
from models.training.extra import optional_module

FITTED_ROWS: Final = 20_000


def optbinning_scores(card: Scorecard, source: Path, output: Path) -> None:
    """One run, in one process: it has no other way."""
    paths = sorted(source.glob("*.parquet"))
    peer = _fitted(card, paths[0])
    names = [item.feature for item in card.characteristics]
    writer: Any = None
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                total = np.rint(peer.score(_frame(batch, names))).astype(np.int32)
                days, payments = batch.column(DAYS).to_numpy(), batch.column(PAYMENTS).to_numpy()
                none = (days < DAYS_MIN) | (payments < PAYMENTS_MIN)
                table = pa.table({"wallet": batch.column("wallet"), "score": pa.array(total, mask=none)})
                target = output / "scores.parquet"
                writer = writer or pq.ParquetWriter(target, table.schema, compression="zstd", compression_level=1)
                writer.write_table(table)
    if writer is not None:
        writer.close()


def _fitted(card: Scorecard, path: Path) -> Any:
    """A card with our cuts, fitted to outcomes that are drawn by the scores of ours."""
    with pq.ParquetFile(path) as file:
        batch = next(file.iter_batches(FITTED_ROWS))
    scores = score_batch(card, batch).column("score").fill_null(card.worst).to_numpy()
    bad = np.random.default_rng(0).random(len(scores)) < 0.1 + 0.6 * (card.best - scores) / (card.best - card.worst)
    names = [item.feature for item in card.characteristics]
    cuts = {item.feature: {"user_splits": list(item.edges or ())} for item in card.characteristics}
    optbinning = optional_module("optbinning")
    peer: Any = optbinning.Scorecard(
        binning_process=optbinning.BinningProcess(names, binning_fit_params=cuts),
        estimator=optional_module("sklearn.linear_model").LogisticRegression(max_iter=1_000),
        scaling_method="min_max",
        scaling_method_params={"min": card.worst, "max": card.best},
    )
    return peer.fit(_frame(batch, names), bad)


def _frame(batch: pa.RecordBatch, names: list[str]) -> Any:
    columns = {name: batch.column(name).cast(pa.float64()).fill_null(np.nan).to_numpy() for name in names}
    return optional_module("pandas").DataFrame(columns)
