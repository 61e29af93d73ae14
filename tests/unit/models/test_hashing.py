"""SplitMix64 as published, for one number and for many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.hashing import splitmix64, splitmix64s

PUBLISHED = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC, 0x1B39896A51A8749B]
"""The first outputs of the published generator from the seed 0: its state grows by the golden gamma each time."""


def test_the_hash_is_the_published_generators_next_output() -> None:
    states = [step * 0x9E3779B97F4A7C15 % 2**64 for step in range(5)]
    assert [splitmix64(state) for state in states] == PUBLISHED


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_many_numbers_are_hashed_as_each_alone(numbers: list[int]) -> None:
    assert splitmix64s(np.array(numbers, np.uint64)).tolist() == [splitmix64(number) for number in numbers]


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8])
def test_a_negative_number_is_hashed_as_its_64_bits(dtype: type) -> None:
    assert splitmix64s(np.array([-1, -2], dtype)).tolist() == [splitmix64(2**64 - 1), splitmix64(2**64 - 2)]
