"""Files of packed columns hold what was written, for each reader: values, rows without one, kinds, and what Arrow writes between."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rescore.part_writer import PartWriter
from actors.storage.hashed_file import HashedFile
from models.bit_packing import WIDTH_MAX

TEXTS = pa.array(["", "a", "ß", "c" * 300])
PLACES = pa.dictionary(pa.int16(), pa.string())


def written(path: Path, groups: list[pa.Table], packed: set[str], **encoding: Any) -> pa.Table:
    """What Arrow reads, after polars and DuckDB read the same."""
    file = HashedFile(open(path, "wb"))
    writer = PartWriter(file, groups[0].schema, packed, encoding)
    for group in groups:
        writer.write(group)
    writer.close()
    file.close()
    found = pq.read_table(path)
    assert found.schema.equals(groups[0].schema)
    expected = plain(pa.concat_tables(groups))
    assert plain(found).equals(expected)
    assert polars.read_parquet(path).equals(polars.DataFrame(expected))
    with duckdb.connect() as connection:
        connection.register("expected", expected)
        query = f"SELECT * FROM '{path}'"
        assert connection.sql(query).to_arrow_table().cast(expected.schema).equals(expected)
    return found


def plain(table: pa.Table) -> pa.Table:
    """Without dictionaries, which readers number as they like."""
    kinds = [field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in table.schema]
    return table.cast(pa.schema(dict(zip(table.column_names, kinds, strict=True)))).combine_chunks()


def texts(places: list[int | None]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int16()), TEXTS)


def encodings(path: Path, column: str) -> list[tuple[str, ...]]:
    metadata = pq.read_metadata(path)
    at = metadata.schema.names.index(column)
    return [metadata.row_group(group).column(at).encodings for group in range(metadata.num_row_groups)]


whole = st.one_of(st.none(), st.integers(-5, 600), st.integers(-(2**31), 2**31 - 1))
rows = st.lists(st.tuples(whole, st.integers(350, 950), st.none() | st.integers(0, 3)), min_size=1, max_size=70)


@settings(max_examples=60, deadline=None)
@given(given_groups=st.lists(st.tuples(rows, st.integers(1, 30)), min_size=1, max_size=3))
def test_each_reader_finds_what_was_written(
    given_groups: list[tuple[list[tuple[Any, int, Any]], int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    groups = []
    for each, step in given_groups:
        table = pa.table(
            {
                "id": pa.array([at.to_bytes(4) for at in range(len(each))], pa.binary(4)),
                "list": pa.array([None if row[0] is None else [row[1], None] for row in each], pa.list_(pa.int64())),
                "any": pa.array([row[0] for row in each], pa.int32()),
                "score": pa.array([row[1] for row in each], pa.int32()),
                "text": texts([row[2] for row in each]),
                "at": pa.array([row[1] for row in each], pa.timestamp("ms", "UTC")),
            }
        )
        schema = pa.schema([field.with_nullable(field.name not in ("id", "score")) for field in table.schema])
        # As batches come, which need not end where bytes of bits do.
        groups.append(pa.concat_tables([table.slice(at, step) for at in range(0, len(each), step)]).cast(schema))
    path = tmp_path_factory.mktemp("files") / "part.parquet"
    written(path, groups, {"id", "any", "score", "text"}, use_dictionary=["at"], compression="zstd")


@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("rows", [8, 1_000, 70_001])
def test_numbers_of_a_narrow_range_are_places_and_others_are_plain(tmp_path: Path, rows: int, nullable: bool) -> None:
    rng, path = np.random.default_rng(rows), tmp_path / "part.parquet"
    values = rng.integers(-100, 100, rows).astype(np.int32)
    wide = values.copy()
    wide[:2] = 0, 1 << WIDTH_MAX
    columns = {"narrow": values, "constant": np.full(rows, 7, np.int32), "wide": wide}
    fields = [pa.field(name, pa.int32(), nullable) for name in columns]
    table = pa.table(list(columns.values()), schema=pa.schema(fields)).append_column("n", pa.array(range(rows)))
    found = written(path, [table], set(columns))
    assert [field.nullable for field in found.schema][:3] == [nullable] * 3
    few = rows < 200
    assert ["RLE_DICTIONARY" in each for name in columns for each in encodings(path, name)] == [not few, True, False]
    constant = pq.read_metadata(path).row_group(0).column(1)
    assert constant.total_compressed_size < 100


def test_a_column_without_any_value_and_a_list_of_one_text_or_none_are_written(tmp_path: Path) -> None:
    nothing = pa.DictionaryArray.from_arrays(pa.nulls(9, pa.int16()), pa.array([], pa.string()))
    one = pa.DictionaryArray.from_arrays(pa.array([0] * 8 + [None], pa.int16()), pa.array(["only"]))
    columns = {"n": pa.array(range(9)), "none": pa.nulls(9, pa.int32()), "nothing": nothing, "one": one}
    found = written(tmp_path / "part.parquet", [pa.table(columns)] * 2, {"none", "nothing", "one"})
    assert found.column("none").null_count == found.column("nothing").null_count == 18


def test_a_reader_may_take_some_columns_and_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    groups = [
        pa.table(
            {
                "before": pa.array([f"text {first}"] * 10),
                "score": pa.array(range(first, first + 10), pa.int32()),
                "after": pa.array([first / 2] * 10),
            }
        )
        for first in (0, 100, 200)
    ]
    written(path, groups, {"score"}, use_dictionary=["before"], compression={"before": "zstd", "after": "none"})
    with pq.ParquetFile(path) as file:
        assert file.read_row_groups([2, 1], ["score", "after"]).equals(
            pa.concat_tables([groups[2], groups[1]]).select(["score", "after"])
        )
        assert file.metadata.num_rows == 30 and file.metadata.created_by == "shardpay"
        sizes = [
            sum(file.metadata.row_group(group).column(at).total_compressed_size for at in range(3))
            for group in range(3)
        ]
    assert path.stat().st_size > sum(sizes) > 0


def test_the_same_rows_in_other_batches_are_the_same_bytes(tmp_path: Path) -> None:
    rows = 1_000
    table = pa.table(
        {
            "n": pa.array(range(rows)),
            "score": pa.array([None if at % 7 == 0 else at % 300 for at in range(rows)], pa.int32()),
            "text": texts([None if at % 5 == 0 else at % 4 for at in range(rows)]),
        }
    )
    found = []
    for step in (rows, 333, 8):
        group = pa.concat_tables([table.slice(at, step) for at in range(0, rows, step)])
        written(tmp_path / f"{step}.parquet", [group], {"score", "text"})
        found.append((tmp_path / f"{step}.parquet").read_bytes())
    assert found[0] == found[1] == found[2]
