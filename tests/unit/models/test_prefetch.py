"""To prefetch changes nothing but time: a kernel that does gives what one gives that does not."""

import numpy as np
import pytest

from models.arrays import Rows
from models.jit import kernel
from models.prefetch import CACHE_LINE, prefetch

ROW = np.dtype([("key", np.int64), ("pad", np.uint8, (120,))])


@kernel
def _sum(rows, order, ahead):  # type: ignore[no-untyped-def]
    total = 0
    for at in range(len(order)):
        if ahead:
            prefetch(rows, order[min(at + ahead, len(order) - 1)], CACHE_LINE)
        total += rows[order[at]].key
    return total


@pytest.mark.parametrize("ahead", [0, 1, 8])
def test_the_sum_is_the_same_and_the_rows_stay_as_they_are(ahead: int) -> None:
    rng = np.random.default_rng(4)
    rows: Rows = np.zeros(1_000, ROW)
    rows["key"] = rng.integers(-(2**40), 2**40, len(rows))
    before = rows.copy()
    order = rng.permutation(len(rows))
    assert _sum(rows, order, ahead) == int(rows["key"].sum())
    assert np.array_equal(rows, before)
