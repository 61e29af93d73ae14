"""Columns are read as Arrow reads them, or left to it: other forms, other kinds, several pages, damaged bytes."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rescore.column_reader import ColumnReader

DIFFERENCES: dict[str, Any] = {
    "use_dictionary": False,
    "column_encoding": "DELTA_BINARY_PACKED",
    "max_rows_per_page": 100_000,
    "compression": "lz4",
}
COMPRESSIONS = ["none", "lz4"]


def read(path: Path, names: list[str] | None = None) -> list[dict[str, pa.Array]]:
    """What is read here of each row group."""
    with open(path, "rb") as opened, pq.ParquetFile(path) as file:
        reader = ColumnReader(opened.fileno(), file, names or file.schema_arrow.names)
        return [reader.read(group) for group in range(file.metadata.num_row_groups)]


def expected(path: Path, name: str) -> list[list[Any]]:
    with pq.ParquetFile(path) as file:
        return [file.read_row_group(group).column(name).to_pylist() for group in range(file.metadata.num_row_groups)]


def checked(path: Path, name: str) -> None:
    """Each row group is read here, and is what Arrow reads."""
    found = read(path)
    assert [group[name].to_pylist() for group in found] == expected(path, name)
    assert [group[name].null_count for group in found] == [values.count(None) for values in expected(path, name)]
    for group in found:
        group[name].validate(full=True)


whole = st.one_of(st.none(), st.integers(-5, 300), st.integers(-(2**63), 2**63 - 1))


@settings(max_examples=80, deadline=None)
@given(values=st.lists(whole, min_size=1, max_size=300), group=st.integers(1, 300), at=st.sampled_from(COMPRESSIONS))
def test_numbers_are_those_that_arrow_reads(
    values: list[int | None], group: int, at: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("files") / "in.parquet"
    table = pa.table({"n": pa.array(values, pa.int64())})
    pq.write_table(table, path, row_group_size=group, **DIFFERENCES | {"compression": at})
    checked(path, "n")


def test_a_nested_column_is_not_taken_for_one_whose_name_is_its_path(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    inner = pa.array([{"b": 7}, {"b": 8}], pa.struct([pa.field("b", pa.int64(), False)]))
    schema = pa.schema([pa.field("a", inner.type, False), pa.field("a.b", pa.int64(), False)])
    pq.write_table(pa.table([inner, pa.array([1, 2])], schema=schema), path, **DIFFERENCES)
    (found,) = read(path)
    assert {name: column.to_pylist() for name, column in found.items()} == {"a.b": [1, 2]}


@pytest.mark.parametrize("width", [0, 1, 7, 8, 31, 33, 56, 57, 62, 63])
@pytest.mark.parametrize("missing", [0.0, 0.03, 0.5, 0.999, 1.0])
def test_differences_of_each_width_and_rows_without_a_number_in_runs_and_alone(
    tmp_path: Path, width: int, missing: float
) -> None:
    rng, rows = np.random.default_rng(width), 20_011
    values = rng.integers(0, 1 << width, rows)
    for there in (rng.random(rows) >= missing, np.sort(rng.random(rows)) >= missing):
        pq.write_table(pa.table({"n": pa.array(values, mask=~there)}), tmp_path / "in.parquet", **DIFFERENCES)
        checked(tmp_path / "in.parquet", "n")


def test_a_column_whose_rows_all_have_a_number_needs_no_levels(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("n", pa.int64(), nullable=False)])
    pq.write_table(pa.table({"n": range(1_000)}, schema=schema), tmp_path / "in.parquet", **DIFFERENCES)
    checked(tmp_path / "in.parquet", "n")


def test_other_kinds_forms_and_columns_that_are_not_wanted_are_left_to_arrow(tmp_path: Path) -> None:
    numbers = pa.array(range(5_000))
    table = pa.table(
        {
            "read": numbers,
            "not wanted": numbers,
            "plain": numbers,
            "dictionary": numbers,
            "pages": numbers,
            "narrow": numbers.cast(pa.int32()),
            "time": numbers.cast(pa.timestamp("ms")),
            "list": pa.array([[at] for at in range(5_000)]),
            "struct": pa.array([{"read": at} for at in range(5_000)]),
            "text": numbers.cast(pa.string()),
        }
    )
    forms = dict.fromkeys(["read", "not wanted", "narrow", "time"], "DELTA_BINARY_PACKED") | {"plain": "PLAIN"}
    pq.write_table(
        table, tmp_path / "in.parquet", use_dictionary=["dictionary"], column_encoding=forms, compression="lz4"
    )
    wanted = [name for name in table.column_names if name != "not wanted"]
    assert [list(group) for group in read(tmp_path / "in.parquet", wanted)] == [["read"]]
    for options in ({"max_rows_per_page": 1_000}, {"data_page_version": "2.0"}, {"compression": "zstd"}):
        pq.write_table(table.select(["read"]), tmp_path / "in.parquet", **DIFFERENCES | options)
        assert read(tmp_path / "in.parquet") == [{}], options


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_damaged_bytes_are_left_to_arrow_or_read_as_arrow_reads_them(tmp_path: Path, compression: str) -> None:
    rng = np.random.default_rng(1)
    numbers = pa.array(rng.integers(0, 50_000, 700), mask=rng.random(700) < 0.1)
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"n": numbers}), path, write_statistics=False, **DIFFERENCES | {"compression": compression})
    whole = path.read_bytes()
    end = 4 + pq.read_metadata(path).row_group(0).column(0).total_compressed_size
    dice, left, same = random.Random(1), 0, 0
    for _ in range(1_500):
        damaged = bytearray(whole)
        for _ in range(dice.choice([1, 1, 2, 8])):
            damaged[dice.randrange(4, min(end, 4 + dice.choice([40, 200, end])))] = dice.randrange(256)
        path.write_bytes(damaged)
        (found,) = read(path)
        if "n" not in found:
            left += 1
            continue
        try:
            (theirs,) = expected(path, "n")
        except (OSError, pa.ArrowException) as error:
            pytest.fail(f"read here, but Arrow says {error}")
        assert found["n"].to_pylist() == theirs
        same += 1
    assert left > 100 and (same > 100 or compression == "lz4")
