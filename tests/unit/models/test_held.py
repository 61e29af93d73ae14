"""A kernel finds in a `Held` the very arrays that the tuple has."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.held import Held
from models.jit import kernel

ROW = np.dtype([("amount", "i8"), ("kind", "u1")])


class Pair(NamedTuple):
    """A tuple in a tuple."""

    rows: NDArray[np.void]
    table: NDArray[np.int32]


class Kept(NamedTuple):
    """What is held."""

    numbers: NDArray[np.int64]
    pair: Pair


def kept(first: int) -> Kept:
    rows = np.zeros(2, ROW)
    rows["amount"], rows["kind"] = (first, 2**40), (3, 4)
    return Kept(np.arange(first, first + 3), Pair(rows, np.arange(6, dtype=np.int32).reshape(3, 2) + first))


@kernel
def _read(held: Any, found: Any) -> None:
    value = held.value
    rows, table = value.pair.rows, value.pair.table
    found[0] = value.numbers[2] + len(value.numbers)
    found[1] = rows[1]["amount"] + rows[1]["kind"]
    found[2] = table[2, 1] + table.shape[0]


@kernel
def _write(held: Any, amount: Any) -> None:
    held.value.numbers[0] = amount
    held.value.pair.rows[0]["amount"] = amount


def read(held: Held) -> list[int]:
    found = np.zeros(3, np.int64)
    _read(held, found)
    return [int(each) for each in found]


def test_a_kernel_reads_what_the_arrays_hold_now() -> None:
    value = kept(10)
    held = Held(value)
    assert read(held) == [12 + 3, 2**40 + 4, 15 + 3]
    value.numbers[2], value.pair.table[2, 1] = 500, 600
    assert read(held) == [503, 2**40 + 4, 603]


def test_a_kernel_writes_into_the_arrays() -> None:
    value = kept(10)
    _write(Held(value), 77)
    assert value.numbers.tolist() == [77, 11, 12] and value.pair.rows["amount"].tolist() == [77, 2**40]


def test_each_holds_its_own_tuple() -> None:
    value = kept(10)
    one, other = Held(value), Held(kept(1_000))
    assert read(one)[0] == 15 and read(other)[0] == 1_005 and read(one)[0] == 15
    assert read(Held(value._replace(numbers=np.arange(9))))[0] == 2 + 9 and read(one)[0] == 15


def test_the_arrays_live_as_long_as_what_holds_them() -> None:
    held = Held(kept(10))
    others = [kept(i) for i in range(100)]
    assert read(held)[0] == 15 and len(others) == 100
