"""Hash tables from 128-bit keys to int64 values that grow without a pause.

A table is an arena of slots cut into partitions by the key's top bits. Each partition is an open-addressing table of its own (linear
probing, at most 70% full) that moves to twice the room when full: a few thousand slots at a time, never the whole table. Values
are never 0. Nothing is ever removed; a whole table is dropped at once.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.layout import KEY
from models.jit import inlined, kernel

PARTITION_BITS: Final = 9
PARTITION_SLOTS_FIRST: Final = 8

_TOP: Final = 0
_COUNT: Final = 1


class Table(NamedTuple):
    """`slots` of dtype KEY; `parts` (partitions, 3): offset, capacity, count; `meta`: arena top, keys in all."""

    slots: NDArray[Any]
    parts: NDArray[np.int64]
    meta: NDArray[np.int64]


def new_table(keys_max: int) -> Table:
    """A table that surely takes `keys_max` keys, whatever their spread over partitions. Memory is used only as keys come."""
    partitions = 1 << PARTITION_BITS
    first = partitions * PARTITION_SLOTS_FIRST
    parts = np.zeros((partitions, 3), np.int64)
    parts[:, 0] = np.arange(partitions) * PARTITION_SLOTS_FIRST
    parts[:, 1] = PARTITION_SLOTS_FIRST
    return Table(np.zeros(first + 8 * keys_max, KEY), parts, np.array([first, 0], np.int64))


def table_bytes(table: Table) -> int:
    """Bytes of the arena in use."""
    return int(table.meta[_TOP]) * KEY.itemsize


def table_count(table: Table) -> int:
    """Keys in the table."""
    return int(table.meta[_COUNT])


@inlined
def find(table, hi, lo):  # type: ignore[no-untyped-def]
    """Value of a key, 0 if absent."""
    part = np.int64(hi >> np.uint64(64 - PARTITION_BITS))
    offset = table.parts[part, 0]
    mask = table.parts[part, 1] - 1
    at = np.int64(lo & np.uint64(mask))
    while True:
        slot = table.slots[offset + at]
        value = slot["value"]
        if value == 0:
            return np.int64(0)
        if slot["lo"] == lo and slot["hi"] == hi:
            return np.int64(value)
        at = (at + 1) & mask


@inlined
def touch(table, hi, lo):  # type: ignore[no-untyped-def]
    """Read where a key would stand and give what is there: called for many keys before they are used, the reads overlap."""
    part = np.int64(hi >> np.uint64(64 - PARTITION_BITS))
    return table.slots[table.parts[part, 0] + np.int64(lo & np.uint64(table.parts[part, 1] - 1))]["value"]


@inlined
def _place(slots, offset, mask, hi, lo, value):  # type: ignore[no-untyped-def]
    at = np.int64(lo & np.uint64(mask))
    while True:
        slot = slots[offset + at]
        if slot["value"] == 0:
            slot["hi"] = hi
            slot["lo"] = lo
            slot["value"] = value
            return True
        if slot["lo"] == lo and slot["hi"] == hi:
            slot["value"] = value
            return False
        at = (at + 1) & mask


@kernel
def _grow(table, part):  # type: ignore[no-untyped-def]
    offset = table.parts[part, 0]
    capacity = table.parts[part, 1]
    target = table.meta[_TOP]
    if target + 2 * capacity > len(table.slots):
        return False
    for i in range(capacity):
        slot = table.slots[offset + i]
        if slot["value"] != 0:
            _place(table.slots, target, 2 * capacity - 1, slot["hi"], slot["lo"], slot["value"])
    table.parts[part, 0] = target
    table.parts[part, 1] = 2 * capacity
    table.meta[_TOP] = target + 2 * capacity
    return True


@kernel
def put(table, hi, lo, value):  # type: ignore[no-untyped-def]
    """Set a key's value (not 0). False, and nothing changed, when the arena is full."""
    part = np.int64(hi >> np.uint64(64 - PARTITION_BITS))
    if (table.parts[part, 2] + 1) * 10 > table.parts[part, 1] * 7:
        if not _grow(table, part):
            return False
    if _place(table.slots, table.parts[part, 0], table.parts[part, 1] - 1, hi, lo, value):
        table.parts[part, 2] += 1
        table.meta[_COUNT] += 1
    return True
