"""How far an import has come, in a file that only grows.

A record when a wave begins, and one once all of it is answered.

A torn or damaged end is cut off; its rows are sent again and answered by their keys. A state file of another file is begun anew; what one
of this file notes for other wallets, or by another plan, is never thrown away unseen: a switch that lost wallets may have the rest of it.
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


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(list[Any]).decode


class StateFile:
    """`read` what there is, then `begin` and `append` wave after wave. `file`: 16 bytes that say which file is imported; `identity`: 16
    that say which import this is, of which file, into which wallets, by which plan."""

    def __init__(self, path: Path, file: bytes, identity: bytes) -> None:
        self._path = path
        self._header = struct.pack("<I16s16s", VERSION, identity, file)
        self._header_before = struct.pack("<I16s", _VERSION_WITHOUT_FILE, identity)
        self._file: BinaryIO | None = None

    def __enter__(self) -> "StateFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def read(self) -> Progress:
        """What there is. The file is open for more from then on, unless what it notes does not fit."""
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
        self._file.write(_FRAME.pack(len(payload), zlib.crc32(payload)) + payload)
        self._file.flush()

    def _parse(self, data: bytes) -> tuple[Progress, int]:
        header = _payload(data, 0)
        fits = header in (self._header, self._header_before)
        if header is None or not (fits or _file_of(header) == _file_of(self._header)):
            return Progress([], None), 0
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
        return Progress(waves, begun_ms, fits), at


def _file_of(header: bytes) -> bytes:
    """Version and file, without the wallets and the plan."""
    return header[:4] + header[20:]


def _payload(data: bytes, at: int) -> bytes | None:
    """The frame at a position, None when there is no whole and sound one."""
    if at + _FRAME.size > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, at)
    payload = data[at + _FRAME.size : at + _FRAME.size + length]
    return payload if len(payload) == length and zlib.crc32(payload) == checksum else None
