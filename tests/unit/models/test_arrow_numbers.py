"""Decimals, integers and floats of Arrow become the floats that plain Python makes of them."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.arrow_numbers import nearest_floats

KINDS = [
    pa.decimal128(18, 2),
    pa.decimal128(15, 6),
    pa.decimal128(38, 18),
    pa.decimal128(38, 38),
    pa.decimal128(38, 0),
    pa.decimal128(5, -3),
    pa.decimal128(9, 30),
    pa.decimal256(60, 20),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_decimal_becomes_the_float_that_python_makes_of_it(kind: pa.DataType) -> None:
    @given(
        st.lists(st.none() | st.integers(-(10**kind.precision) + 1, 10**kind.precision - 1), max_size=40),
        st.integers(0, 5),
    )
    def check(unscaled: list[int | None], before: int) -> None:
        decimals = [None if each is None else Decimal(f"{each}E{-kind.scale}") for each in unscaled]
        column = pa.array([*[None] * before, *decimals], kind).slice(before)
        expected = [None if each is None else float(each) for each in decimals]
        assert nearest_floats(column).to_pylist() == expected
        assert nearest_floats(pa.chunked_array([column, column])).to_pylist() == expected * 2

    check()


def test_a_decimal_that_arrow_casts_to_the_float_beside_it() -> None:
    column = pa.array([Decimal("5.85"), None], pa.decimal128(18, 2))
    assert nearest_floats(column).to_pylist() == [5.85, None]
    assert nearest_floats(pa.chunked_array([], pa.decimal128(18, 2))).to_pylist() == []


def test_integers_beyond_what_a_float_has_are_rounded_and_floats_stay() -> None:
    for kind, values in ((pa.int64(), [2**53 + 1, -(2**63), None]), (pa.uint64(), [2**64 - 1, 0, None])):
        found = nearest_floats(pa.array(values, kind)).to_pylist()
        assert found == [None if each is None else float(each) for each in values]
    floats = nearest_floats(pa.array([np.nan, -0.0, np.inf])).to_numpy()
    assert np.isnan(floats[0]) and np.signbit(floats[1]) and floats[2] == np.inf
