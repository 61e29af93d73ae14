"""Hash tables from 128-bit keys to int64 values that grow without a pause.

They touch no memory that they do not keep.

A table is an arena of partitions of one size, each an open-addressing table of its own (linear probing, at most 70 % full). Keys find
theirs through a directory of their top bits (extendible hashing: Fagin and others, 1979). A full partition gives half of its keys to a
new one at the end of the arena: some ten microseconds, and nothing is left behind. Values are never 0. Idempotency keys are never
removed, their table is dropped as a whole; where a key is removed, those behind it move up. Partitions never join again.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.records.layout import KEY, KeyRows, zeros
from models.jit import inlined, kernel
from models.prefetch import prefetch

DIRECTORY_BITS: Final = 15
"""With these a table takes 180 million keys; the directory, 256 KB with the counts, stays in a core's own cache."""
PARTITION_SLOTS: Final = 8_192
KEYS_A_PARTITION: Final = PARTITION_SLOTS * 7 // 10

_TOP: Final = 0
COUNT: Final = 1
"""In `Table.meta`: how many keys there are."""


class Table(NamedTuple):
    """`slots` of dtype KEY; `parts` (2^DIRECTORY_BITS, 2): the partition of each beginning of a key, the keys in each partition; `meta`:
    partitions in use, keys in all."""

    slots: KeyRows
    parts: NDArray[np.int32]
    meta: NDArray[np.int64]


def new_table(keys_max: int) -> Table:
    """A table that takes `keys_max` keys whose words are spread like random ones. Memory is used only as keys come."""
    parts = zeros(2 << DIRECTORY_BITS, np.dtype(np.int32)).reshape(-1, 2)
    slots = zeros(_partitions(keys_max) * PARTITION_SLOTS, KEY)
    return Table(slots, parts, np.array([1, 0], np.int64))


def _partitions(keys: int) -> int:
    """Just after all have been divided they are 35 % full, a few of them less."""
    return 2 + 5 * keys // (2 * KEYS_A_PARTITION)


def table_bytes(table: Table) -> int:
    """Bytes of the arena in use."""
    return table_slots(table) * KEY.itemsize


def table_slots(table: Table) -> int:
    """Slots of the arena in use."""
    return int(table.meta[_TOP]) * PARTITION_SLOTS


def table_count(table: Table) -> int:
    """Keys in the table."""
    return int(table.meta[COUNT])


@inlined
def _entry(hi):
    return np.int64(hi >> np.uint64(64 - DIRECTORY_BITS))


@inlined
def _offset(table, hi):
    """Where the partition of a key begins."""
    return np.int64(table.parts[_entry(hi), 0]) * PARTITION_SLOTS


@inlined
def _home(lo):
    return np.int64(lo & np.uint64(PARTITION_SLOTS - 1))


@inlined
def find(table, hi, lo):
    """Value of a key, 0 if absent."""
    offset = _offset(table, hi)
    at = _home(lo)
    while True:
        slot = table.slots[offset + at]
        value = slot["value"]
        if value == 0:
            return np.int64(0)
        if slot["lo"] == lo and slot["hi"] == hi:
            return np.int64(value)
        at = (at + 1) & (PARTITION_SLOTS - 1)


@inlined
def fetch_slot(table, hi, lo):
    """Bring the place where a key would stand into the cache: called for many keys before they are used, the reads overlap."""
    prefetch(table.slots, _offset(table, hi) + _home(lo), 0)


@inlined
def _slot_for(slots, offset, hi, lo):
    """Index of the slot that has this key, else of the empty one that it would take."""
    at = _home(lo)
    while True:
        slot = slots[offset + at]
        if slot["value"] == 0 or (slot["lo"] == lo and slot["hi"] == hi):
            return np.int64(offset + at)
        at = (at + 1) & (PARTITION_SLOTS - 1)


@inlined
def _fill(slots, at, hi, lo, value):
    slots[at]["hi"] = hi
    slots[at]["lo"] = lo
    slots[at]["value"] = value


@inlined
def _move_upper_half(slots, offset, target, middle):
    """Take each key out and put it where it belongs now. Begun after an empty slot, a key that stays finds a place that was passed
    already, so that no way to a key is broken. Gives how many went."""
    at = np.int64(0)
    while slots[offset + at]["value"] != 0:
        at += 1
    moved = 0
    for _ in range(PARTITION_SLOTS - 1):
        at = (at + 1) & (PARTITION_SLOTS - 1)
        slot = slots[offset + at]
        hi, lo, value = slot["hi"], slot["lo"], slot["value"]
        if value == 0:
            continue
        slot["value"] = 0
        if _entry(hi) < middle:
            _fill(slots, _slot_for(slots, offset, hi, lo), hi, lo, value)
        else:
            _fill(slots, _slot_for(slots, target, hi, lo), hi, lo, value)
            moved += 1
    return moved


@kernel
def _divide(table, hi):
    """Give a new partition half of the directory's entries that lead to this one. False when there is one only, or no room."""
    parts = table.parts
    part, new = parts[_entry(hi), 0], table.meta[_TOP]
    first = end = _entry(hi)
    while first > 0 and parts[first - 1, 0] == part:
        first -= 1
    while end < len(parts) and parts[end, 0] == part:
        end += 1
    if end - first < 2 or (new + 1) * PARTITION_SLOTS > len(table.slots):
        return False
    middle = (first + end) // 2
    for entry in range(middle, end):
        parts[entry, 0] = new
    moved = _move_upper_half(table.slots, np.int64(part) * PARTITION_SLOTS, new * PARTITION_SLOTS, middle)
    parts[part, 1] -= moved
    parts[new, 1] = moved
    table.meta[_TOP] = new + 1
    return True


@inlined
def reserve(table, hi):
    """Make room for one more key beside this one. False, and no key moved that it could find, when there is none."""
    while table.parts[table.parts[_entry(hi), 0], 1] >= KEYS_A_PARTITION:
        if not _divide(table, hi):
            return False
    return True


@inlined
def put(table, hi, lo, value):
    """Set a key's value (not 0). False, and nothing changed, when the key is new and there is no room."""
    at = _slot_for(table.slots, _offset(table, hi), hi, lo)
    if table.slots[at]["value"] == 0:
        part = table.parts[_entry(hi), 0]
        if table.parts[part, 1] >= KEYS_A_PARTITION:
            if not reserve(table, hi):
                return False
            at = _slot_for(table.slots, _offset(table, hi), hi, lo)
            part = table.parts[_entry(hi), 0]
        table.parts[part, 1] += 1
        table.meta[COUNT] += 1
    _fill(table.slots, at, hi, lo, value)
    return True


@kernel
def remove(table, hi, lo):
    """Take a key out, if it is there. What stands behind it moves up, so that no way to a key is broken (Knuth 6.4 R)."""
    offset = _offset(table, hi)
    hole = _slot_for(table.slots, offset, hi, lo) - offset
    if table.slots[offset + hole]["value"] == 0:
        return
    table.parts[table.parts[_entry(hi), 0], 1] -= 1
    table.meta[COUNT] -= 1
    at = hole
    while True:
        at = (at + 1) & (PARTITION_SLOTS - 1)
        slot = table.slots[offset + at]
        if slot["value"] == 0:
            break
        behind = (at - _home(slot["lo"])) & (PARTITION_SLOTS - 1)
        if behind >= (at - hole) & (PARTITION_SLOTS - 1):
            _fill(table.slots, offset + hole, slot["hi"], slot["lo"], slot["value"])
            hole = at
    table.slots[offset + hole]["value"] = 0


def with_room(table: Table, keys: int) -> Table:
    """The same table if it takes so many further keys, else one with a larger arena."""
    needed = _partitions(table_count(table) + keys) * PARTITION_SLOTS
    return table if needed <= len(table.slots) else with_slots(table, 2 * needed)


def with_slots(table: Table, slots: int) -> Table:
    """The same table if its arena has so many slots, else with one that has."""
    if slots <= len(table.slots):
        return table
    arena = zeros(slots, KEY)
    used = table_slots(table)
    arena[:used] = table.slots[:used]
    return table._replace(slots=arena)
