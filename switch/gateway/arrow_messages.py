"""Look at the messages of an Arrow stream before Arrow reads them: none means more than its bytes.

A valid message can stand for far more: FlatBuffers may name one table from many places, and Arrow reads it at each of them, so that a
kilobyte is a million fields; a buffer may be that of many columns; a dictionary may grow with each batch, and each batch holds its own.

The walk is only of what Arrow unfolds. Whether a message is well formed Arrow says, when it reads it.
"""

import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from switch.fairness.scheduling import Steps
from switch.problems.table import ProblemError

METADATA_BYTES_MAX: Final = 256 * 1024
"""Of one message: a schema with all that a card can look at has some 60 kB, and as much again where pandas adds its own."""
ENTRIES_MAX: Final = 1_024
"""Fields of a stream, nested ones too, and pairs of metadata, of all messages together: Arrow takes a microsecond for each."""
BATCHES_MAX: Final = 256
"""Batches of a stream, empty ones too: each costs some 50 microseconds."""
DICTIONARIES_MAX: Final = 16
"""Dictionaries before one batch, which Arrow reads with it: there are fewer columns of texts."""
WALKED: Final = 64
"""Entries of one step."""

_TYPES: Final = ("schema", "dictionary", "record batch")
_COMPRESSION_KEY: Final = b"ARROW:experimental_compression"
"""With it in a message's metadata, Arrow takes a body of the format's version 4 for a compressed one."""
_SCHEMA: Final = 1
_DICTIONARY_BATCH: Final = 2
_RECORD_BATCH: Final = 3
_TIMESTAMP: Final = 10
_UNION: Final = 14


def check_messages(body: bytes) -> Steps[None]:
    """Raises ProblemError payload_too_large, unsupported_media_type or malformed_arrow; else struct.error, IndexError, ValueError or
    ArrowException for what is no stream."""
    with pa.BufferReader(body) as source:
        messages = pa.ipc.MessageReader.open_stream(source)
        first, batches, dictionaries = True, 0, 0
        unfolded = _Unfolded()
        while True:
            metadata = _next_metadata(body, source.tell())
            if metadata:
                yield from _check(metadata, unfolded)
            try:
                message = messages.read_next_message()
            except StopIteration:
                return
            if message.metadata.size != len(metadata):
                raise ValueError("a message does not begin where the one before ends")
            if (message.type == "schema") != first or message.type not in _TYPES:
                raise ValueError("a stream is one schema, then dictionaries and record batches")
            first = False
            if message.type == "record batch":
                batches, dictionaries = batches + 1, 0
            elif message.type == "dictionary":
                dictionaries += 1
            if batches > BATCHES_MAX:
                raise ProblemError(
                    "payload_too_large", f"A stream has at most {BATCHES_MAX} record batches: send larger ones."
                )
            if dictionaries > DICTIONARIES_MAX:
                raise ProblemError(
                    "payload_too_large", f"At most {DICTIONARIES_MAX} dictionaries come before a record batch."
                )
            yield


def _next_metadata(body: bytes, at: int) -> bytes:
    """Metadata of the message that begins here; nothing at the end. Raises ProblemError payload_too_large."""
    if at + 8 > len(body):
        return b""
    size, begins = struct.unpack_from("<i", body, at)[0], at + 4
    if size == -1:  # from version 5 on; before, the size came first
        size, begins = struct.unpack_from("<i", body, begins)[0], begins + 4
    if size > len(body) - begins:
        raise ValueError("the stream ends within a message")
    if size > METADATA_BYTES_MAX:
        raise ProblemError("payload_too_large", f"The metadata of a message has at most {METADATA_BYTES_MAX:,} bytes.")
    return body[begins : begins + max(size, 0)]


def _check(metadata: bytes, unfolded: "_Unfolded") -> Steps[None]:
    message = _table_at(metadata, 0)
    kind_at, header_at, body_at = (_field_at(metadata, message, field) for field in (1, 2, 3))
    kind, header = (metadata[kind_at], _table_at(metadata, header_at)) if kind_at and header_at else (0, 0)
    unfolded.metadata = metadata
    yield from unfolded.pairs(message, 4)
    if kind == _SCHEMA:
        yield from unfolded.schema(header)
    if kind == _DICTIONARY_BATCH:
        delta_at, data_at = _field_at(metadata, header, 2), _field_at(metadata, header, 1)
        if delta_at and metadata[delta_at]:
            raise ProblemError(
                "unsupported_media_type", "Dictionaries that grow (deltas) are not taken: send each whole."
            )
        if not data_at:
            return
        header = _table_at(metadata, data_at)
    if kind in (_DICTIONARY_BATCH, _RECORD_BATCH):
        if _field_at(metadata, header, 3):
            raise _compressed()
        body_bytes = struct.unpack_from("<q", metadata, body_at)[0] if body_at else 0
        if _buffer_bytes(metadata, header) > body_bytes:
            raise ProblemError("malformed_arrow", "The buffers of a batch overlap.")


def _buffer_bytes(metadata: bytes, batch: int) -> float:
    """All buffers of a batch together."""
    at = _field_at(metadata, batch, 2)
    if not at:
        return 0.0
    vector = _table_at(metadata, at)
    places = np.frombuffer(metadata, "<i8", 2 * _length_at(metadata, vector), vector + 4)
    return float(places[1::2].sum(dtype=np.float64))


class _Unfolded:
    """What the messages of a stream unfold to: each entry counts as often as it is named. Raises ProblemError payload_too_large beyond
    ENTRIES_MAX, or METADATA_BYTES_MAX of names and texts. `metadata`: of the message that is looked at."""

    def __init__(self) -> None:
        self.metadata = b""
        self._entries = self._bytes = 0

    def schema(self, schema: int) -> Steps[None]:
        """Its fields, with those below them, and metadata."""
        yield from self.pairs(schema, 2)
        below, seen = [self._tables(schema, 1)], 0
        while below:
            field = next(below[-1], 0)
            if not field:
                below.pop()
                continue
            self._text(field, 0)
            self._type(field)
            yield from self.pairs(field, 6)
            below.append(self._tables(field, 5))
            seen += 1
            if seen % WALKED == 0:
                yield

    def pairs(self, table: int, field: int) -> Steps[None]:
        """Key and value of each."""
        for at, pair in enumerate(self._tables(table, field)):
            if self._text(pair, 0) == _COMPRESSION_KEY:
                raise _compressed()
            self._text(pair, 1)
            if at % WALKED == WALKED - 1:
                yield

    def _tables(self, table: int, field: int) -> Iterator[int]:
        """Positions of the tables that a field lists."""
        at = _field_at(self.metadata, table, field)
        if not at:
            return iter(())
        vector = _table_at(self.metadata, at)
        count = _length_at(self.metadata, vector)
        self._entries += count
        if self._entries > ENTRIES_MAX:
            raise ProblemError(
                "payload_too_large", f"A stream has at most {ENTRIES_MAX:,} fields and pairs of metadata."
            )
        return (_table_at(self.metadata, vector + 4 + 4 * place) for place in range(count))

    def _text(self, table: int, field: int, width: int = 1) -> bytes:
        """A field that is a text, or numbers of `width` bytes."""
        at = _field_at(self.metadata, table, field)
        if not at:
            return b""
        begins = _table_at(self.metadata, at)
        size = width * _length_at(self.metadata, begins)
        self._bytes += size
        if self._bytes > METADATA_BYTES_MAX:
            raise ProblemError("payload_too_large", f"Names and metadata have at most {METADATA_BYTES_MAX:,} bytes.")
        return self.metadata[begins + 4 : begins + 4 + size]

    def _type(self, field: int) -> None:
        kind_at, type_at = _field_at(self.metadata, field, 2), _field_at(self.metadata, field, 3)
        if not kind_at or not type_at:
            return
        kind = self.metadata[kind_at]
        if kind in (_TIMESTAMP, _UNION):
            self._text(_table_at(self.metadata, type_at), 1, 4 if kind == _UNION else 1)


def _compressed() -> ProblemError:
    return ProblemError("unsupported_media_type", "Compressed Arrow streams are not taken.")


# FlatBuffers.


def _field_at(data: bytes, table: int, field: int) -> int:
    """Position of a field of a table, 0 when it is not there."""
    vtable: int = table - struct.unpack_from("<i", data, table)[0]
    size: int = struct.unpack_from("<H", data, vtable)[0]
    entry = 4 + 2 * field
    if entry + 2 > size:
        return 0
    offset: int = struct.unpack_from("<H", data, vtable + entry)[0]
    return table + offset if offset else 0


def _table_at(data: bytes, position: int) -> int:
    return position + _length_at(data, position)


def _length_at(data: bytes, position: int) -> int:
    number: int = struct.unpack_from("<I", data, position)[0]
    return number
