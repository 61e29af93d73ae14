"""What a card says of wallets, as the Arrow stream that a switch publishes.

Each row comes with the features that it is of, so that its holder can recompute it.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.credit.feature import DIMENSIONS
from models.credit.score import Cause, WalletScorer, WalletScores

ROWS_MAX: Final = 65_536
"""Of a stream: what a switch takes at once."""
_REASON: Final = pa.struct([("code", pa.string()), ("gap", pa.int32())])


def score_stream(scorer: WalletScorer, features: pa.Table, run: int, as_of_ms: int) -> bytes:
    """The stream of some wallets, at most ROWS_MAX. `features`: a column `wallet`, ids of 16 bytes, and those that the scorer wants. Raises
    ValueError as `WalletScorer.score_table` does."""
    table = score_columns(scorer, features, run, as_of_ms)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


def score_columns(scorer: WalletScorer, features: pa.Table, run: int, as_of_ms: int) -> pa.Table:
    """The columns of the stream."""
    found = scorer.score_table(features)
    count = features.num_rows
    none = found.causes != Cause.NONE
    card = f"{scorer.card.name}@{scorer.card.version}"
    causes = pa.array([cause.code for cause in Cause])
    return pa.table(
        {
            "wallet": _ids(features.column("wallet")),
            "score": pa.array(found.rows.totals, pa.int32(), mask=none),
            "na_cause": causes.take(pa.array(found.causes, mask=~none)),
            "subtotals": _subtotals(scorer, found, none),
            "reasons": _reasons(scorer, found),
            "card": pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), pa.array([card])),
            "run": pa.array(np.full(count, run, np.int64)),
            "as_of": pa.array(np.full(count, as_of_ms, np.int64), pa.timestamp("ms", "UTC")),
            "features": _features(scorer, features),
        }
    )


def _ids(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return (array.storage if isinstance(array, pa.ExtensionArray) else array).cast(pa.binary(16))


def _subtotals(scorer: WalletScorer, found: WalletScores, none: NDArray[np.bool_]) -> pa.Array:
    """All five; a card has none of those dimensions that it does without."""
    nothing = np.zeros(len(none), np.int32)
    at = {name: place for place, name in enumerate(scorer.best)}
    columns = [found.rows.subtotals[at[name]] if name in at else nothing for name in DIMENSIONS]
    return pa.StructArray.from_arrays(
        [pa.array(column, pa.int32()) for column in columns], DIMENSIONS, mask=pa.array(none)
    )


def _reasons(scorer: WalletScorer, found: WalletScores) -> pa.Array:
    gaps, reasons = found.rows.gaps.T, found.rows.reasons.T
    there = gaps > 0
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    codes = pa.array(scorer.card.reasons).take(pa.array(reasons[there]))
    flat = pa.StructArray.from_arrays([codes, pa.array(gaps[there], pa.int32())], fields=list(_REASON))
    return pa.ListArray.from_arrays(pa.array(offsets), flat)


def _features(scorer: WalletScorer, features: pa.Table) -> pa.Array:
    names: tuple[Any, ...] = scorer.evaluator.features
    return pa.StructArray.from_arrays([features.column(name).combine_chunks() for name in names], names)
