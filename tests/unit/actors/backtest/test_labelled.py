"""A training table has a row for each labelled payment, with what its decision saw, and nothing that says whose payment it is."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors.backtest.labelled import LABEL, LEFT_OUT, TIME, write_table
from actors.backtest.run import Labels
from actors.export.export import LABELS
from actors.records.layout import Kind
from rules.vocabulary.columns import INDEX
from tests.unit.actors.backtest.conftest import all_records
from tests.unit.actors.ledger.both import SMALL, Both


def test_labelled_payments_are_rows_with_the_columns_of_their_decisions(
    world: Both, folder: Path, tmp_path: Path
) -> None:
    records = all_records(world)
    attempts = np.isin(records["kind"], (Kind.TRANSFER, Kind.HOLD))
    addresses = np.concatenate([addresses for _, addresses in world.journal])[attempts]
    saw = np.concatenate(world.features)
    stored = pa.table({"address": addresses[2:5], "label": [True, False, True]})
    with pa.ipc.new_file(folder / LABELS, stored.schema) as writer:
        writer.write_table(stored)
    try:
        given = Labels(addresses[4:6], np.array([0, 1], np.int8))
        done = write_table(folder, tmp_path / "table.parquet", given, SMALL)
    finally:
        (folder / LABELS).unlink()
    table = pq.read_table(tmp_path / "table.parquet")
    assert (done.payments, done.fraud) == (4, 2)
    assert table[LABEL].to_pylist() == [1, 0, 0, 1], "what is given goes before what is stored"
    for name in ("amount", "hour", "count_1h"):
        assert table[name].to_pylist() == saw[2:6, INDEX[name]].tolist()
    assert table[TIME].cast(pa.int64()).to_pylist() == saw[2:6, INDEX["effective_time"]].tolist()
    assert table["payer_kind"].type == pa.string() and table["country"].null_count == 4
    assert not set(LEFT_OUT) & set(table.column_names)
