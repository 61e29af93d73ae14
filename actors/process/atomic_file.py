"""Files that are whole or absent: written under another name, synced, then renamed."""

import os
from pathlib import Path


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
    """Replace a small file, durably."""
    staged = place.with_name(f".{place.name}.tmp")
    staged.write_bytes(data)
    publish(staged, place)
