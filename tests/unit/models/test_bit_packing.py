"""Numbers are packed as a reader of the format expects them, whoever packs: compiled code or plain Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.bit_packing import WIDTH_MAX, bit_packed, keep_valid, room
from tests.compiled import COMPILED

PACKERS = [bit_packed, bit_packed.py_func] if COMPILED else [bit_packed]  # type: ignore[attr-defined]
GUARD = 170


def unpacked(data: bytes, width: int) -> list[int]:
    """Of one packed run, all numbers, the padding too."""
    header = at = shift = 0
    while True:
        header |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            break
    assert header & 1
    count = 8 * (header >> 1)
    assert len(data) == at + count * width // 8
    bits = int.from_bytes(data[at:], "little")
    return [bits >> place * width & (1 << width) - 1 for place in range(count)]


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("width", range(1, WIDTH_MAX + 1))
@pytest.mark.parametrize("count", [1, 7, 8, 9, 1_029])
def test_numbers_of_each_width_are_found_again(pack: Callable[..., int], width: int, count: int) -> None:
    low = -3
    numbers = np.random.default_rng(count).integers(low, low + (1 << width), count + 7).astype(np.int32)
    numbers[0], expected = low + (1 << width) - 1, numbers[:count].tolist()
    expected[0] = int(numbers[0])
    out = np.full(room(count) + 1, GUARD, np.uint8)
    found = unpacked(out[: pack(numbers, count, low, width, out)].tobytes(), width)
    assert [low + each for each in found[:count]] == expected and not any(found[count:])
    assert out[-1] == GUARD


def test_nothing_takes_nothing() -> None:
    assert bit_packed(np.zeros(8, np.int32), 0, 0, 3, np.zeros(room(0), np.uint8)) == 0


def valid_bits(there: list[bool]) -> NDArray[np.uint8]:
    return np.packbits(np.array(there, np.bool_), bitorder="little")


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), st.booleans()), max_size=40),
    most=st.sampled_from([2**31 - 1, 2**15 - 1]),
    everything=st.booleans(),
)
def test_values_that_are_there_are_kept_in_their_order(
    rows: list[tuple[int, bool]], most: int, everything: bool
) -> None:
    kind: Any = np.int32 if most > 2**15 else np.int16
    values = np.array([value % (most + 1) if kind is np.int16 else value for value, _ in rows], kind)
    there = [everything or each for _, each in rows]
    valid = np.empty(0, np.uint8) if everything else valid_bits(there)
    kept = np.empty(len(rows) + 8, np.int32)
    count, low, high = keep_valid(values, valid, kept)
    expected = [int(value) for value, each in zip(values, there, strict=True) if each]
    assert kept[:count].tolist() == expected
    if expected:
        assert (low, high) == (min(expected), max(expected))
    else:
        assert low > high
