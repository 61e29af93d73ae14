"""Exact 64-bit arithmetic and look-ups, against Python's own numbers and lists."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.compile.arithmetic import contains, local, minus, plus, product_fits, quotient, times
from rules.language.ir import INT_MAX, INT_MIN

EDGES = (INT_MIN, INT_MIN + 1, -(2**32), -(2**31), -1, 0, 1, 2**31, 2**32, INT_MAX - 1, INT_MAX)
numbers = st.sampled_from(EDGES) | st.integers(INT_MIN, INT_MAX)


def wrapped(value: int) -> int:
    return (value - INT_MIN) % 2**64 + INT_MIN


@given(numbers, numbers)
@example(INT_MIN, -1)
def test_sums_and_products_wrap_and_whether_a_product_fits_is_known_before(a: int, b: int) -> None:
    x, y = np.int64(a), np.int64(b)
    assert int(plus(x, y)) == wrapped(a + b)
    assert int(minus(x, y)) == wrapped(a - b)
    assert int(times(x, y)) == wrapped(a * b)
    assert bool(product_fits(x, y)) is (INT_MIN <= a * b <= INT_MAX)


@given(numbers, numbers.filter(bool))
def test_a_quotient_is_cut_towards_zero(a: int, b: int) -> None:
    if (a, b) != (INT_MIN, -1):
        cut = abs(a) // abs(b)
        assert int(quotient(np.int64(a), np.int64(b))) == (cut if (a < 0) == (b < 0) else -cut)


@given(st.lists(st.integers(-20, 20)), st.integers(-25, 25), st.integers(0, 3))
def test_a_sorted_list_among_others_has_a_value_or_not(values: list[int], value: int, before: int) -> None:
    kept = sorted(values)
    lists = np.array([value] * before + kept + [value], np.int64)
    assert bool(contains(lists, before, before + len(kept), value)) is (value in kept)


@pytest.mark.parametrize(
    ("value", "shown"), [(99, 99 + 1), (100, 100 + 2), (199, 199 + 2), (200, 200 + 3), (10**12, 10**12 + 3)]
)
def test_local_time_changes_at_the_time_that_the_table_says(value: int, shown: int) -> None:
    lists = np.array([7, 7, 100, 200, 1, 2, 3, 9], np.int64)
    assert int(local(lists, 2, 2, value)) == shown


def test_a_zone_that_never_changes_has_one_offset() -> None:
    assert int(local(np.array([3_600], np.int64), 0, 0, 5)) == 3_605
