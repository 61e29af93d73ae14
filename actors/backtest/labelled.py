"""Labelled payments of an export as a table that cards are trained on.

A row each, with the columns that its decision saw. Who pays, who is paid and from which device is left out: a card learns from what
payments are like, not whose they are.
"""

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.backtest.run import Backtest, LabelLayers, Labels, PackSource, history
from actors.export.reader import Export
from actors.ledger.bounds import Capacity
from actors.process.atomic_file import write_whole
from rules.backtest.counts import UNLABELLED
from rules.vocabulary.catalogue import CODES
from rules.vocabulary.columns import COLUMNS, INDEX, NULL

LABEL: Final = "fraud"
TIME: Final = "effective_time"
LEFT_OUT: Final = ("payer", "payee", "device")


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a table holds."""

    payments: int
    fraud: int


def write_table(folder: Path, output: Path, given: Labels, capacity: Capacity) -> Written:
    """Write the table, whole or not at all. Raises Unreadable, Contradiction."""
    export = Export(folder)
    labels = LabelLayers(given, Labels(*export.labels()))
    columns, truths = [np.empty((0, len(COLUMNS)), np.int64)], [np.empty(0, np.int8)]
    test = Backtest(export=export, source=PackSource(text=""), capacity=capacity)
    for shard in export.shards:
        for rebuilt in history(test, shard):
            known = labels.of(rebuilt.addresses)
            columns.append(rebuilt.columns[known != UNLABELLED])
            truths.append(known[known != UNLABELLED])
    rows, truth = np.concatenate(columns), np.concatenate(truths)
    table = pa.table({**{name: _column(name, rows[:, INDEX[name]]) for name in _names()}, LABEL: truth})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    write_whole(output, sink.getvalue().to_pybytes())
    return Written(payments=len(truth), fraud=int(truth.sum()))


def _names() -> list[str]:
    return [name for name in COLUMNS if name not in LEFT_OUT]


def _column(name: str, values: NDArray[np.int64]) -> pa.Array:
    if name == TIME:
        return pa.array(values).cast(pa.timestamp("ms", tz="UTC"))
    if name not in CODES:
        return pa.array(values, mask=values == NULL)
    words = {number: word for word, number in CODES[name].items()}
    return pa.array([words.get(value) for value in values.tolist()], pa.string())
