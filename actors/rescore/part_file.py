"""Write a part of the output: a Parquet file whose added columns are packed here, since their values are known before.

A card says which scores, points and reasons there can be, so each column has the dictionary of all of them, the same in every file, and a
row has its place there in as few bits as the largest needs. A general writer looks each value up in a table of those that it has met,
which takes ten times as long. Wallets of a fixed number of bytes are written as they lie in memory: they are drawn at random, so nothing
makes them smaller. Other kept columns are whatever the input has, and pyarrow writes them: what it makes of a row group is taken over,
bytes and description.

Specification: Apache Parquet, format 2.9, Encodings.md and parquet.thrift.
"""

import contextlib
import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.rescore.thrift import BINARY, I16, I32, I64, LIST, STRUCT, Struct, decode_struct, encode_struct, varint
from models.arrays import Integers
from models.packing import Packed

BATCHES_A_GROUP: Final = 4
"""Of the output: 131,072 rows or some 3 MB with everything, unless rows are wide. Each column is one page of a group."""
DICTIONARY_MAX: Final = 8_192
"""Numbers of a wider range are written as they are."""
COMPRESSION_LEVEL: Final = 1
_MAGIC: Final = b"PAR1"
_PLAIN, _RLE, _DICTIONARY = 0, 3, 8
"""Encodings."""
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_INT32, _INT64, _TEXT, _BYTES = 1, 2, 6, 7
"""Physical types."""
_NUMBER_BITS: Final = 32
_KNOWN: Final = 1
"""The level of a value that is there; of one that is not it is 0."""


class Column(NamedTuple):
    """A column that is added. `type`: Arrow's. `low`, `high`: the least and the most that a number can be; of texts, the places among
    `texts`. `mask`: which of the masks says where a value is; None where one always is."""

    name: str
    type: pa.DataType
    low: int
    high: int
    texts: tuple[str, ...] | None = None
    mask: int | None = None


class Rows(NamedTuple):
    """Rows of a part: `kept` columns; `values` (n,) by added column, a single one where all are the same; `masks` (n,)."""

    kept: pa.Table
    values: Sequence[Integers]
    masks: Sequence[NDArray[np.bool_]]

    @property
    def num_rows(self) -> int:
        """How many."""
        count: int = self.kept.num_rows
        return count

    def slice(self, start: int, count: int) -> "Rows":
        """At most `count` rows from `start` on."""
        end = start + count
        values = [each if len(each) == 1 else each[start:end] for each in self.values]
        return Rows(self.kept.slice(start, count), values, [each[start:end] for each in self.masks])


class PartFile:
    """A file that is written row group by row group, of `rows_a_group` each. `sink`: a path, or a file that is open. The first of the
    columns that are kept says who: it has a value in each row."""

    def __init__(self, sink: Any, kept: pa.Schema, columns: Sequence[Column], rows_a_group: int) -> None:
        self._rows_a_group = rows_a_group
        self._file: Any = open(sink, "wb") if isinstance(sink, str) else sink
        self._closes = isinstance(sink, str)
        self._wallets = _Wallets(kept.field(0)) if _is_fixed(kept.field(0).type) else None
        self._kept = pa.schema(list(kept)[1 if self._wallets else 0 :])
        self._footer = _empty_footer(pa.schema([*kept, *(pa.field(each.name, each.type) for each in columns)]))
        self._pages = [_Pages(column, rows_a_group) for column in columns]
        self._masks = [_Mask(rows_a_group) for _ in {column.mask for column in columns if column.mask is not None}]
        self._groups: list[tuple[int, Struct]] = []
        self._at = self._rows_before = self._rows = 0
        self._others: list[pa.Table] = []
        self._write(_MAGIC)

    def write(self, rows: Rows) -> None:
        """Append rows, to as many row groups as they need."""
        done = 0
        while done < rows.num_rows:
            some = rows.slice(done, self._rows_a_group - self._rows)
            self._append(some)
            done += some.num_rows
            if self._rows == self._rows_a_group:
                self._end_group()

    def close(self) -> None:
        """Write what is left, and what describes the file."""
        if self._rows:
            self._end_group()
        self._footer |= {3: (I64, self._rows_before), 4: (LIST, (STRUCT, [group for _, group in self._groups]))}
        footer = encode_struct(self._footer)
        self._write(footer + struct.pack("<I", len(footer)) + _MAGIC)
        if self._closes:
            self._file.close()

    def drop(self) -> None:
        """Leave it as it is, when it is of no use."""
        with contextlib.suppress(OSError):  # what is not on the disk yet may find no room
            self._file.close()

    def _append(self, rows: Rows) -> None:
        if self._wallets is not None:
            self._wallets.add(rows.kept.column(0))
        self._others.append(rows.kept.select(self._kept.names))
        for mask, known in zip(self._masks, rows.masks, strict=True):
            mask.add(known)
        for pages, values in zip(self._pages, rows.values, strict=True):
            mask_at = pages.column.mask
            pages.add(values, None if mask_at is None else rows.masks[mask_at])
        self._rows += rows.num_rows

    def _end_group(self) -> None:
        start = self._at
        described = self._write_kept()
        levels = [mask.take() for mask in self._masks]
        for pages in self._pages:
            mask = pages.column.mask
            described.append(self._write_column(pages, _all_known(self._rows) if mask is None else levels[mask]))
        size = self._at - start
        group: Struct = {
            1: (LIST, (STRUCT, described)),
            2: (I64, sum(chunk[3][1][6][1] for chunk in described)),
            3: (I64, self._rows),
            5: (I64, start),
            6: (I64, size),
            7: (I16, len(self._groups)),
        }
        self._groups.append((self._rows, group))
        self._rows_before += self._rows
        self._rows = 0

    def _write_kept(self) -> list[Struct]:
        described = []
        if self._wallets is not None:
            start = self._at
            self._write(self._wallets.take(self._rows))
            described.append({2: (I64, 0), 3: (STRUCT, self._wallets.described(self._rows, start, self._at))})
        if len(self._kept):
            start, (data, chunks) = self._at, _written_by_pyarrow(self._others)
            self._write(data[len(_MAGIC) :])
            described += [_moved(chunk, start - len(_MAGIC)) for chunk in chunks]
        self._others = []
        return described

    def _write_column(self, pages: "_Pages", levels: "_Levels") -> Struct:
        """The pages of a column, and what the footer says of them."""
        start = self._at
        self._write(pages.dictionary)
        data_at = self._at
        self._write(pages.take(levels, self._rows))
        return {2: (I64, 0), 3: (STRUCT, pages.described(self._rows, start, data_at, self._at))}

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._at += len(data)


class _Levels(NamedTuple):
    """Which rows of a group have a value, encoded, and how many have."""

    data: bytes
    known: int


def _all_known(rows: int) -> _Levels:
    return _Levels(_run(rows, _KNOWN, 1), rows)


class _Wallets:
    """A column of bytes that are as many in each row, with none missing."""

    def __init__(self, field: pa.Field) -> None:
        self._name = field.name
        self._parts: list[Any] = []

    def add(self, column: pa.ChunkedArray) -> None:
        """Where they lie; they are copied when they are written."""
        for chunk in column.chunks:
            stored = chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk
            width = stored.type.byte_width
            self._parts.append(stored.buffers()[1].slice(stored.offset * width, len(stored) * width))

    def take(self, rows: int) -> bytes:
        """The page of a row group, and begin anew."""
        levels = _all_known(rows).data
        body = b"".join([struct.pack("<I", len(levels)), levels, *self._parts])
        self._parts = []
        return _page(_DATA_PAGE, 5, {1: (I32, rows), 2: (I32, _PLAIN), 3: (I32, _RLE), 4: (I32, _RLE)}, body)

    def described(self, rows: int, start: int, end: int) -> Struct:
        """What the footer says of it."""
        return _described(self._name, _BYTES, [_PLAIN, _RLE], rows, start, end)


class _Mask:
    """Which rows of a group have a value, shared by the columns that lack the same."""

    def __init__(self, rows_max: int) -> None:
        self._bits = Packed(1, rows_max)
        self._rows = self._known = 0

    def add(self, known: NDArray[np.bool_]) -> None:
        self._bits.add(known, 0)
        self._rows += len(known)
        self._known += int(np.count_nonzero(known))

    def take(self) -> _Levels:
        """And begin anew."""
        rows, known, bits = self._rows, self._known, self._bits.take()
        self._rows = self._known = 0
        data = _run(rows, known // rows, 1) if known in (0, rows) else varint(len(bits) << 1 | 1) + bits
        return _Levels(data, known)


class _Pages:
    """A column's pages of a row group: the dictionary, the same each time, and the places in it; or numbers as they are."""

    def __init__(self, column: Column, rows_max: int) -> None:
        self.column = column
        entries = column.high - column.low + 1
        self._physical = _TEXT if column.texts is not None else _INT64 if pa.types.is_timestamp(column.type) else _INT32
        self._looked_up = entries <= DICTIONARY_MAX or column.texts is not None
        self._low = column.low if self._looked_up else 0
        self._width = max(1, (entries - 1).bit_length()) if self._looked_up else _NUMBER_BITS
        self._packed = None if entries == 1 else Packed(self._width, rows_max)
        self.dictionary = _dictionary_page(column, self._physical, entries) if self._looked_up else b""

    def add(self, values: Integers, known: NDArray[np.bool_] | None) -> None:
        """Of a batch."""
        if self._packed is None:
            return
        if known is None:
            self._packed.add(values, self._low)
        else:
            self._packed.add_known(values, known, self._low)

    def take(self, levels: _Levels, rows: int) -> bytes:
        """The page of a row group, and begin anew."""
        body = struct.pack("<I", len(levels.data)) + levels.data
        if self._looked_up:
            body += bytes([self._width]) + self._places(levels.known)
        elif self._packed is not None:
            body += self._packed.take()
        encoding = _DICTIONARY if self._looked_up else _PLAIN
        header: Struct = {1: (I32, rows), 2: (I32, encoding), 3: (I32, _RLE), 4: (I32, _RLE)}
        return _page(_DATA_PAGE, 5, header, body)

    def described(self, rows: int, start: int, data_at: int, end: int) -> Struct:
        """What the footer says of them."""
        if not self._looked_up:
            return _described(self.column.name, self._physical, [_PLAIN, _RLE], rows, start, end)
        kinds = [{1: (I32, _DATA_PAGE), 2: (I32, _DICTIONARY), 3: (I32, 1)}]
        kinds.append({1: (I32, _DICTIONARY_PAGE), 2: (I32, _PLAIN), 3: (I32, 1)})
        found = _described(self.column.name, self._physical, [_PLAIN, _RLE, _DICTIONARY], rows, start, end)
        return found | {9: (I64, data_at), 11: (I64, start), 13: (LIST, (STRUCT, kinds))}

    def _places(self, known: int) -> bytes:
        if self._packed is None:
            return _run(known, 0, 1)
        places = self._packed.take(self._width)
        return varint(len(places) // self._width << 1 | 1) + places if known else b""


def _written_by_pyarrow(tables: Sequence[pa.Table]) -> tuple[bytes, list[Struct]]:
    """A row group as a file in memory: its bytes before the footer, and how that describes the columns."""
    table = pa.concat_tables(tables).combine_chunks()
    texts = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=table.num_rows,
        use_dictionary=texts,
        write_statistics=False,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
    )
    data = sink.getvalue().to_pybytes()
    (group,) = _footer(data)[4][1][1]
    return data[: len(data) - _footer_bytes(data)], group[1][1][1]


def _is_fixed(kind: pa.DataType) -> bool:
    stored = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    return bool(pa.types.is_fixed_size_binary(stored))


def _empty_footer(schema: pa.Schema) -> Struct:
    """How pyarrow describes the columns, Arrow's own types among it, in a file without rows."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema):
        pass
    return _footer(sink.getvalue().to_pybytes())


def _footer_bytes(data: bytes) -> int:
    """With its length and the mark after it."""
    (length,) = struct.unpack("<I", data[-8:-4])
    return int(length) + 8


def _footer(data: bytes) -> Struct:
    return decode_struct(data[-_footer_bytes(data) : -8])


def _described(name: str, physical: int, encodings: list[int], rows: int, start: int, end: int) -> Struct:
    """What a footer says of a column that is not compressed."""
    return {
        1: (I32, physical),
        2: (LIST, (I32, encodings)),
        3: (LIST, (BINARY, [name.encode()])),
        4: (I32, 0),
        5: (I64, rows),
        6: (I64, end - start),
        7: (I64, end - start),
        9: (I64, start),
    }


def _moved(chunk: Struct, by: int) -> Struct:
    """A column's description, of pages that lie elsewhere."""
    described = chunk[3][1]
    places = {field: (I64, described[field][1] + by) for field in (9, 11) if field in described}
    return chunk | {3: (STRUCT, described | places)}


def _page(kind: int, field: int, header: Struct, body: bytes) -> bytes:
    described: Struct = {1: (I32, kind), 2: (I32, len(body)), 3: (I32, len(body)), field: (STRUCT, header)}
    return encode_struct(described) + body


def _dictionary_page(column: Column, physical: int, entries: int) -> bytes:
    if column.texts is not None:
        words = [text.encode() for text in column.texts]
        body = b"".join(struct.pack("<I", len(word)) + word for word in words)
    else:
        body = np.arange(column.low, column.high + 1, dtype="<i8" if physical == _INT64 else "<i4").tobytes()
    return _page(_DICTIONARY_PAGE, 7, {1: (I32, entries), 2: (I32, _PLAIN)}, body)


def _run(count: int, value: int, size: int) -> bytes:
    """So many times the same."""
    return varint(count << 1) + value.to_bytes(size, "little")
