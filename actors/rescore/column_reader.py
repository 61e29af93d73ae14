"""Read columns of whole numbers as `shardpay features` writes them.

That is their differences, in one page of a row group. Arrow takes 6 ns for such a number, half of all that rescoring takes. Columns of any
other form are left to Arrow, and so is a page that is not what is expected: whether it is damaged, Arrow says.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import lz4.block
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.bit_unpacking import HEADER, REFUSED, SLACK, spread, unpack_differences, unpack_header, unpack_levels
from models.jit import read_only

_ENCODINGS: Final = frozenset({"DELTA_BINARY_PACKED", "RLE"})
_COMPRESSED: Final = {"UNCOMPRESSED": False, "LZ4": True}
_LENGTH_BYTES: Final = 4
_NUMBER_MOST: Final = 10
"""Bytes of a number in a page, about: a page that says it has far more is not what is expected."""

# As https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift has them.
_DATA_PAGE, _RLE, _DELTA_BINARY_PACKED = 0, 3, 5


class _Column(NamedTuple):
    """A column that is read here: its place in the file."""

    name: str
    place: int
    nullable: bool


class _Chunk(NamedTuple):
    """A column of a row group: bytes [start, end) of the file."""

    column: _Column
    start: int
    end: int
    compressed: bool


class ColumnReader:
    """Those columns of a file that can be read here, of those wanted. `descriptor`: of the opened file, of this machine."""

    def __init__(self, descriptor: int, file: pq.ParquetFile, names: Iterable[str]) -> None:
        self._descriptor, self._metadata = descriptor, file.metadata
        self._columns = list(_columns(file, frozenset(names)))

    def read(self, group: int) -> dict[str, pa.Array]:
        """Columns of a row group by name; those that are not there are not in the form that is read here."""
        rows = self._metadata.row_group(group).num_rows
        chunks = list(self._chunks(group))
        if not chunks or not rows:
            return {}
        room = np.empty((len(chunks), rows + SLACK), np.int64)  # at once: the system gives so much in pages of 2 MB
        found = {}
        for chunk, values in zip(chunks, room, strict=True):
            data = os.pread(self._descriptor, chunk.end - chunk.start, chunk.start)
            page = _page(read_only(np.frombuffer(data, np.uint8)), chunk.compressed, rows)
            column = None if page is None else _unpacked(page, chunk.column.nullable, rows, values)
            if column is not None:
                found[chunk.column.name] = column
        return found

    def _chunks(self, group: int) -> Iterator[_Chunk]:
        described = self._metadata.row_group(group)
        for column in self._columns:
            chunk = described.column(column.place)
            known = chunk.compression in _COMPRESSED and _ENCODINGS.issuperset(chunk.encodings)
            if known and not chunk.has_dictionary_page:
                start = chunk.data_page_offset
                yield _Chunk(column, start, start + chunk.total_compressed_size, _COMPRESSED[chunk.compression])


def load_unpacking() -> None:
    """Load what unpacks, before it is wanted: copies of this process have it then."""
    unpack_header(read_only(np.zeros(1, np.uint8)), np.zeros(HEADER, np.int64))
    page, valid = read_only(np.zeros(_LENGTH_BYTES, np.uint8)), np.zeros(SLACK + 1, np.uint8)
    unpack_levels(page, 0, len(page), 1, valid)
    values = np.zeros(SLACK + 1, np.int64)
    unpack_differences(page, 0, len(page), 1, values)
    spread(values, valid, 1, 0)


def _unpacked(page: NDArray[np.uint8], nullable: bool, rows: int, values: NDArray[np.int64]) -> pa.Array | None:
    """The column that a page holds, in `values` (rows + SLACK,); None where it is not as expected."""
    there, start, valid = rows, 0, None
    if nullable:
        start = _LENGTH_BYTES + int.from_bytes(page[:_LENGTH_BYTES].tobytes(), "little")
        valid = np.empty((rows + 7) // 8 + SLACK, np.uint8)
        if start > len(page):
            return None
        there = unpack_levels(page, _LENGTH_BYTES, start, rows, valid)
    if there == REFUSED:
        return None
    if there and unpack_differences(page, start, len(page), there, values) == REFUSED:
        return None
    if there != rows:
        spread(values, valid, rows, there)
    bits = None if there == rows else pa.py_buffer(valid)
    return pa.Array.from_buffers(pa.int64(), rows, [bits, pa.py_buffer(values)], rows - there)


def _columns(file: pq.ParquetFile, names: frozenset[str]) -> Iterator[_Column]:
    stored, read = file.schema, file.schema_arrow
    for place in range(file.metadata.num_columns):
        column = stored.column(place)
        if column.path != column.name:  # of a nested column, whose path may be the name of another
            continue
        if column.path in names and read.field(column.path).type == pa.int64():
            yield _Column(column.path, place, column.max_definition_level == 1)


def _page(data: NDArray[np.uint8], compressed: bool, rows: int) -> NDArray[np.uint8] | None:
    """What the only page of a chunk holds; None where it is not as expected."""
    header = np.empty(HEADER, np.int64)
    at = unpack_header(data, header)
    kind, size, stored, *form = header.tolist()
    if at == REFUSED or (kind, stored, form) != (_DATA_PAGE, len(data) - at, [rows, _DELTA_BINARY_PACKED, _RLE, _RLE]):
        return None
    if not 0 <= size <= (rows + 1_024) * _NUMBER_MOST:
        return None
    if not compressed:
        return data[at:] if len(data) - at == size else None
    try:
        body = lz4.block.decompress(data[at:], uncompressed_size=size)
    except (ValueError, lz4.block.LZ4BlockError):
        return None
    return read_only(np.frombuffer(body, np.uint8)) if len(body) == size else None
