"""The hash table against a dict, also when it is full."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actors.ledger.table import (
    PARTITION_BITS,
    Table,
    fetch_slot,
    find,
    new_table,
    put,
    reserve,
    table_bytes,
    table_count,
    with_room,
)

# Few partitions and few places in them, so that keys meet.
words = st.tuples(
    st.sampled_from([0, 1, 2**55, 2**64 - 1, 2**64 - 2]), st.sampled_from([0, 8, 16, 7, 2**63, 2**64 - 1])
)
anything = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
values = st.integers(-(2**63), 2**63 - 1).filter(bool)


def keyed(hi: int, lo: int) -> tuple[np.uint64, np.uint64]:
    return np.uint64(hi), np.uint64(lo)


def assert_holds(table: Table, expected: dict[tuple[int, int], int]) -> None:
    assert table_count(table) == len(expected) == int(table.parts[:, 2].sum())
    for key, value in expected.items():
        assert find(table, *keyed(*key)) == value
        fetch_slot(table, *keyed(*key))


@given(st.lists(st.tuples(st.one_of(words, anything), values), max_size=120))
def test_table_is_a_dict(puts: list[tuple[tuple[int, int], int]]) -> None:
    table, expected = new_table(200), {}
    for key, value in puts:
        assert find(table, *keyed(*key)) == expected.get(key, 0)
        assert put(table, *keyed(*key), np.int64(value))
        expected[key] = value
    assert_holds(table, expected)


def test_partition_grows_and_keeps_what_it_has() -> None:
    table = new_table(5_000)
    expected = {(7, lo * 8): lo + 1 for lo in range(5_000)}
    for key, value in expected.items():
        assert put(table, *keyed(*key), np.int64(value))
    assert_holds(table, expected)
    assert int(table.parts[0, 1]) >= 5_000 / 0.7
    assert table_bytes(table) <= len(table.slots) * table.slots.itemsize


def test_table_takes_as_many_keys_as_asked_for_in_any_spread() -> None:
    for keys in (1, 6, 11, 12, 23, 90, 700):
        one, many = new_table(keys), new_table(keys)
        for i in range(keys):
            assert put(one, *keyed(0, i), np.int64(1))
            assert put(many, *keyed(i << (64 - PARTITION_BITS) & (2**64 - 1), i), np.int64(1))


def full_table() -> tuple[Table, dict[tuple[int, int], int]]:
    table, expected, lo = new_table(20), {}, 0
    while put(table, *keyed(0, lo), np.int64(lo + 1)):
        expected[0, lo] = lo + 1
        lo += 1
    return table, expected


def test_full_table_refuses_a_new_key_and_nothing_changes() -> None:
    table, expected = full_table()
    before = table.slots.copy(), table.parts.copy(), table.meta.copy()
    assert not put(table, *keyed(0, 10**6), np.int64(9))
    assert not reserve(table, np.uint64(0))
    assert all((a == b).all() for a, b in zip(before, table, strict=True))
    assert_holds(table, expected)
    assert put(table, *keyed(2**64 - 1, 5), np.int64(9)), "other partitions still have room"


def test_full_table_still_changes_the_value_of_a_key_it_has() -> None:
    table, expected = full_table()
    for key in expected:
        expected[key] += 1000
        assert put(table, *keyed(*key), np.int64(expected[key]))
    assert_holds(table, expected)


def test_reserved_room_is_there() -> None:
    table = new_table(40)
    for lo in range(40):
        assert reserve(table, np.uint64(0))
        top = int(table.meta[0])
        assert put(table, *keyed(0, lo), np.int64(1))
        assert int(table.meta[0]) == top


def test_a_table_with_room_is_the_same_or_a_larger_copy() -> None:
    table, expected = full_table()
    assert with_room(new_table(20), 20)[0].shape == table.slots.shape
    larger = with_room(table, 100)
    assert_holds(larger, expected)
    for lo in range(100):
        assert put(larger, *keyed(0, 2**40 + lo), np.int64(1))
    assert table_count(table) == len(expected)
