"""Room on the disk of a folder, for whoever asks often."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

ASKED_EVERY_S: Final = 10.0
"""A disk does not fill faster than people read, and a network disk may take its time."""


class DiskRoom:
    """The disk on which a folder lies, which is a path or a file: URL and may not be there yet; None, or the URL of an object store: there
    is no disk."""

    def __init__(self, folder: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = None if folder is None else _path_of(folder)
        self._clock = clock
        self._asked_at = float("-inf")
        self._free: int | None = None

    def free_bytes(self) -> int | None:
        """What is free, as it was ASKED_EVERY_S ago at most; None where that cannot be known."""
        if self._folder is None or self._clock() < self._asked_at + ASKED_EVERY_S:
            return self._free
        self._asked_at = self._clock()
        try:
            self._free = shutil.disk_usage(_there(self._folder)).free
        except OSError:
            self._free = None
        return self._free


def _path_of(folder: str) -> Path | None:
    url = urlsplit(folder)
    if url.scheme == "file":
        return Path(unquote(url.path))
    return None if url.scheme else Path(folder)


def _there(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)
