"""Checkpoints spare a restart the replay of the whole journal.

The journal stays the truth: one that it disagrees with is discarded.

A checkpoint is one Arrow IPC file `<block>.arrow` below `<base>/shard-<n>/`, in a local directory or an object store. Its rows are
pieces of the ledger's arrays, one array after the other; its schema's metadata names these and the last block it holds, with its hash.
Each row carries a checksum of all that comes before it and of itself: a crash of the machine may leave a file that has its name and
its length, but pages of zeros.
"""

import ast
import zlib
from collections.abc import Iterator, Mapping
from io import BufferedReader
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import fs

from actors.ledger.arrays import Arrays, ArraySpec, bytes_of

VERSION: Final = 11
PIECE_BYTES: Final = 16 << 20
KEPT: Final = 2
"""The newest, and one before it in case a crash spoiled the newest."""
_WHOLE: Final = ".arrow"
_PART: Final = ".part"
_COLUMNS: Final = (("data", pa.large_binary()), ("checksum", pa.uint32()))


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint is of. `cursors`: per sending shard block and kept hash bytes."""

    version: int
    shard: int
    shards: int
    windows: bool
    block: int
    hash: bytes
    keys_since_ms: int
    cursors: dict[int, tuple[int, bytes]]


class Stored:
    """A checkpoint that is there: a `Snapshot` of a ledger."""

    def __init__(self, files: fs.FileSystem, name: str) -> None:
        self._files, self._name = files, name
        with self._pieces() as reader:
            metadata = reader.schema.metadata
        self.about = msgspec.msgpack.decode(metadata[b"about"], type=About)
        self.forms = decode_forms(metadata[b"forms"])
        self._checksum = _checksum_of(metadata)

    def fill(self, places: Arrays) -> None:
        """As `Snapshot.fill`; blocks. Raises ValueError when bytes are missing or are not those that were written, and pyarrow's errors."""
        checksum = self._checksum
        with self._pieces() as reader:
            for name, form in self.forms.items():
                target = bytes_of(places[name])
                for start, end in _cuts(form):
                    piece, expected = _as_arrays(next(reader, None), end - start)
                    checksum = zlib.crc32(piece.data, checksum)
                    if checksum != expected:
                        raise ValueError(f"{name}: the bytes from {start} on are not those that were written")
                    target[start:end] = piece

    def _pieces(self) -> pa.RecordBatchStreamReader:
        return pa.ipc.open_stream(self._files.open_input_stream(self._name))


class CheckpointStore:
    """Checkpoints of one shard, `base` the URI of a directory. All methods block; call them in a thread."""

    def __init__(self, base: str, shard: int) -> None:
        self.base, self.shard = base, shard
        self._files, path = fs.FileSystem.from_uri(base)
        self._directory = f"{path}/shard-{shard}"

    def write(self, about: About, forms: Mapping[str, ArraySpec], source: BufferedReader) -> None:
        """Store arrays of these forms, whose bytes `source` gives one after the other, under a temporary name, then under its own; then
        drop what is old. Raises EOFError, and stores nothing, when bytes are missing."""
        self._files.create_dir(self._directory, recursive=True)
        file = f"{about.block:016d}{_WHOLE}"
        name = f"{self._directory}/{file}"
        metadata = {b"about": msgspec.msgpack.encode(about), b"forms": encode_forms(forms)}
        schema = pa.schema(_COLUMNS, metadata)
        checksum = _checksum_of(metadata)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with (
            self._files.open_output_stream(name + _PART) as stream,
            pa.ipc.new_stream(stream, schema, options=options) as writer,
        ):
            for piece in _received(forms, source):
                checksum = zlib.crc32(piece.data, checksum)
                row = [_as_one_value(piece), pa.array([checksum], pa.uint32())]
                writer.write_batch(pa.record_batch(row, schema=schema))
        self._files.move(name + _PART, name)
        self._drop_all_but(file)

    def read(self, name: str) -> Stored:
        """One checkpoint. Raises KeyError, ValueError or pyarrow's errors when it is spoiled."""
        return Stored(self._files, name)

    def names(self) -> list[str]:
        """What is there, newest first."""
        return sorted(self._listed(_WHOLE), reverse=True)

    def _drop_all_but(self, newest: str) -> None:
        """Leave it and what came before. What seems to come later is of a journal that the restore of an older backup replaced."""
        names = self.names()
        kept = [name for name in names if name.rpartition("/")[2] <= newest][:KEPT]
        for name in {*names, *self._listed(_PART)}.difference(kept):
            self._files.delete_file(name)

    def _listed(self, ending: str) -> list[str]:
        selector = fs.FileSelector(self._directory, allow_not_found=True)
        return [info.path for info in self._files.get_file_info(selector) if info.path.endswith(ending)]


def encode_forms(forms: Mapping[str, ArraySpec]) -> bytes:
    """Forms as MessagePack; dtypes as NumPy's own files write them."""
    described = {
        name: (repr(np.lib.format.dtype_to_descr(form.dtype)), list(form.shape)) for name, form in forms.items()
    }
    return msgspec.msgpack.encode(described)


def decode_forms(data: bytes) -> dict[str, ArraySpec]:
    """What `encode_forms` was given."""
    described = msgspec.msgpack.decode(data, type=dict[str, tuple[str, tuple[int, ...]]])
    return {
        name: ArraySpec(np.lib.format.descr_to_dtype(ast.literal_eval(dtype)), shape)
        for name, (dtype, shape) in described.items()
    }


def _cuts(form: ArraySpec) -> Iterator[tuple[int, int]]:
    """Where the pieces of an array begin and end, bytes."""
    size = form.dtype.itemsize * int(np.prod(form.shape))
    return ((start, min(start + PIECE_BYTES, size)) for start in range(0, size, PIECE_BYTES))


def _received(forms: Mapping[str, ArraySpec], source: BufferedReader) -> Iterator[NDArray[np.uint8]]:
    """Pieces of arrays, all in the same memory: each is valid until the next is asked for."""
    memory = np.empty(PIECE_BYTES, np.uint8)
    for name, form in forms.items():
        for start, end in _cuts(form):
            piece = memory[: end - start]
            if source.readinto(piece.data) < len(piece):
                raise EOFError(f"the bytes of {name} end too early")
            yield piece


def _as_one_value(data: NDArray[np.uint8]) -> pa.LargeBinaryArray:
    """Bytes as an array of one value, without a copy."""
    offsets = pa.py_buffer(np.array([0, len(data)], np.int64))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(data)])


def _as_arrays(row: pa.RecordBatch | None, size: int) -> tuple[NDArray[np.uint8], int]:
    """So many bytes, without a copy, and the checksum beside them. Raises ValueError when there are fewer."""
    if row is None:
        raise ValueError("the last pieces are missing")
    data, checksum = (column.buffers()[-1] for column in row.columns)
    return np.frombuffer(data, np.uint8, size), int(np.frombuffer(checksum, np.uint32, 1)[0])


def _checksum_of(metadata: Mapping[bytes, bytes]) -> int:
    """Where the checksums of the rows go on from."""
    return zlib.crc32(metadata[b"forms"], zlib.crc32(metadata[b"about"]))
