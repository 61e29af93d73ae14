"""What is unpacked is what was packed, and bytes that are no page of numbers are refused, whoever unpacks."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.bit_unpacking import HEADER, REFUSED, SLACK, spread, unpack_differences, unpack_header, unpack_levels
from tests.compiled import COMPILED

GUARD = 0xA5


def each_way(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Compiled, and as plain Python."""
    return [function, function.py_func] if COMPILED else [function]  # type: ignore[attr-defined]


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def zigzag(number: int) -> bytes:
    return varint(2 * number if number >= 0 else -2 * number - 1)


def packed(numbers: Iterable[int], width: int) -> bytes:
    """The least significant bit first."""
    together = size = 0
    for number in numbers:
        together |= number << size
        size += width
    return together.to_bytes(-(-size // 8), "little")


def differences(numbers: list[int], width: int) -> bytes:
    """One block of four parts, each of 32 differences of `width` bits above the smallest, which is 0 or less."""
    steps = [after - before for before, after in pairwise(numbers)]
    low = min([*steps, 0])
    parts = [steps[at : at + 32] for at in range(0, len(steps), 32)]
    widths = bytes([width] * len(parts) + [0] * (4 - len(parts)))
    body = b"".join(packed([step - low for step in part] + [0] * (32 - len(part)), width) for part in parts)
    return varint(128) + varint(4) + varint(len(numbers)) + zigzag(numbers[0]) + zigzag(low) + widths + body


def unpacked(unpack: Callable[..., int], data: bytes, count: int) -> list[int] | None:
    numbers = np.full(count + SLACK + 1, GUARD, np.int64)
    found = unpack(np.frombuffer(data, np.uint8), 0, len(data), count, numbers)
    assert numbers[-1] == GUARD
    return None if found == REFUSED else numbers[:count].tolist()


NUMBERS = [0, 400_000, 131, 65_536, 5, 3, 3]


def header(numbers: list[int], statistics: bytes = b"") -> bytes:
    """As Thrift's compact protocol has a page's: three numbers, a data page of four, and perhaps of statistics."""
    fields = [b"\x15" + zigzag(number) for number in numbers]
    return b"".join(fields[:3]) + b"\x2c" + b"".join(fields[3:]) + statistics + b"\0\0"


def header_of(unpack: Callable[..., int], data: bytes) -> tuple[int, list[int]]:
    found = np.full(HEADER + 1, GUARD, np.int64)
    end = unpack(np.frombuffer(data, np.uint8), found)
    assert found[-1] == GUARD
    return end, found[:-1].tolist()


@pytest.mark.parametrize("unpack", each_way(unpack_header))
@pytest.mark.parametrize(
    "statistics", [b"", b"\x1c\0", b"\x1c\x18\x03abc\x16\x08\x11\x12\x38\0\0", b"\x1c\x15\x01\x14\x80\x01\0"]
)
def test_a_header_is_seven_numbers_and_perhaps_statistics(unpack: Callable[..., int], statistics: bytes) -> None:
    data = header(NUMBERS, statistics)
    assert header_of(unpack, data + b"more") == (len(data), NUMBERS)
    assert header_of(unpack, header([-each for each in NUMBERS]))[1] == [-each for each in NUMBERS]
    assert all(header_of(unpack, data[:end])[0] == REFUSED for end in range(len(data)))


@pytest.mark.parametrize("unpack", each_way(unpack_header))
@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 40,
        header(NUMBERS)[:-1] + b"\x15\x02\0",
        header(NUMBERS[:6] + NUMBERS[:1]).replace(b"\x2c", b"\x4c"),
        header(NUMBERS, b"\x15\x02"),
        header(NUMBERS, b"\x1c\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abc\0"),
        header(NUMBERS, b"\x1c\x19\x15\x02\0"),
        header(NUMBERS, b"\x1c\x08\x02\x01a\0"),
        b"\x14" + header(NUMBERS)[1:],
    ],
)
def test_what_is_no_header_of_a_data_page_alone_is_refused(unpack: Callable[..., int], data: bytes) -> None:
    assert header_of(unpack, data)[0] == REFUSED


@settings(max_examples=200, deadline=None)
@given(places=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_headers_are_read_in_one_way_and_never_beyond_their_end(places: list[tuple[int, int]]) -> None:
    data = bytearray(header(NUMBERS, b"\x1c\x18\x03abc\x16\x08\0"))
    for place, byte in places:
        data[place % len(data)] = byte
    found = [header_of(each, bytes(data)) for each in each_way(unpack_header)]
    assert all(each == found[0] and each[0] <= len(data) for each in found)


@pytest.mark.parametrize("unpack", each_way(unpack_differences))
@pytest.mark.parametrize("width", [1, 7, 8, 30, 56, 57, 61])
@pytest.mark.parametrize("count", [2, 33, 129])
def test_differences_of_each_width_are_added_up(unpack: Callable[..., int], width: int, count: int) -> None:
    rng = np.random.default_rng(width)
    steps = rng.integers(0, 1 << min(width, 56), count - 1).tolist()
    numbers = np.cumsum([5, *[step - 3 for step in steps]]).tolist()
    data = differences(numbers, width + 2)
    assert unpacked(unpack, data, count) == numbers
    assert unpacked(unpack, data[:-1], count) is None
    assert unpacked(unpack, data, count + 1) is None


@pytest.mark.parametrize("unpack", each_way(unpack_differences))
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 12,
        varint(128) + varint(0) + varint(2) + b"\0\0",
        varint(0) + varint(4) + varint(2) + b"\0\0",
        varint(96) + varint(4) + varint(2) + bytes(200),
        varint(1 << 40) + varint(4) + varint(2) + bytes(200),
        varint(128) + varint(4) + varint(2) + b"\0\0" + bytes([65, 0, 0, 0]) + bytes(400),
        varint(128) + varint(4) + varint(2) + b"\0\0" + bytes([8, 0]),
    ],
)
def test_what_is_no_page_of_differences_is_refused(unpack: Callable[..., int], data: bytes) -> None:
    assert unpacked(unpack, data, 2) is None


def levels(unpack: Callable[..., int], data: bytes, rows: int) -> tuple[int, list[bool]]:
    valid = np.full((rows + 7) // 8 + SLACK + 1, GUARD, np.uint8)
    there = unpack(np.frombuffer(data, np.uint8), 0, len(data), rows, valid)
    assert valid[-1] == GUARD
    return there, np.unpackbits(valid[:-1], bitorder="little")[:rows].astype(np.bool_).tolist()


runs = st.lists(
    st.one_of(st.tuples(st.integers(1, 40), st.booleans()), st.lists(st.booleans(), min_size=1)), min_size=1
)


@settings(max_examples=60, deadline=None)
@given(runs=runs, unpack=st.sampled_from(each_way(unpack_levels)), less=st.integers(0, 7))
def test_rows_with_a_value_come_in_runs_of_one_kind_or_packed(
    runs: list[Any], unpack: Callable[..., int], less: int
) -> None:
    data, expected = b"", []
    for run in runs:
        if isinstance(run, tuple):
            data += varint(run[0] << 1) + bytes([run[1]])
            expected += [run[1]] * run[0]
        else:
            bits = run + [False] * (-len(run) % 8)
            data += varint(len(bits) // 8 << 1 | 1) + packed(bits, 1)
            expected += bits
    rows = max(len(expected) - less, 1)
    there, found = levels(unpack, data, rows)
    if there != REFUSED:  # else the last run lies behind the last row
        assert (there, found) == (sum(expected[:rows]), expected[:rows])
    assert less or there != REFUSED
    assert levels(unpack, data, len(expected) + 1)[0] == REFUSED


@pytest.mark.parametrize("unpack", each_way(unpack_levels))
@pytest.mark.parametrize("data", [b"", b"\x04", b"\x00\x01", b"\x01", b"\x03", b"\x04\x02", b"\xff" * 12])
def test_what_is_no_run_is_refused(unpack: Callable[..., int], data: bytes) -> None:
    assert levels(unpack, data, 2)[0] == REFUSED


@settings(max_examples=60, deadline=None)
@given(there=st.lists(st.booleans(), min_size=1), move=st.sampled_from(each_way(spread)))
def test_numbers_are_moved_to_the_rows_that_have_one(there: list[bool], move: Callable[..., None]) -> None:
    values: NDArray[np.int64] = np.arange(len(there) + SLACK)
    move(values, np.packbits(there, bitorder="little"), len(there), sum(there))
    assert values[np.flatnonzero(there)].tolist() == list(range(sum(there)))
