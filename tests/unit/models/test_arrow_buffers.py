"""Values and bits of Arrow arrays are those that Arrow shows, wherever an array begins."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.arrow_buffers import bits_of, is_there, values_and_bits, values_of
from tests.compiled import COMPILED

LOOKING = [is_there, is_there.py_func] if COMPILED else [is_there]  # type: ignore[attr-defined]
GIVEN = [None if at % 3 == 1 else 7 * at for at in range(40)]


@pytest.mark.parametrize("look", LOOKING)
@pytest.mark.parametrize(("first", "count"), [(0, 40), (0, 16), (8, 16), (8, 13), (3, 16), (5, 11), (39, 1), (40, 0)])
def test_values_and_bits_are_those_of_the_part(look: Any, first: int, count: int) -> None:
    array = pa.array(GIVEN, pa.int32()).slice(first, count)
    values, bits = values_and_bits(array, np.int32)
    shown: list[Any] = [int(values[row]) if look(bits, row) else None for row in range(count)]
    assert len(values) == count and shown == GIVEN[first : first + count]


def test_where_all_are_there_no_bits_are_kept_and_nothing_is_copied() -> None:
    array = pa.array([5, 6, 7], pa.int64()).slice(1)
    values = values_of(array, np.int64)
    assert values.tolist() == [6, 7] and not len(bits_of(array))
    assert values.ctypes.data == array.buffers()[1].address + 8 and not values.flags.writeable


def test_an_array_of_nothing_has_no_values() -> None:
    assert not len(values_of(pa.array([], pa.int16()), np.int16)) and not len(bits_of(pa.nulls(0, pa.int16())))
