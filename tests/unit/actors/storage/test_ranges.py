"""Ranges that are expected are fetched while others are read, a few at a time, and give the bytes that a file would."""

import threading
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.rescore.inputs import chunk_ranges
from actors.storage.interface import Changed, Found, Range
from actors.storage.ranges import AHEAD, TAIL_BYTES, RangeFile

DATA = bytes(at * 31 % 251 for at in range(4 * TAIL_BYTES))


class Store:
    """Gives ranges of some bytes, and knows which were asked for and how many at the same time."""

    def __init__(self, data: bytes = DATA) -> None:
        self.data = data
        self.found = Found("a", len(data), "1")
        self.asked: list[Range] = []
        self.together = threading.Barrier(AHEAD, timeout=5)
        self.waits: set[Range] = set()

    def fetch(self, found: Found, start: int, end: int) -> Any:
        assert found == self.found
        self.asked.append(Range(start, end))
        if Range(start, end) in self.waits:
            self.together.wait()
        return self.data[start:end]


def read(file: RangeFile, wanted: Range) -> bytes:
    file.seek(wanted.start)
    return bytes(file.read(wanted.end - wanted.start))


def test_expected_ranges_are_fetched_together_and_once() -> None:
    store = Store()
    ranges = [Range(at * 1_000, at * 1_000 + 900) for at in range(3 * AHEAD)]
    store.waits = set(ranges[:AHEAD])
    file = RangeFile(store.found, store.fetch)
    file.expect(ranges)
    for wanted in ranges:
        assert read(file, wanted) == DATA[wanted.start : wanted.end]
    assert sorted(store.asked) == ranges


def test_what_is_not_expected_or_otherwise_than_expected_is_read_all_the_same() -> None:
    store = Store()
    file = RangeFile(store.found, store.fetch)
    file.expect([Range(10, 20), Range(30, 40)])
    for wanted in (Range(30, 35), Range(12, 20), Range(10, 20), Range(5_000, 6_000), Range(len(DATA) - 9, len(DATA))):
        assert read(file, wanted) == DATA[wanted.start : wanted.end]
    file.expect([])
    assert read(file, Range(30, 40)) == DATA[30:40]


def test_a_change_that_is_noticed_ahead_is_told_by_the_read() -> None:
    def fetch(found: Found, start: int, end: int) -> Any:
        raise Changed(found.name)

    file = RangeFile(Found("a", len(DATA), "1"), fetch)
    file.expect([Range(10, 20)])
    with pytest.raises(Changed):
        read(file, Range(10, 20))


def test_arrow_reads_the_columns_of_row_groups_by_the_ranges_that_are_expected() -> None:
    table = pa.table({name: [f"{name}{row % 700}" for row in range(40_000)] for name in "abcd"})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=10_000, compression="none", use_dictionary=["a"])
    store = Store(sink.getvalue().to_pybytes())
    source = RangeFile(store.found, store.fetch)
    with pq.ParquetFile(source, pre_buffer=False, buffer_size=1 << 20) as file:
        expected = chunk_ranges(file.metadata, [1, 2], frozenset("ac"))
        store.asked.clear()
        source.expect(expected)
        rows = pa.Table.from_batches(file.iter_batches(3_000, row_groups=[1, 2], columns=["a", "c"], use_threads=False))
    assert rows.equals(table.select(["a", "c"]).slice(10_000, 20_000))
    assert sorted(store.asked) == sorted(expected) and len(expected) == 4
