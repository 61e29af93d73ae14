"""Reasons that stand in pairs of columns become lists, as plain Python makes them."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.arrow_buffers import values_and_bits, values_of
from models.reason_lists import join_lists
from tests.compiled import COMPILED

JOINING = [join_lists, join_lists.py_func] if COMPILED else [join_lists]  # type: ignore[attr-defined]
Column = tuple[list[Any], list[Any]]
"""Places of texts and gaps."""
MEANT = (4, -1, 0)
"""What three texts of each dictionary mean; the second nothing."""


def joined(join: Callable[..., int], columns: list[Column]) -> list[list[tuple[int, int]]]:
    rows = len(columns[0][0])
    given = []
    for places, gaps in columns:
        named, points = pa.array(places, pa.int32()), pa.array(gaps, pa.int32())
        meant = values_of(pa.array(MEANT, pa.int16()), np.int16)
        given.append((*values_and_bits(named, np.int32), meant, *values_and_bits(points, np.int32)))
    starts = np.full(rows + 1, 99, np.int32)
    found, points_found = np.empty(rows * len(columns), np.int16), np.empty(rows * len(columns), np.int32)
    count = join(tuple(given), starts, found, points_found)
    assert starts[0] == 0 and starts[-1] == count
    pairs = list(zip(found[:count].tolist(), points_found[:count].tolist(), strict=True))
    return [pairs[first:end] for first, end in pairwise(starts)]


@pytest.mark.parametrize("join", JOINING)
def test_what_is_absent_or_means_nothing_takes_no_place(join: Callable[..., int]) -> None:
    columns: list[Column] = [([0, None, 2, 1], [30, 9, None, 5]), ([2, 0, None, 1], [20, 8, 7, 6])]
    assert joined(join, columns) == [[(4, 30), (0, 20)], [(4, 8)], [(0, 0)], []]


@pytest.mark.parametrize("join", JOINING)
@pytest.mark.parametrize("rows", [0, 1, 7, 8, 1_000])
def test_drawn_columns_become_what_plain_python_makes_of_them(join: Callable[..., int], rows: int) -> None:
    rng = np.random.default_rng(rows)

    def drawn(highest: int) -> list[Any]:
        values = rng.integers(0, highest, rows)
        return [int(value) if there else None for value, there in zip(values, rng.random(rows) < 0.8, strict=True)]

    columns = [(drawn(len(MEANT)), drawn(1_000)) for _ in range(4)]
    expected = [
        [
            (MEANT[places[row]], gaps[row] or 0)
            for places, gaps in columns
            if places[row] is not None and MEANT[places[row]] >= 0
        ]
        for row in range(rows)
    ]
    assert joined(join, columns) == expected
