"""Files that are whole or absent: written under another name, synced, then renamed."""

import contextlib
import ctypes
import os
from pathlib import Path
from typing import Any, Final

_BEGIN_TO_WRITE: Final = 2
"""Of sync_file_range: begin with all pages that are not on the disk yet, and do not wait for them."""
_STAGED_BEFORE, _STAGED_AFTER = ".", ".tmp"
"""Around the name of a file that `write_whole` has not finished."""


def begin_to_sync(path: Path) -> None:
    """Have the disk begin with what there is of a file that is still being written, so that `sync` has little left to wait for. It promises
    nothing; a C library without this option leaves all to `sync`."""
    library: Any = ctypes.CDLL(None)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(AttributeError):
            library.sync_file_range(descriptor, ctypes.c_int64(0), ctypes.c_int64(0), _BEGIN_TO_WRITE)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, outlive a crash."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(staged: Path, place: Path) -> None:
    """Rename a finished file to its final name, durably."""
    sync(staged)
    os.replace(staged, place)
    sync(place.parent)


def write_whole(place: Path, data: bytes) -> None:
    """Replace a small file, durably. Who is killed meanwhile, or finds no room, leaves a file that the next one replaces."""
    staged = place.with_name(f"{_STAGED_BEFORE}{place.name}{_STAGED_AFTER}")
    staged.write_bytes(data)
    publish(staged, place)


def is_half_written(name: str) -> bool:
    """Whether a file of this name is one that `write_whole` has not finished."""
    return name.startswith(_STAGED_BEFORE) and name.endswith(_STAGED_AFTER)
