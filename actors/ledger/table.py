"""Hash tables from 128-bit keys to int64 values that grow without a pause.

A table is an arena of slots cut into partitions by the key's top bits. Each partition is an open-addressing table of its own (linear
probing, at most 70% full) that moves to twice the room when full: a few thousand slots at a time, never the whole table. Values
are never 0. Nothing is ever removed; a whole table is dropped at once.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.layout import KEY, zeros
from models.jit import inlined, kernel
from models.prefetch import prefetch

PARTITION_BITS: Final = 9
PARTITION_SLOTS_FIRST: Final = 8
ARENA_SLOTS_PER_KEY: Final = 8
"""A partition that grew to hold n keys has used at most 4 n / 0.7 slots in all: the last doubling and all before it."""

EXPECTED_ROOM: Final = 1.6
"""Slots for each key that is expected: 1 / 0.7, and some for partitions that get more than their share."""

_TOP: Final = 0
_COUNT: Final = 1


class Table(NamedTuple):
    """`slots` of dtype KEY; `parts` (partitions, 3): offset, capacity, count; `meta`: arena top, keys in all."""

    slots: NDArray[Any]
    parts: NDArray[np.int64]
    meta: NDArray[np.int64]


def new_table(keys_max: int, expected: int = 0) -> Table:
    """A table that surely takes `keys_max` keys, whatever their spread over partitions. Memory is used only as keys come; room for
    `expected` keys is made at once, which takes half the memory of growing there."""
    partitions = 1 << PARTITION_BITS
    wanted = int(EXPECTED_ROOM * expected / partitions)
    slots = max(PARTITION_SLOTS_FIRST, 1 << max(wanted - 1, 0).bit_length())
    first = partitions * slots
    parts = np.zeros((partitions, 3), np.int64)
    parts[:, 0] = np.arange(partitions) * slots
    parts[:, 1] = slots
    return Table(zeros(first + ARENA_SLOTS_PER_KEY * keys_max, KEY), parts, np.array([first, 0], np.int64))


def table_bytes(table: Table) -> int:
    """Bytes of the arena in use."""
    return table_slots(table) * KEY.itemsize


def table_count(table: Table) -> int:
    """Keys in the table."""
    return int(table.meta[_COUNT])


@inlined
def find(table, hi, lo):
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
def fetch_slot(table, hi, lo):
    """Bring the place where a key would stand into the cache: called for many keys before they are used, the reads overlap."""
    part = np.int64(hi >> np.uint64(64 - PARTITION_BITS))
    prefetch(table.slots, table.parts[part, 0] + np.int64(lo & np.uint64(table.parts[part, 1] - 1)), 0)


@inlined
def _slot_for(slots, offset, mask, hi, lo):
    """Index of the slot that has this key, else of the empty one that it would take."""
    at = np.int64(lo & np.uint64(mask))
    while True:
        slot = slots[offset + at]
        if slot["value"] == 0 or (slot["lo"] == lo and slot["hi"] == hi):
            return np.int64(offset + at)
        at = (at + 1) & mask


@inlined
def _fill(slots, at, hi, lo, value):
    slots[at]["hi"] = hi
    slots[at]["lo"] = lo
    slots[at]["value"] = value


@kernel
def _grow(table, part):
    offset = table.parts[part, 0]
    capacity = table.parts[part, 1]
    target = table.meta[_TOP]
    if target + 2 * capacity > len(table.slots):
        return False
    for i in range(capacity):
        slot = table.slots[offset + i]
        if slot["value"] != 0:
            at = _slot_for(table.slots, target, 2 * capacity - 1, slot["hi"], slot["lo"])
            _fill(table.slots, at, slot["hi"], slot["lo"], slot["value"])
    table.parts[part, 0] = target
    table.parts[part, 1] = 2 * capacity
    table.meta[_TOP] = target + 2 * capacity
    return True


@inlined
def reserve(table, hi):
    """Make room for one more key beside this one. False, and nothing changed, when the arena is full."""
    part = np.int64(hi >> np.uint64(64 - PARTITION_BITS))
    if (table.parts[part, 2] + 1) * 10 <= table.parts[part, 1] * 7:
        return True
    return _grow(table, part)


@inlined
def put(table, hi, lo, value):
    """Set a key's value (not 0). False, and nothing changed, when the key is new and the arena full."""
    part = np.int64(hi >> np.uint64(64 - PARTITION_BITS))
    at = _slot_for(table.slots, table.parts[part, 0], table.parts[part, 1] - 1, hi, lo)
    if table.slots[at]["value"] == 0:
        if (table.parts[part, 2] + 1) * 10 > table.parts[part, 1] * 7:
            if not _grow(table, part):
                return False
            at = _slot_for(table.slots, table.parts[part, 0], table.parts[part, 1] - 1, hi, lo)
        table.parts[part, 2] += 1
        table.meta[_COUNT] += 1
    _fill(table.slots, at, hi, lo, value)
    return True


@kernel
def _copy(source, target):
    for part in range(len(source.parts)):
        for i in range(source.parts[part, 1]):
            slot = source.slots[source.parts[part, 0] + i]
            if slot["value"] != 0:
                put(target, slot["hi"], slot["lo"], slot["value"])


def with_room(table: Table, keys: int) -> Table:
    """The same table if it surely takes so many further keys, else a larger copy."""
    needed = table_count(table) + keys
    if needed <= (len(table.slots) - (PARTITION_SLOTS_FIRST << PARTITION_BITS)) // ARENA_SLOTS_PER_KEY:
        return table
    larger = new_table(2 * needed)
    _copy(table, larger)
    return larger


def table_slots(table: Table) -> int:
    """Slots of the arena in use."""
    return int(table.meta[_TOP])
