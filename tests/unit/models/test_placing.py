"""Columns are compared with thresholds in their own kind; the bins are those of scaled and rounded values."""

import math
import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.placing import ROWS_AT_A_TIME, Placer, batches, laid_out, lowest_float, points_of_rows, thresholds_of

KINDS = [
    pa.int8(),
    pa.int32(),
    pa.uint16(),
    pa.uint32(),
    pa.uint64(),
    pa.int64(),
    pa.float16(),
    pa.float32(),
    pa.float64(),
    pa.bool_(),
]

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


def placer_of_bins(edges: list[int], scale: int) -> Placer:
    """With the number of a bin as its points, and one more for what is missing."""
    return Placer(edges, scale, range(len(edges) + 2))


def places(placer: Placer, column: pa.Array) -> list[int]:
    into = np.empty(len(column), np.int32)
    found = laid_out([placer], [column])
    for first in range(0, len(column), ROWS_AT_A_TIME):
        count = min(ROWS_AT_A_TIME, len(column) - first)
        points_of_rows(thresholds_of([placer]), found.laid, 0, first, count, into[first:])
    return into.tolist()


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
    assert places(placer_of_bins(edges, scale), pa.array(values, pa.float64())) == expected


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
    assert places(placer_of_bins(edges, scale), pa.array(values, pa.int64())) == expected


@pytest.mark.parametrize("rows", [0, 1, ROWS_AT_A_TIME - 1, ROWS_AT_A_TIME, 2 * ROWS_AT_A_TIME + 1])
@pytest.mark.parametrize("before", [0, 3, 8, 700])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_of_number_every_length_and_wherever_in_a_column(kind: pa.DataType, before: int, rows: int) -> None:
    values = [None if at % 7 == 0 or 40 < at < 90 else at % 2 for at in range(before + rows + 5)]
    column = pa.array(values, pa.int64()).cast(kind).slice(before, rows)
    expected = [2 if value is None else value for value in values[before : before + rows]]
    assert places(placer_of_bins([1], 1), column) == expected


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.float32(), pa.float64()])
def test_a_number_of_each_width_is_read_whole(kind: pa.DataType) -> None:
    column = pa.array([-70_000, 69_999, 70_000, 2**24], pa.int64()).cast(kind)
    assert places(placer_of_bins([-70_000, 70_000, 2**24], 1), column) == [1, 1, 2, 3]


@pytest.mark.parametrize("missing", [False, True])
def test_a_column_with_less_memory_than_it_says_is_refused(missing: bool) -> None:
    """As somebody may send it: what Arrow makes of a stream has whatever length stands there."""
    batch = pa.record_batch({"a": pa.array([None if missing else 1] * 91, pa.int64())})
    with pa.BufferOutputStream() as sink:
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        stream = sink.getvalue().to_pybytes()
    more = stream.replace(struct.pack("<q", 91), struct.pack("<q", 9_100))
    (column,) = pa.ipc.open_stream(more).read_all().to_batches()[0].columns
    assert len(column) == 9_100
    with pytest.raises(ValueError, match=r"says that it has 9100 values, and has fewer"):
        laid_out([placer_of_bins([1], 1)], [column])


@pytest.mark.parametrize("encode", [False, True])
def test_texts_are_looked_up_and_one_that_is_not_known_is_not_missing(encode: bool) -> None:
    placer = Placer([1, 2, 3], 1, range(5), [0, 0, 0, 1], {"a": 1, "b": 2}, other=3)
    column = pa.array(["b", None, "z", "a", ""])
    assert places(placer, column.dictionary_encode() if encode else column) == [2, 4, 3, 1, 3]
    with_null = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array([None, "a"]))
    assert places(placer, with_null) == [4, 1, 4]


def test_rows_within_a_chunk_are_not_copied_and_columns_are_cut_where_any_is() -> None:
    one, other = (
        pa.chunked_array([pa.array([1, 2, 3]), pa.array([4, 5])]),
        pa.chunked_array([pa.array([6, 7, 8, 9, 10])]),
    )
    found = batches([one, other])
    assert [[part.to_pylist() for part in parts] for parts in found] == [[[1, 2, 3], [6, 7, 8]], [[4, 5], [9, 10]]]
    assert found[0][1].buffers()[1].address == other.chunk(0).buffers()[1].address
    assert found[1][0].buffers()[1].address == one.chunk(1).buffers()[1].address
