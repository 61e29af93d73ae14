"""How far an import has come, in a file that only grows.

A record when a wave begins, and one once all of it is answered.

A torn or damaged end is cut off; its rows are sent again and answered by their keys. What notes another import, or is no state file, is
left as it is and refused, and what a state file of this file notes for other wallets, or by another plan, is never thrown away unseen: a
switch that lost wallets may have the rest of it.
Fields of a wave are only appended, with a default, so that files of earlier versions are read.
"""

import os
import struct
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

_FRAME: Final = struct.Struct("<II")
VERSION: Final = 2
_VERSION_WITHOUT_FILE: Final = 1
"""Until then a state file did not say of which file it is."""
_HEADER, _HEADER_WITHOUT_FILE = struct.Struct("<I16s16s"), struct.Struct("<I16s")
_LENGTHS: Final = {VERSION: _HEADER.size, _VERSION_WITHOUT_FILE: _HEADER_WITHOUT_FILE.size}


class Wave(msgspec.Struct, frozen=True, array_like=True):
    """Answers of one wave. `rows`, `codes`: uint32 and uint16, little-endian, of the rows that did not post. `sources`, `ids`: uint32
    rows that others name in `after`, and their transfer ids of 16 bytes. `replayed`: how many answers were. `marks`, `mark_ids`: as
    `sources` and `ids`, of the first and the last record of each shard; files of earlier versions have none."""

    number: int
    rows: bytes
    codes: bytes
    sources: bytes
    ids: bytes
    replayed: int
    marks: bytes | None = None
    mark_ids: bytes = b""


class Begun(msgspec.Struct, frozen=True, array_like=True):
    """A wave that is about to be sent for the first time, at milliseconds since 1970."""

    number: int
    at_ms: int


class Progress(NamedTuple):
    """`waves`: those that were answered, without a gap; `begun_ms`: when the next one was sent first, None where it never was. `fits`: they
    are of the same wallets and plan."""

    waves: list[Wave]
    begun_ms: int | None
    fits: bool = True


class StateRefused(Exception):
    """What is there is not the state of this import."""


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(list[Any]).decode


class StateFile:
    """`read` what there is, then `begin` and `append` wave after wave. `file`: 16 bytes that say which file is imported; `identity`: 16
    that say which import this is, of which file, into which wallets, by which plan."""

    def __init__(self, path: Path, file: bytes, identity: bytes) -> None:
        self._path = path
        self._header = _HEADER.pack(VERSION, identity, file)
        self._header_before = _HEADER_WITHOUT_FILE.pack(_VERSION_WITHOUT_FILE, identity)
        self._file: BinaryIO | None = None

    def __enter__(self) -> "StateFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def read(self) -> Progress:
        """What there is. The file is open for more from then on, unless what it notes does not fit. Raises StateRefused for what notes
        another import, or is no state file."""
        data = self._path.read_bytes() if self._path.exists() else b""
        progress, end = self._parse(data)
        if not progress.fits:
            return progress
        self._file = self._path.open("r+b" if data else "w+b")
        self._file.truncate(end)
        self._file.seek(end)
        if end == 0:
            self._write(self._header)
        return progress

    def begin(self, number: int, at_ms: int) -> None:
        """Note that a wave is about to be sent, on the disk: its keys are remembered from then on, and no longer than they are."""
        self._write(_ENCODE(Begun(number, at_ms)))
        assert self._file is not None
        os.fsync(self._file.fileno())

    def append(self, wave: Wave) -> None:
        """Note a wave."""
        self._write(_ENCODE(wave))

    def _write(self, payload: bytes) -> None:
        assert self._file is not None, "read before you append"
        self._file.write(_framed(payload))
        self._file.flush()

    def _parse(self, data: bytes) -> tuple[Progress, int]:
        if _framed(self._header).startswith(data):
            return Progress([], None), 0
        header = _payload(data, 0)
        if header is None or len(header) != _LENGTHS.get(int.from_bytes(header[:4], "little")):
            raise StateRefused(f"{self._path} is no state file of an import, or its beginning is damaged")
        fits = header in (self._header, self._header_before)
        waves: list[Wave] = []
        begun_ms = None
        at = _FRAME.size + len(header)
        while (payload := _payload(data, at)) is not None:
            fields = _DECODE(payload)
            if fields[0] != len(waves):
                break
            if len(fields) == len(Begun.__struct_fields__):
                begun_ms = msgspec.convert(fields, Begun).at_ms
            else:
                waves.append(msgspec.convert(fields, Wave))
                begun_ms = None
            at += _FRAME.size + len(payload)
        if not fits and not waves and begun_ms is None:
            return Progress([], None), 0
        if len(header) == len(self._header) and _file_of(header) != _file_of(self._header):
            raise StateRefused(f"{self._path} is the state file of the import of another file")
        return Progress(waves, begun_ms, fits), at


def _file_of(header: bytes) -> bytes:
    """Which file it says, without the wallets and the plan."""
    return header[-16:]


def _framed(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _payload(data: bytes, at: int) -> bytes | None:
    """The frame at a position, None when there is no whole and sound one."""
    if at + _FRAME.size > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, at)
    payload = data[at + _FRAME.size : at + _FRAME.size + length]
    return payload if len(payload) == length and zlib.crc32(payload) == checksum else None
