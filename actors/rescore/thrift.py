"""Thrift's compact protocol, which Parquet's footers and page headers are in, as plain values.

The format is https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md; sets, maps, doubles and lists of truths
are not read, as no footer has them.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

TRUE, FALSE, I8, I16, I32, I64, BINARY, LIST, STRUCT = 1, 2, 3, 4, 5, 6, 8, 9, 12
_WHOLE: Final = frozenset({I16, I32, I64})
_LONG: Final = 15
"""A list's length, or a field's distance from the one before, that does not fit into four bits."""


class Field(NamedTuple):
    """A value and its type. Of a list: (type of its items, items); of a struct: fields by their ids."""

    kind: int
    value: Any


Struct = dict[int, Field]


def encode(struct: Mapping[int, Field]) -> bytes:
    """A struct's bytes; fields go by their ids."""
    out = bytearray()
    _put_struct(out, struct)
    return bytes(out)


def decode(data: bytes) -> Struct:
    """The struct that `data` begins with. Raises ValueError for what is not one of these types, IndexError for what ends too soon."""
    return _Reader(data).struct()


def _put_struct(out: bytearray, struct: Mapping[int, Field]) -> None:
    last = 0
    for name in sorted(struct):
        kind, value = struct[name]
        if name - last <= _LONG:
            out.append((name - last) << 4 | kind)
        else:
            out.append(kind)
            _put_whole(out, name)
        _put(out, kind, value)
        last = name
    out.append(0)


def _put(out: bytearray, kind: int, value: Any) -> None:
    if kind in _WHOLE:
        _put_whole(out, value)
    elif kind == I8:
        out += value.to_bytes(1, signed=True)
    elif kind == BINARY:
        out += varint(len(value))
        out += value
    elif kind == STRUCT:
        _put_struct(out, value)
    elif kind == LIST:
        each, items = value
        if len(items) < _LONG:
            out.append(len(items) << 4 | each)
        else:
            out.append(_LONG << 4 | each)
            out += varint(len(items))
        for item in items:
            _put(out, each, item)


def _put_whole(out: bytearray, number: int) -> None:
    out += varint(2 * number if number >= 0 else -2 * number - 1)


def varint(number: int) -> bytes:
    """A number that is not negative, seven bits a byte."""
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


class _Reader:
    """Bytes, and how far they are read."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self) -> Struct:
        found: Struct = {}
        name = 0
        while head := self._byte():
            kind = head & 15
            name = name + (head >> 4) if head >> 4 else self._whole()
            found[name] = Field(kind, self._value(kind))
        return found

    def _value(self, kind: int) -> Any:
        if kind in _WHOLE:
            return self._whole()
        if kind == I8:
            return int.from_bytes(bytes([self._byte()]), signed=True)
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == BINARY:
            length = self._varint()
            self._at += length
            return self._data[self._at - length : self._at]
        if kind == STRUCT:
            return self.struct()
        if kind == LIST:
            head = self._byte()
            length, each = head >> 4, head & 15
            if each in (TRUE, FALSE):
                raise ValueError("a list of truths is not read")
            return each, [self._value(each) for _ in range(self._varint() if length == _LONG else length)]
        raise ValueError(f"a field of type {kind} is not read")

    def _whole(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]
