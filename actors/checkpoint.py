"""Checkpoints spare a restart the replay of the whole journal. The journal stays the truth: one that it disagrees with is discarded.

A checkpoint is one Arrow IPC file `<block>.arrow` below `<base>/shard-<n>/`, in a local directory or an object store. Its rows are
pieces of the ledger's arrays; its schema's metadata names the last block it holds and that block's hash.
"""

import logging
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import fs

log = logging.getLogger(__name__)

VERSION: Final = 2
PIECE_BYTES: Final = 16 << 20
KEPT: Final = 2
"""The newest, and one before it in case a crash spoiled the newest."""

_SCHEMA: Final = pa.schema(
    [("name", pa.string()), ("dtype", pa.string()), ("columns", pa.int32()), ("data", pa.large_binary())]
)


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


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A whole checkpoint in memory."""

    about: About
    arrays: dict[str, Any]


class CheckpointStore:
    """Checkpoints of one shard. All methods block; call them in a thread."""

    def __init__(self, base: str, shard: int) -> None:
        self._files, path = fs.FileSystem.from_uri(base)
        self._directory = f"{path}/shard-{shard}"

    def write(self, checkpoint: Checkpoint) -> None:
        """Store it under a temporary name, then under its own, then drop old ones."""
        self._files.create_dir(self._directory, recursive=True)
        name = f"{self._directory}/{checkpoint.about.block:016d}.arrow"
        metadata = {b"about": msgspec.msgpack.encode(checkpoint.about)}
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with (
            self._files.open_output_stream(f"{name}.part") as stream,
            pa.ipc.new_stream(stream, _SCHEMA.with_metadata(metadata), options=options) as writer,
        ):
            for array_name, array in checkpoint.arrays.items():
                for piece in _pieces(array_name, array):
                    writer.write_batch(piece)
        self._files.move(f"{name}.part", name)
        for old in self.names()[KEPT:]:
            self._files.delete_file(old)

    def read(self, name: str) -> Checkpoint:
        """One checkpoint. Raises ValueError or pyarrow's errors when it is spoiled."""
        parts: dict[str, list[NDArray[Any]]] = {}
        with self._files.open_input_stream(name) as stream, pa.ipc.open_stream(stream) as reader:
            about = msgspec.msgpack.decode(reader.schema.metadata[b"about"], type=About)
            for batch in reader:
                row = batch.to_pylist()[0]
                array = np.frombuffer(row["data"], _dtype(row["dtype"]))
                if row["columns"]:
                    array = array.reshape(-1, row["columns"])
                parts.setdefault(row["name"], []).append(array)
        arrays = {key: np.concatenate(pieces) for key, pieces in parts.items()}
        return Checkpoint(about=about, arrays=arrays)

    def names(self) -> list[str]:
        """What is there, newest first."""
        selector = fs.FileSelector(self._directory, allow_not_found=True)
        found = [info.path for info in self._files.get_file_info(selector) if info.path.endswith(".arrow")]
        return sorted(found, reverse=True)


def _dtype(text: str) -> np.dtype[Any]:
    """A dtype from its `descr` as JSON, or its name."""
    described = msgspec.json.decode(text)
    if isinstance(described, str):
        return np.dtype(described)
    return np.dtype([tuple(tuple(p) if isinstance(p, list) else p for p in field) for field in described])


def _pieces(name: str, array: NDArray[Any]) -> "list[pa.RecordBatch]":
    described = array.dtype.descr if array.dtype.names else array.dtype.str
    text = msgspec.json.encode(described).decode()
    columns = array.shape[1] if array.ndim == 2 else 0
    width = array.dtype.itemsize * max(columns, 1)
    rows = max(1, PIECE_BYTES // width)
    starts = range(0, len(array), rows) if len(array) else range(1)
    return [
        pa.record_batch(
            [
                [name],
                [text],
                pa.array([columns], pa.int32()),
                pa.array([array[at : at + rows].tobytes()], pa.large_binary()),
            ],
            schema=_SCHEMA,
        )
        for at in starts
    ]
