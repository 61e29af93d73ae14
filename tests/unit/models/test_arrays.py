"""Rows as bytes: few and many, next to each other or not."""

import numpy as np
import pytest

from models.arrays import VIEWED_FROM, bytes_of


@pytest.mark.parametrize("count", [0, 1, VIEWED_FROM - 1, VIEWED_FROM, 3 * VIEWED_FROM])
def test_the_bytes_of_rows_are_those_that_a_copy_has(count: int) -> None:
    rows = np.zeros(2 * count, np.dtype([("a", "i8"), ("b", "u2")]))
    rows["a"], rows["b"] = np.arange(2 * count), 7
    for some in (rows[:count], rows[::2]):
        assert bytes(bytes_of(some)) == some.tobytes()
