"""An object as Arrow reads a file: each read is a range of the version that was looked at.

What will be read can be said before: then the next ranges are on their way while one is decoded. Each costs some 30 ms before its first
byte.
"""

import io
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from actors.storage.interface import Found, Range

TAIL_BYTES: Final = 64 << 10
"""Of the end, where Parquet says what is where: small reads there are answered from one range."""
AHEAD: Final = 4
"""Ranges on their way or waiting to be read: the columns of a row group follow each other."""

Fetch = Callable[[Found, int, int], Any]
_POOL: Final = ThreadPoolExecutor(AHEAD, thread_name_prefix="ranges")


class RangeFile(io.RawIOBase):
    """Reads and seeks. `fetch` gives the bytes [start, end) as a buffer, and raises Changed; threads call it too."""

    def __init__(self, found: Found, fetch: Fetch) -> None:
        super().__init__()
        self._found, self._fetch = found, fetch
        self._at = 0
        self._tail: Any = None
        self._expected: deque[Range] = deque()
        self._coming: dict[Range, Future[Any]] = {}

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """To any place."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As files do."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._found.bytes}[whence]
        self._at = base + offset
        return self._at

    def expect(self, ranges: Iterable[Range]) -> None:
        """These will be read, in this order; what was expected before is not."""
        self._expected, self._coming = deque(ranges), {}
        self._fetch_ahead()

    def read(self, size: int = -1) -> Any:
        """A buffer, shorter at the end."""
        end = self._found.bytes if size < 0 else min(self._at + size, self._found.bytes)
        wanted, self._at = Range(self._at, end), max(end, self._at)
        if wanted.start >= end:
            return b""
        coming = self._coming.pop(wanted, None)
        if coming is not None:
            self._fetch_ahead()
            return coming.result()
        first = max(self._found.bytes - TAIL_BYTES, 0)
        if wanted.start < first:
            return self._fetch(self._found, wanted.start, end)
        if self._tail is None:
            self._tail = memoryview(self._fetch(self._found, first, self._found.bytes))
        return self._tail[wanted.start - first : end - first]

    def _fetch_ahead(self) -> None:
        while self._expected and len(self._coming) < AHEAD:
            wanted = self._expected.popleft()
            self._coming[wanted] = _POOL.submit(self._fetch, self._found, wanted.start, wanted.end)
