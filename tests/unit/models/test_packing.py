"""Numbers are packed into as many bits as they are said to need, batch after batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.packing import Packed


def bits_of(numbers: list[int], width: int) -> bytes:
    """By whole numbers of any size."""
    whole = sum(number << (at * width) for at, number in enumerate(numbers))
    return whole.to_bytes(-(-len(numbers) * width // 8), "little")


@st.composite
def batches(draw: st.DrawFn) -> tuple[int, int, list[list[tuple[int, bool]]]]:
    """A width, the lowest number, and batches of numbers that are known or not."""
    width, low = draw(st.integers(1, 32)), draw(st.integers(-1_000, 1_000))
    number = st.tuples(st.integers(low, low + 2**width - 1), st.booleans())
    return width, low, draw(st.lists(st.lists(number, max_size=70), max_size=5))


@given(batches())
def test_known_numbers_follow_each_other_wherever_a_batch_ends(
    made: tuple[int, int, list[list[tuple[int, bool]]]],
) -> None:
    width, low, parts = made
    count = sum(map(len, parts))
    some, every = Packed(width, count), Packed(width, count)
    for _ in range(2):  # anew after the first time
        for part in parts:
            values = np.array([value for value, _ in part], np.int64)
            every.add(values, low)
            some.add_known(values, np.array([known for _, known in part], np.bool_), low)
        assert every.take() == bits_of([value - low for part in parts for value, _ in part], width)
        assert some.take() == bits_of([value - low for part in parts for value, known in part if known], width)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
def test_what_is_not_known_may_be_anything(kind: type[np.integer]) -> None:
    limits = np.iinfo(kind)
    values, packed = np.array([limits.min, 5, limits.max, 6], kind), Packed(3, 4)
    packed.add_known(values, np.array([False, True, False, True]), 0)
    assert packed.take() == bytes([5 | 6 << 3])


def test_of_a_number_below_zero_its_lowest_bits_stand() -> None:
    packed, known = Packed(32, 4), np.ones(2, np.bool_)
    packed.add(np.array([-1, 7], np.int32), 0)
    packed.add_known(np.array([-2, 8], np.int64), known, 0)
    assert packed.take() == np.array([-1, 7, -2, 8], "<i4").tobytes()


def test_bytes_are_filled_up_to_whole_units() -> None:
    packed = Packed(3, 9)
    packed.add(np.arange(5), 0)
    assert packed.take(3) == bits_of([0, 1, 2, 3, 4], 3).ljust(3, b"\0")
    assert packed.take(3) == b""


def test_more_numbers_than_there_is_room_for_are_a_bug_and_not_memory_of_others() -> None:
    packed = Packed(32, 2)
    with pytest.raises(AssertionError, match="room for 2"):
        packed.add(np.arange(3), 0)
