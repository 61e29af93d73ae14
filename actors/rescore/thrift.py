"""Read and write values of Thrift's compact protocol, in which Parquet describes its files.

A struct is a dictionary of its fields by their number, each a kind and a value; a list is the kind of its items and the items. Only what
stands in footers is known: no sets, maps, floating points or lists of truths. What was read and is written again has the same bytes.

Specification: Apache Thrift, doc/specs/thrift-compact-protocol.md.
"""

from typing import Any, Final

TRUE, FALSE, BYTE, I16, I32, I64, _, BINARY, LIST, _, _, STRUCT = range(1, 13)
_LONG_LIST: Final = 15
"""Items beyond which their number is written by itself."""

Struct = dict[int, tuple[int, Any]]


def decode_struct(data: bytes) -> Struct:
    """The struct that `data` begins with."""
    return _Reader(data).struct()


def encode_struct(fields: Struct) -> bytes:
    """Fields in the order of their numbers."""
    out = bytearray()
    before = 0
    for number in sorted(fields):
        kind, value = fields[number]
        if 0 < number - before <= 15:
            out.append((number - before) << 4 | kind)
        else:
            out.append(kind)
            out += varint(_zigzag(number))
        out += _encoded(kind, value)
        before = number
    out.append(0)
    return bytes(out)


def varint(value: int) -> bytes:
    """A number from 0 on, seven bits a byte."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _encoded(kind: int, value: Any) -> bytes:
    if kind in (TRUE, FALSE):
        return b""
    if kind in (I16, I32, I64):
        return varint(_zigzag(value))
    if kind == BINARY:
        return varint(len(value)) + bytes(value)
    if kind == LIST:
        return _encoded_list(*value)
    if kind == STRUCT:
        return encode_struct(value)
    assert kind == BYTE, f"no value of kind {kind} stands in a footer"
    return bytes(value)


def _encoded_list(kind: int, items: list[Any]) -> bytes:
    count = len(items)
    head = bytes([count << 4 | kind]) if count < _LONG_LIST else bytes([_LONG_LIST << 4 | kind]) + varint(count)
    return head + b"".join(_encoded(kind, item) for item in items)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._number()
            kind = head & 15
            fields[number] = kind, self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind in (I16, I32, I64):
            return self._number()
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind == LIST:
            return self._list()
        if kind == STRUCT:
            return self.struct()
        assert kind == BYTE, f"no value of kind {kind} stands in a footer"
        return self._bytes(1)

    def _list(self) -> tuple[int, list[Any]]:
        head = self._byte()
        count, kind = head >> 4, head & 15
        if count == _LONG_LIST:
            count = self._varint()
        return kind, [self._value(kind) for _ in range(count)]

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) > 127:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _number(self) -> int:
        value = self._varint()
        return -(value + 1 >> 1) if value & 1 else value >> 1
