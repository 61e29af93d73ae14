"""What a thread made comes in order, with its error, and no thread is left behind."""

import threading
from collections.abc import Iterator

import pytest

from actors.process.read_ahead import ITEMS_AHEAD, read_ahead


def numbers(end: int, made: list[int], error: Exception | None = None) -> Iterator[int]:
    for number in range(end):
        made.append(number)
        yield number
    if error is not None:
        raise error


@pytest.mark.parametrize("end", [0, 1, ITEMS_AHEAD, 50])
def test_items_come_in_order(end: int) -> None:
    assert list(read_ahead(numbers(end, []))) == list(range(end))


def test_an_error_comes_after_the_items_before_it() -> None:
    found = []
    with pytest.raises(ValueError, match="broken"):
        for number in read_ahead(numbers(7, [], ValueError("broken"))):
            found.append(number)
    assert found == list(range(7))


def test_left_early_it_makes_no_more_and_leaves_no_thread() -> None:
    before, made = threading.active_count(), list[int]()
    items = read_ahead(numbers(1_000_000, made))
    assert next(items) == 0
    items.close()
    assert len(made) <= 2 * ITEMS_AHEAD + 3 and threading.active_count() == before
