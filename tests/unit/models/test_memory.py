"""Kernels read numbers at an address, of every kind and from any place on."""

from typing import Any

import numpy as np
import pytest

from models.jit import kernel
from models.memory import values_at


@kernel
def _add_up(address: Any, count: Any, sums: Any) -> None:
    sums[0] = 0
    for value in values_at(address + 4, count, np.int32):
        sums[0] += value
    sums[1] = 0
    for value in values_at(address + 4, count * 4, np.uint8):
        sums[1] += value


@pytest.mark.parametrize("count", [0, 1, 3])
def test_so_many_numbers_are_read_where_they_lie(count: int) -> None:
    there, sums = np.array([7, -1, 300, 2, 9], np.int32), np.zeros(2, np.int64)
    _add_up(there.ctypes.data, count, sums)
    read = there[1 : 1 + count]
    assert sums.tolist() == [read.sum(), read.view(np.uint8).sum()]
