"""The hash table against a dict, also when it is full."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.ledger.table import (
    DIRECTORY_BITS,
    KEYS_A_PARTITION,
    PARTITION_SLOTS,
    Table,
    _divide,
    fetch_slot,
    find,
    new_table,
    put,
    remove,
    reserve,
    table_bytes,
    table_count,
    table_slots,
    with_room,
)
from tests.compiled import COMPILED

# Few partitions and few places in them, so that keys meet.
words = st.tuples(
    st.sampled_from([0, 1, 2**55, 2**64 - 1, 2**64 - 2]), st.sampled_from([0, 8, 16, 7, 2**63, 2**64 - 1])
)
anything = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
values = st.integers(-(2**63), 2**63 - 1).filter(bool)


def keyed(hi: int, lo: int) -> tuple[np.uint64, np.uint64]:
    return np.uint64(hi), np.uint64(lo)


def assert_holds(table: Table, expected: dict[tuple[int, int], int]) -> None:
    assert table_count(table) == len(expected) == int(table.parts[:, 1].sum())
    for key, value in expected.items():
        assert find(table, *keyed(*key)) == value
        fetch_slot(table, *keyed(*key))


@given(st.lists(st.tuples(st.one_of(words, anything), values), max_size=120))
def test_table_is_a_dict(puts: list[tuple[tuple[int, int], int]]) -> None:
    expected: dict[tuple[int, int], int] = {}
    table = new_table(200)
    for key, value in puts:
        assert find(table, *keyed(*key)) == expected.get(key, 0)
        assert put(table, *keyed(*key), np.int64(value))
        expected[key] = value
    assert_holds(table, expected)


steps = st.lists(st.tuples(words, st.one_of(st.none(), values)), max_size=200)


@given(steps)
def test_what_is_removed_is_gone_and_no_other(steps: list[tuple[tuple[int, int], int | None]]) -> None:
    expected: dict[tuple[int, int], int] = {}
    table = new_table(200)
    for key, value in steps:
        if value is None:
            remove(table, *keyed(*key))
            expected.pop(key, None)
        else:
            assert put(table, *keyed(*key), np.int64(value))
            expected[key] = value
        assert_holds(table, expected)
    assert np.count_nonzero(table.slots["value"]) == len(expected)


def test_keys_that_meet_in_one_place_come_and_go_as_in_a_dict() -> None:
    """Around the end of a partition, where places go on at its beginning, and often enough that each key goes many times."""
    random = np.random.default_rng(5)
    table = new_table(200)
    expected: dict[tuple[int, int], int] = {}
    homes = [(home << 32) - 1 & 2**64 - 1 for home in (0, 1, 2)]
    keys = [((number << 8) & 2**40 - 1, lo ^ number << 48) for number, lo in enumerate(homes * 6)]
    keys += [(number, lo) for number, lo in enumerate([0, 8, 16, 2**64 - 1, 2**64 - 2, 2**63] * 4)]
    for step in random.integers(1, 2**40, 600).tolist():
        key = keys[step % len(keys)]
        if key in expected and step % 3:
            remove(table, *keyed(*key))
            del expected[key]
        else:
            assert put(table, *keyed(*key), np.int64(step))
            expected[key] = step
        assert table_count(table) == len(expected) == int(table.parts[:, 1].sum())
        assert [int(find(table, *keyed(*each))) for each in keys] == [expected.get(each, 0) for each in keys]


def filled(table: Table, keys: dict[tuple[int, int], int]) -> dict[tuple[int, int], int]:
    for key, value in keys.items():
        assert put(table, *keyed(*key), np.int64(value))
    return keys


def random_keys(count: int) -> dict[tuple[int, int], int]:
    his, los = np.random.default_rng(5).integers(0, 2**64, (2, count), np.uint64)
    return {(int(hi), int(lo)): i + 1 for i, (hi, lo) in enumerate(zip(his, los, strict=True))}


def test_a_full_partition_gives_half_of_its_keys_to_a_new_one() -> None:
    table = new_table(100_000)
    expected = filled(table, random_keys(KEYS_A_PARTITION))
    assert table_slots(table) == PARTITION_SLOTS
    expected |= filled(table, {(0, 1): 77})
    assert table_slots(table) == 2 * PARTITION_SLOTS
    assert 0.4 < table.parts[0, 1] / KEYS_A_PARTITION < 0.6
    assert_holds(table, expected)


@pytest.mark.long
@pytest.mark.skipif(not COMPILED, reason="takes minutes when it is not compiled")
def test_a_table_takes_as_many_random_keys_as_asked_for_in_little_memory() -> None:
    for keys in (1, KEYS_A_PARTITION, 12_000, 100_000, 200_000):
        table = new_table(keys)
        assert_holds(table, filled(table, random_keys(keys)))
        assert table_bytes(table) <= max(PARTITION_SLOTS * 24, 24 * keys / 0.33)


def test_keys_that_crowd_around_a_partitions_end_are_found_after_it_was_divided() -> None:
    table, rng = new_table(40_000), np.random.default_rng(3)
    los = [PARTITION_SLOTS * k + PARTITION_SLOTS - 2 + k % 3 for k in range(120)] + list(range(7_000))
    expected = {(int(rng.integers(0, 2**64, dtype=np.uint64)), lo): lo + 1 for lo in los}
    assert_holds(table, filled(table, expected))
    assert table_slots(table) >= 2 * PARTITION_SLOTS


def full_table() -> tuple[Table, dict[tuple[int, int], int]]:
    """One of two partitions, both for keys that are all in the lower half."""
    table, expected, lo = new_table(20), {}, 0
    while put(table, *keyed(0, lo), np.int64(lo + 1)):
        expected[0, lo] = lo + 1
        lo += 1
    return table, expected


def test_full_table_refuses_a_new_key_and_nothing_changes() -> None:
    table, expected = full_table()
    before = [array.tobytes() for array in table]
    assert not put(table, *keyed(0, 10**6), np.int64(9))
    assert not reserve(table, np.uint64(0))
    assert [array.tobytes() for array in table] == before
    assert_holds(table, expected)
    assert put(table, *keyed(2**64 - 1, 5), np.int64(9)), "other partitions still have room"


def test_full_table_still_changes_the_value_of_a_key_it_has() -> None:
    table, expected = full_table()
    for key in expected:
        expected[key] += 1000
        assert put(table, *keyed(*key), np.int64(expected[key]))
    assert_holds(table, expected)


@given(st.lists(anything, max_size=20), st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5))
def test_a_division_gives_the_upper_half_of_a_partitions_entries_away_and_loses_no_key(
    keys: list[tuple[int, int]], places: list[int]
) -> None:
    table = new_table(60_000)
    expected = filled(table, {key: i + 1 for i, key in enumerate(keys)})
    parts = np.zeros(1 << DIRECTORY_BITS, np.int32)
    for new, place in enumerate([*places, places[-1]], 1):
        (led_there,) = np.nonzero(parts == parts[place >> 64 - DIRECTORY_BITS])
        parts[led_there[len(led_there) // 2 :]] = new
        assert _divide(table, np.uint64(place))
        assert (table.parts[:, 0] == parts).all()
        assert_holds(table, expected)
    there = Counter(int(parts[hi >> 64 - DIRECTORY_BITS]) for hi, _ in expected)
    assert [int(count) for count in table.parts[: len(places) + 2, 1]] == [there[i] for i in range(len(places) + 2)]


def test_a_partition_is_not_divided_without_room_or_when_one_entry_leads_there() -> None:
    full = new_table(1)
    assert _divide(full, np.uint64(0))
    before = full.parts.copy()
    assert not _divide(full, np.uint64(0))
    assert (full.parts == before).all() and table_slots(full) == 2 * PARTITION_SLOTS
    table = new_table(60_000)
    for _ in range(DIRECTORY_BITS):
        assert _divide(table, np.uint64(5))
    before = table.parts.copy()
    assert not _divide(table, np.uint64(5))
    assert (table.parts == before).all() and table_slots(table) == (DIRECTORY_BITS + 1) * PARTITION_SLOTS


def test_reserved_room_is_there() -> None:
    table = new_table(2 * KEYS_A_PARTITION)
    for key, value in random_keys(KEYS_A_PARTITION + 5).items():
        assert reserve(table, np.uint64(key[0]))
        top = int(table.meta[0])
        assert put(table, *keyed(*key), np.int64(value))
        assert int(table.meta[0]) == top


def test_a_table_with_room_is_the_same_or_has_a_larger_arena() -> None:
    table = new_table(20)
    expected = filled(table, random_keys(2_000))
    assert with_room(table, 20).slots is table.slots
    larger = with_room(table, 100_000)
    assert len(larger.slots) > len(table.slots)
    assert_holds(larger, expected | filled(larger, {(2**64 - 1, lo): 1 for lo in range(100)}))


def test_a_division_leaves_alone_what_lies_behind_the_directory() -> None:
    """The end of the directory is the end of the last partition, whatever stands there."""
    directory = np.zeros(((1 << DIRECTORY_BITS) + 1, 2), np.int32)
    table = new_table(3 * KEYS_A_PARTITION)._replace(parts=directory[:-1])
    for part in range(1, 4):
        directory[-1, 0] = table.parts[-1, 0]  # as memory may happen to be
        assert _divide(table, np.uint64(2**64 - 1))
        assert directory[-1, 0] == part - 1 and table.parts[-1, 0] == part


def test_a_division_moves_the_keys_from_the_middle_on() -> None:
    """The first of them, the last below, and both ends."""
    table = new_table(3 * KEYS_A_PARTITION)
    words = [0, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1, 2**62 - 1, 2**62, 3 << 62, (3 << 62) - 1]
    for value, hi in enumerate(words, start=1):
        assert put(table, *keyed(hi, 7), np.int64(value))
    for of in (0, 2**64 - 1, 0):
        assert _divide(table, np.uint64(of))
        assert_holds(table, {(hi, 7): value for value, hi in enumerate(words, start=1)})
    assert table.parts[:4, 1].tolist() == [2, 3, 2, 2]
