"""Columns are compared with thresholds in their own kind; the bins are those of scaled and rounded values."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.placing import ROWS_AT_A_TIME, Placer, lowest_float, sliced

edges_any = st.integers(-(2**61), 2**61) | st.integers(-2_000, 2_000)
scales = st.integers(1, 10**9) | st.sampled_from([1, 3, 100, 10**6])


@given(edges_any, scales)
@example(1, 1)
@example(2, 1)
@example(2**53 + 1, 1)
@example(29, 100)
def test_a_threshold_is_the_lowest_number_that_reaches_its_edge(edge: int, scale: int) -> None:
    lowest = lowest_float(edge, scale)
    assert round(lowest * scale) >= edge
    assert round(math.nextafter(lowest, -math.inf) * scale) < edge


def places(placer: Placer, column: pa.Array) -> list[int]:
    found = np.empty(len(column), np.uint16)
    placer.place(column, found)
    return found.tolist()


@settings(deadline=None)
@given(
    st.lists(edges_any, unique=True, max_size=9).map(sorted),
    scales,
    st.lists(st.none() | st.floats(width=64) | st.integers(-3_000, 3_000).map(lambda n: n / 1_000), max_size=8),
)
def test_floats_fall_in_the_bins_of_their_scaled_values(
    edges: list[int], scale: int, values: list[float | None]
) -> None:
    def place(value: float | None) -> int:
        if value is None or value != value:
            return len(edges) + 1
        scaled = value * scale
        return sum((scaled if math.isinf(scaled) else round(scaled)) >= edge for edge in edges)

    expected = [place(value) for value in values]
    assert places(Placer(edges, scale), pa.array(values, pa.float64())) == expected


@settings(deadline=None)
@given(
    st.lists(edges_any, unique=True, max_size=9).map(sorted),
    scales,
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-30, 30), max_size=8),
)
def test_integers_fall_in_the_bins_of_their_scaled_values(
    edges: list[int], scale: int, values: list[int | None]
) -> None:
    expected = [len(edges) + 1 if v is None else sum(v * scale >= edge for edge in edges) for v in values]
    assert places(Placer(edges, scale), pa.array(values, pa.int64())) == expected


@pytest.mark.parametrize("rows", [0, 1, ROWS_AT_A_TIME - 1, ROWS_AT_A_TIME, 2 * ROWS_AT_A_TIME + 1])
@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int64(), pa.float32(), pa.float64(), pa.bool_()])
def test_every_kind_of_number_and_every_length(kind: pa.DataType, rows: int) -> None:
    values = [None if at % 7 == 0 else at % 2 for at in range(rows)]
    column = pa.array(values, pa.int64()).cast(kind)
    assert places(Placer([1], 1), column) == [2 if value is None else value for value in values]


@pytest.mark.parametrize("encode", [False, True])
def test_texts_are_looked_up_and_one_that_is_not_known_is_not_missing(encode: bool) -> None:
    placer = Placer([1, 2, 3], 1, {"a": 1, "b": 2}, unknown=3)
    column = pa.array(["b", None, "z", "a", ""])
    assert places(placer, column.dictionary_encode() if encode else column) == [2, 4, 3, 1, 3]
    with_null = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array([None, "a"]))
    assert places(placer, with_null) == [4, 1, 4]


def test_rows_within_a_chunk_are_not_copied() -> None:
    column = pa.chunked_array([pa.array([1, 2, 3]), pa.array([4, 5])])
    assert sliced(column, 1, 2).buffers()[1].address == column.chunk(0).buffers()[1].address
    assert sliced(column, 2, 2).to_pylist() == [3, 4]
    assert sliced(column, 0, 0).to_pylist() == []
