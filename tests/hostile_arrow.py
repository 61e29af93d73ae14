"""Arrow streams with something wrong in them: where the lengths, counts and buffers of their messages stand, and changes to them."""

import random
import struct
from typing import Any, NamedTuple

import pyarrow as pa

INTERESTING = (
    0,
    1,
    -1,
    2,
    7,
    8,
    63,
    64,
    255,
    256,
    2**15,
    2**16,
    2**31 - 1,
    -(2**31),
    2**32,
    2**62,
    2**63 - 1,
    -(2**63),
)
CLOSE = (-64, -8, -4, -1, 1, 4, 8, 64)


def as_stream(table: pa.Table, rows: int | None = None, **options: Any) -> bytes:
    """A table as a stream, in batches of so many rows."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def number_at(data: bytes | bytearray, at: int, kind: str = "<I") -> int:
    found: int = struct.unpack_from(kind, data, at)[0]
    return found


def table_at(data: bytes | bytearray, at: int) -> int:
    """Where the table, text or vector begins that is named here."""
    return at + number_at(data, at)


def field_at(data: bytes | bytearray, table: int, field: int) -> int:
    """Where a field of a FlatBuffers table stands, 0 when it is not there."""
    vtable = table - number_at(data, table, "<i")
    entry = 4 + 2 * field
    offset = number_at(data, vtable + entry, "<H") if entry < number_at(data, vtable, "<H") else 0
    return table + offset if offset else 0


class Message(NamedTuple):
    """Places in a stream: of a message, its metadata, their end, and the end of its body. `kind`: 1 schema, 2 dictionary, 3 batch."""

    start: int
    metadata: int
    body: int
    end: int
    kind: int


def messages(data: bytes | bytearray) -> list[Message]:
    """Those of a stream as a writer makes it."""
    found, start = [], 0
    while start + 8 <= len(data) and (size := number_at(data, start + 4)):
        top = table_at(data, start + 8)
        length_at = field_at(data, top, 3)
        body = start + 8 + size
        end = body + (number_at(data, length_at, "<q") if length_at else 0)
        found.append(Message(start, start + 8, body, end, data[field_at(data, top, 1)]))
        start = end
    return found


def header(data: bytes | bytearray, message: Message) -> int:
    """Where the table of a message's kind begins: of a dictionary that of its values."""
    found = table_at(data, field_at(data, table_at(data, message.metadata), 2))
    return table_at(data, field_at(data, found, 1)) if message.kind == 2 else found


def numbers_of(data: bytes | bytearray, message: Message, field: int) -> list[int]:
    """Where a batch's numbers stand: of field 1 length and count of nulls by array, of field 2 place and length by buffer."""
    vector = table_at(data, field_at(data, header(data, message), field))
    return [vector + 4 + 8 * at for at in range(2 * number_at(data, vector))]


def changed(stream: bytes, by: random.Random) -> bytes:
    """The stream with one to three things changed."""
    data = bytearray(stream)
    for _ in range(by.choice((1, 1, 2, 3))):
        place = by.choice([message for message in messages(stream) if message.kind != 1])
        numbers, buffers = numbers_of(stream, place, 1), numbers_of(stream, place, 2)
        what = by.choice(("counts", "places", "exchange", "values", "values", "values", "byte"))
        if what == "counts":
            _change(data, by.choice(numbers), by)
        elif what == "places":
            _change(data, by.choice(buffers), by)
        elif what == "exchange":
            one, other = by.choice(buffers[::2]), by.choice(buffers[::2])
            data[one : one + 16], data[other : other + 16] = data[other : other + 16], data[one : one + 16]
        elif what == "values" and place.end - place.body >= 8:
            _change(data, place.body + by.randrange((place.end - place.body) // 4 - 1) * 4, by, "<i")
        else:
            data[by.randrange(len(data))] = by.randrange(256)
    return bytes(data)


def _change(data: bytearray, at: int, by: random.Random, kind: str = "<q") -> None:
    least = -(2 ** (8 * struct.calcsize(kind) - 1))
    value = by.choice(INTERESTING) if by.random() < 0.5 else number_at(data, at, kind) + by.choice(CLOSE)
    struct.pack_into(kind, data, at, (value - least) % (-2 * least) + least)
