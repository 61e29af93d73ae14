"""Write a Parquet file of scores.

Whole numbers and texts of a card are packed here, other columns by Arrow.

Arrow's writer takes 8 to 20 ns for a value, and a row has 17 of a card's. They are small numbers, or places in a list of texts, and lie in
arrays already. Arrow makes the other columns and the schema, and its footer is read for where it put them.
"""

import io
import struct
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.rescore.thrift import BINARY, I32, I64, LIST, STRUCT, Field, Struct, decode, encode, varint
from actors.storage.hashed_file import HashedFile
from models.arrow_buffers import bits_of, values_and_bits, values_of
from models.bit_packing import WIDTH_MAX, bit_packed, keep_valid, room

MAGIC: Final = b"PAR1"
MADE_BY: Final = b"shardpay"
INT32_MAX: Final = 2**31 - 1
_LENGTH: Final = struct.Struct("<I")

# What https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift calls these, and the numbers of its fields.
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_DATA_PAGE_HEADER, _DICTIONARY_PAGE_HEADER = 5, 7
_INT32, _BYTE_ARRAY, _FIXED_LEN_BYTE_ARRAY = 1, 6, 7
_PLAIN, _RLE, _RLE_DICTIONARY = 0, 3, 8
_UNCOMPRESSED: Final = 0
_NUM_ROWS, _ROW_GROUPS, _CREATED_BY = 3, 4, 6
_COLUMNS, _TOTAL_BYTES, _FILE_OFFSET, _TOTAL_COMPRESSED = 1, 2, 5, 6
_META_DATA, _PATH = 3, 3
_UNCOMPRESSED_SIZE, _COMPRESSED_SIZE, _DATA_PAGE_OFFSET, _DICTIONARY_PAGE_OFFSET = 6, 7, 9, 11


class _Written(NamedTuple):
    """A row group of so many rows. `moved`: how much further in the file Arrow's columns are than Arrow believes."""

    rows: int
    moved: int
    chunks: list[Struct]


class PartWriter:
    """A file of one schema. `packed`: the columns that are packed here, of 32-bit whole numbers, of texts by places of 16 bits, or of
    bytes of one length that each row has. `encoding`: Arrow's options for the others, of which there is one at least."""

    def __init__(
        self, sink: HashedFile, schema: pa.Schema, packed: Collection[str], encoding: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._packed = [name for name in schema.names if name in packed]
        self._others = [name for name in schema.names if name not in packed]
        self._out = _Out(sink)
        self._arrow = pq.ParquetWriter(self._out, pa.schema([schema.field(name) for name in self._others]), **encoding)
        self._arrays = _Arrays(0)
        self._groups: list[_Written] = []

    def write(self, table: pa.Table) -> None:
        """A row group. Raises OSError when there is no room."""
        moved = self._out.moved
        self._arrow.write_table(table.select(self._others), table.num_rows)
        if self._arrays.rows < table.num_rows:
            self._arrays = _Arrays(table.num_rows)
        chunks = [self._chunk(self._schema.field(name), table.column(name)) for name in self._packed]
        self._groups.append(_Written(table.num_rows, moved, chunks))

    def close(self) -> None:
        """The footer. Raises OSError when there is no room."""
        theirs = _footer(self._out.footer_of(self._arrow))
        footer = _footer_without_rows(self._schema)
        groups = zip(theirs[_ROW_GROUPS].value[1], self._groups, strict=True)
        footer[_NUM_ROWS] = theirs[_NUM_ROWS]
        footer[_ROW_GROUPS] = Field(LIST, (STRUCT, [self._group(*each) for each in groups]))
        footer[_CREATED_BY] = Field(BINARY, MADE_BY)
        data = encode(footer)
        self._out.put(data + _LENGTH.pack(len(data)) + MAGIC)

    def drop(self) -> None:
        """End without a footer: the file is not wanted."""
        with suppress(OSError):  # what Arrow has not written yet may find no room
            self._out.footer_of(self._arrow)

    def _chunk(self, field: pa.Field, column: pa.ChunkedArray) -> Struct:
        """Write a column of a row group, as a page of all its values, after one of those that there are, unless these would be more."""
        begin = self._out.at
        pages = self._arrays.pages(field.type, column)
        if pages.listed is not None:
            self._put_page(_DICTIONARY_PAGE, pages.listed.entries, _PLAIN, pages.listed.data)
        page, encoding = self._out.at, _PLAIN if pages.listed is None else _RLE_DICTIONARY
        self._put_page(_DATA_PAGE, len(column), encoding, _levels(column) if field.nullable else b"", *pages.values)
        size = Field(I64, self._out.at - begin)
        chunk = {
            1: Field(I32, pages.kind),
            2: Field(LIST, (I32, sorted({_PLAIN, _RLE, encoding}))),
            _PATH: Field(LIST, (BINARY, [field.name.encode()])),
            4: Field(I32, _UNCOMPRESSED),
            5: Field(I64, len(column)),
            _UNCOMPRESSED_SIZE: size,
            _COMPRESSED_SIZE: size,
            _DATA_PAGE_OFFSET: Field(I64, page),
        }
        return chunk if pages.listed is None else {**chunk, _DICTIONARY_PAGE_OFFSET: Field(I64, begin)}

    def _put_page(self, kind: int, values: int, encoding: int, *data: Any) -> None:
        size = Field(I32, sum(memoryview(each).nbytes for each in data))
        described = {1: Field(I32, values), 2: Field(I32, encoding)}
        if kind == _DATA_PAGE:
            described |= {3: Field(I32, _RLE), 4: Field(I32, _RLE)}
        name = _DATA_PAGE_HEADER if kind == _DATA_PAGE else _DICTIONARY_PAGE_HEADER
        header = {1: Field(I32, kind), 2: size, 3: size, name: Field(STRUCT, described)}
        self._out.put(encode(header))
        for each in data:
            self._out.put(each)

    def _group(self, theirs: Struct, ours: _Written) -> Struct:
        """A row group of the footer, of Arrow's columns and those that are packed, in the order of the schema."""
        chunks = list(ours.chunks)
        for each in theirs[_COLUMNS].value[1]:
            chunk = each[_META_DATA].value
            chunks.append({**chunk, **_moved(chunk, (_DATA_PAGE_OFFSET, _DICTIONARY_PAGE_OFFSET), ours.moved)})
        place = {name.encode(): at for at, name in enumerate(self._schema.names)}
        chunks.sort(key=lambda chunk: place[chunk[_PATH].value[1][0]])
        columns = [{2: Field(I64, 0), _META_DATA: Field(STRUCT, chunk)} for chunk in chunks]
        return {
            **theirs,
            **_moved(theirs, (_FILE_OFFSET,), ours.moved),
            _COLUMNS: Field(LIST, (STRUCT, columns)),
            _TOTAL_BYTES: Field(I64, sum(chunk[_UNCOMPRESSED_SIZE].value for chunk in chunks)),
            _TOTAL_COMPRESSED: Field(I64, sum(chunk[_COMPRESSED_SIZE].value for chunk in chunks)),
        }


def load_packing() -> None:
    """Load what packs, before it is wanted: copies of this process have it then."""
    arrays, texts = _Arrays(2), pa.array(["a", "b"])
    for column in (pa.array([1, 2], pa.int32()), pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int16()), texts)):
        arrays.pages(column.type, pa.chunked_array([column]))


class _Listed(NamedTuple):
    """Values that there are, as a page has them: texts each with its length."""

    entries: int
    data: bytes


class _Pages(NamedTuple):
    """A column's values, of a `kind` of Parquet's; good until the next column's are made."""

    kind: int
    listed: _Listed | None
    values: list[Any]


class _Arrays:
    """What a column after the other is packed in."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._kept = np.empty(rows + 8, np.int32)
        self._packed = np.empty(1 + room(rows), np.uint8)

    def pages(self, kind: pa.DataType, column: pa.ChunkedArray) -> _Pages:
        """Of a column in one of the types that are packed."""
        if isinstance(kind, pa.BaseExtensionType):
            kind, column = kind.storage_type, pa.chunked_array([each.storage for each in column.chunks])
        if pa.types.is_fixed_size_binary(kind):
            each = np.dtype((np.void, kind.byte_width))
            return _Pages(_FIXED_LEN_BYTE_ARRAY, None, [values_of(chunk, each).data for chunk in column.chunks])
        if pa.types.is_dictionary(kind):
            column = column.unify_dictionaries()
            places = [each.indices for each in column.chunks]
            count, low, high = self._keep(places, np.int16)
            listed = _texts(column.chunk(0).dictionary)
            return _Pages(_BYTE_ARRAY, listed, self._pack(count, 0, low, high, listed.entries))
        count, low, high = self._keep(column.chunks, np.int32)
        spread = high - low + 1
        if not 0 < spread <= min(count, 1 << WIDTH_MAX):
            return _Pages(_INT32, None, [self._kept[:count].data])
        listed = _Listed(spread, np.arange(low, high + 1, dtype="<i4").tobytes())
        return _Pages(_INT32, listed, self._pack(count, low, low, high, spread))

    def _keep(self, chunks: list[pa.Array], kind: Any) -> tuple[int, int, int]:
        """What is there: how many values, the lowest, the highest."""
        count, low, high = 0, INT32_MAX, -INT32_MAX - 1
        for chunk in chunks:
            more, its_low, its_high = keep_valid(*values_and_bits(chunk, kind), self._kept[count:])
            count, low, high = count + int(more), min(low, int(its_low)), max(high, int(its_high))
        return count, low, high

    def _pack(self, count: int, first: int, low: int, high: int, listed: int) -> list[Any]:
        """Places in a list that begins with `first`, and before them how many bits each takes."""
        width = max(1, (listed - 1).bit_length())
        if low == high:
            return [bytes([width]) + varint(count << 1) + (low - first).to_bytes((width + 7) // 8, "little")]
        self._packed[0] = width
        length = bit_packed(self._kept, count, first, width, self._packed[1:])
        return [self._packed[: 1 + length].data]


class _Out:
    """A file to which Arrow writes, too; its footer is kept apart."""

    closed = False

    def __init__(self, file: HashedFile) -> None:
        self._file = file
        self._footer: bytearray | None = None
        self._arrow_at = 0

    @property
    def at(self) -> int:
        """Where the next byte goes."""
        return self._file.bytes

    @property
    def moved(self) -> int:
        """How much further that is than Arrow believes."""
        return self.at - self._arrow_at

    def put(self, data: Any) -> None:
        """What is not Arrow's."""
        self._file.write(data)

    def write(self, data: Any) -> None:
        """What Arrow writes."""
        self._arrow_at += len(data)
        if self._footer is None:
            self._file.write(data)
        else:
            self._footer += data

    def tell(self) -> int:
        """Where Arrow believes that it is."""
        return self._arrow_at

    def flush(self) -> None:
        """Whoever has the file flushes it."""

    def close(self) -> None:
        """Arrow is done, the file may not be."""

    def footer_of(self, writer: pq.ParquetWriter) -> bytes:
        """End what Arrow writes."""
        self._footer = bytearray()
        writer.close()
        return bytes(self._footer)


def _moved(fields: Struct, offsets: Collection[int], by: int) -> Struct:
    return {name: Field(I64, fields[name].value + by) for name in offsets if name in fields}


def _footer(end: bytes) -> Struct:
    """What a file ends with, as fields."""
    return decode(end[-len(MAGIC) - _LENGTH.size - _LENGTH.unpack_from(end, len(end) - len(MAGIC) - _LENGTH.size)[0] :])


def _footer_without_rows(schema: pa.Schema) -> Struct:
    file = io.BytesIO()
    pq.ParquetWriter(file, schema).close()
    return _footer(file.getvalue())


def _texts(texts: pa.Array) -> _Listed:
    data = [text.encode() for text in texts.to_pylist()]
    return _Listed(len(data), b"".join(_LENGTH.pack(len(each)) + each for each in data))


def _levels(column: pa.ChunkedArray) -> bytes:
    """Which rows have a value, as a page begins with it: one run, after its length."""
    if not column.null_count:
        run = varint(len(column) << 1) + b"\x01"
    else:
        bits = _joined(column).tobytes()
        run = varint(len(bits) << 1 | 1) + bits
    return _LENGTH.pack(len(run)) + run


def _joined(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Of all chunks, one after the other."""
    if column.num_chunks == 1:
        return bits_of(column.chunk(0))
    if all(len(chunk) % 8 == 0 and chunk.null_count for chunk in column.chunks):
        return np.concatenate([bits_of(chunk) for chunk in column.chunks])
    each = [chunk.is_valid().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.packbits(np.concatenate(each), bitorder="little")
