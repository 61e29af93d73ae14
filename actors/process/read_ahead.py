"""Make an iterator's next items in a thread while the caller works on this one.

What decompresses and what computes share no lock.
"""

import contextlib
import threading
from collections.abc import Generator, Iterator
from queue import Empty, Queue
from typing import Final, TypeVar

T = TypeVar("T")

ITEMS_AHEAD: Final = 2
"""Row groups of an export take some ten megabytes each."""


class _End:
    """After the last item: how the iterator ended."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def read_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items, and the same error. Close it if it is left early: then the thread ends with the item that it is making."""
    made: Queue[T | _End] = Queue(ITEMS_AHEAD)
    left = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, made, left), daemon=True)
    thread.start()
    try:
        while not isinstance(item := made.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        left.set()
        while thread.is_alive():
            _drain(made)
            thread.join(0.01)


def _fill(items: Iterator[T], made: "Queue[T | _End]", left: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            made.put(item)
            if left.is_set():
                return
    except BaseException as caught:
        error = caught
    made.put(_End(error))


def _drain(made: "Queue[T | _End]") -> None:
    with contextlib.suppress(Empty):
        while True:
            made.get_nowait()
