"""What is packed here is what pyarrow, polars and DuckDB read, however the rows came."""

import io
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from actors.rescore.part_file import DICTIONARY_MAX, Column, PartFile, Rows
from models.arrays import Integers

WORDS = pa.dictionary(pa.int16(), pa.string())
MONTH = 1_798_761_600_000
COLUMNS = (
    Column("score", pa.int32(), 350, 950, mask=0),
    Column("below_zero", pa.int32(), -7, 0),
    Column("wide", pa.int32(), -2_000_000, 2_000_000, mask=0),
    Column("widest_dictionary", pa.int32(), 1, DICTIONARY_MAX),
    Column("band", WORDS, 0, 2, ("poor", "fair", "good"), 0),
    Column("rare", WORDS, 1, 2, ("few_days", "few_payments"), 1),
    Column("one_word", WORDS, 0, 0, ("K",), 1),
    Column("never", pa.int32(), 0, 9, mask=2),
    Column("undated", pa.timestamp("ms", "UTC"), 0, 0, mask=2),
    Column("card", pa.dictionary(pa.int8(), pa.string()), 0, 0, ("ab" * 32,)),
    Column("as_of", pa.timestamp("ms", "UTC"), MONTH, MONTH),
)
GROUP = 1_000


def made(count: int, seed: int) -> Rows:
    """So many rows, with what is not known set to what no column holds."""
    rng = np.random.default_rng(seed)
    masks = [rng.random(count) < 0.9, rng.random(count) < 0.1, np.zeros(count, np.bool_)]
    masks[0][: GROUP + 100] = True

    def values(column: Column) -> Integers:
        if column.low == column.high:
            return np.zeros(1, np.int8)
        found = rng.integers(column.low, column.high, count, endpoint=True).astype(np.int32)
        if column.mask is not None:
            found[~masks[column.mask]] = 2**31 - 1
        return found

    ids = pa.array([rng.bytes(16) for _ in range(count)], pa.binary(16))
    texts = pa.array(
        [None if at % 5 == 0 else f"region {at % 3}" for at in range(count)], pa.string()
    ).dictionary_encode()
    kept = pa.table({"wallet": ids, "region": texts, "place": pa.array(range(count))})
    return Rows(kept, [values(column) for column in COLUMNS], masks)


def as_table(rows: Rows) -> pa.Table:
    """The rows as Arrow has them, made without what is tested."""

    def array(column: Column, values: Integers) -> pa.Array:
        full: NDArray[Any] = np.broadcast_to(values, rows.num_rows)
        mask = None if column.mask is None else ~rows.masks[column.mask]
        if column.texts is not None:
            places = pa.array(full.astype(np.int16) - column.low, mask=mask)
            return pa.array(column.texts).take(places).cast(column.type)
        if column.low == column.high:
            full = full + np.int64(column.low)
        return pa.array(full.astype(np.int64), mask=mask).cast(column.type)

    added = {column.name: array(column, values) for column, values in zip(COLUMNS, rows.values, strict=True)}
    return pa.table({**{name: rows.kept.column(name) for name in rows.kept.column_names}, **added})


def written(rows: Rows, cuts: list[int]) -> bytes:
    sink = io.BytesIO()
    file = PartFile(sink, rows.kept.schema, COLUMNS, GROUP)
    for start, end in zip([0, *cuts], [*cuts, rows.num_rows], strict=True):
        file.write(rows.slice(start, end - start))
    file.close()
    return sink.getvalue()


def plain(table: pa.Table) -> pa.Table:
    """Without dictionaries, which readers number as they like."""
    kinds = [field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in table.schema]
    return table.cast(pa.schema(dict(zip(table.column_names, kinds, strict=True))))


@pytest.mark.parametrize("count", [1, 7, 8, GROUP - 1, GROUP, GROUP + 1, 3 * GROUP + 5])
def test_all_readers_find_what_was_written(count: int, tmp_path: Path) -> None:
    rows = made(count, count)
    expected = plain(as_table(rows))
    path = tmp_path / "part.parquet"
    path.write_bytes(written(rows, []))
    found = pq.read_table(path)
    assert found.schema.field("band").type == WORDS and found.schema.field("as_of").type == COLUMNS[-1].type
    assert plain(found).equals(expected)
    assert polars.read_parquet(path).equals(polars.DataFrame(expected))
    with duckdb.connect() as connection:
        connection.register("expected", expected)
        for one, other in (("expected", f"'{path}'"), (f"'{path}'", "expected")):
            query = f"SELECT count(*) FROM (SELECT * FROM {one} EXCEPT ALL SELECT * FROM {other})"
            assert connection.sql(query).fetchall() == [(0,)]


@pytest.mark.parametrize("cuts", [[1], [3, 4, 1_001], [333, 666, 999, 1_332, 1_665], list(range(100, 2_200, 100))])
def test_the_bytes_are_the_same_however_the_rows_come(cuts: list[int]) -> None:
    rows = made(2_205, 5)
    assert written(rows, cuts) == written(rows, [])


def test_each_row_group_has_as_many_rows_as_are_asked_for() -> None:
    found = pq.ParquetFile(io.BytesIO(written(made(2_205, 5), [100, 1_500]))).metadata
    assert [found.row_group(at).num_rows for at in range(found.num_row_groups)] == [1_000, 1_000, 205]
    assert found.num_rows == 2_205
    group = found.row_group(1)
    chunks = [group.column(at) for at in range(group.num_columns)]
    assert [chunk.path_in_schema for chunk in chunks][:4] == ["wallet", "region", "place", "score"]
    assert sum(chunk.total_uncompressed_size for chunk in chunks) == group.total_byte_size


def test_one_row_group_can_be_read_without_the_others() -> None:
    rows = made(2_205, 5)
    file = pq.ParquetFile(io.BytesIO(written(rows, [])))
    assert plain(file.read_row_group(2)).equals(plain(as_table(rows)).slice(2_000))
    some = plain(file.read_row_group(1, columns=["score", "rare"]))
    assert some.equals(plain(as_table(rows)).slice(1_000, 1_000).select(["score", "rare"]))


def test_a_file_that_is_dropped_leaves_nothing_open(tmp_path: Path) -> None:
    rows = made(10, 1)
    file = PartFile(str(tmp_path / "part"), rows.kept.schema, COLUMNS, GROUP)
    file.write(rows)
    file.drop()
    with pytest.raises(ValueError, match="closed file"):
        file.close()
