"""Hand items to a thread that writes them while the caller makes the next.

What compresses and what computes share no lock.
"""

import threading
from collections.abc import Callable
from queue import Full, Queue
from typing import Final, Generic, TypeVar

T = TypeVar("T")

ITEMS_BEHIND: Final = 1
"""One is written, one waits."""


class WriteBehind(Generic[T]):
    """Writes items in their order. An error of `write` is raised by the next call here; what follows it is dropped."""

    def __init__(self, write: Callable[[T], None]) -> None:
        self._write = write
        self._items: Queue[T | None] = Queue(ITEMS_BEHIND)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Waits while the thread is behind."""
        self._raise()
        self._items.put(item)

    def close(self) -> None:
        """Wait until all is written."""
        self._items.put(None)
        self._thread.join()
        self._raise()

    def abandon(self) -> None:
        """After an error: end the thread, whatever is not written yet."""
        self._error = self._error or RuntimeError("abandoned")
        while self._thread.is_alive():
            try:
                self._items.put(None, timeout=0.01)
            except Full:
                continue
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (item := self._items.get()) is not None:
            if self._error is not None:
                continue
            try:
                self._write(item)
            except BaseException as caught:
                self._error = caught
