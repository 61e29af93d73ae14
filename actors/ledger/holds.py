"""Open holds, found by the address of their record, ended one by one or by time.

Each step is constant work.

A hold lies in one row from its record until it is captured to the end, voided or expired; then the row is used again. Rows are found
through an open-addressing table of row numbers (linear probing, at most half full, deletion by moving back, Knuth 6.4 R), and
wait for their expiry in a hierarchical timing wheel (Varghese and Lauck 1987): eight levels of 64 slots, milliseconds below.
Rows and wheel are state; the table and the counts by caller are indexes of the rows and are rebuilt from them (see `index_holds`).

One caller opens a share of all holds at most, so that none, holding from an operator wallet that needs no funds, fills the table for
all. What was recorded is never asked about it again: a replay under a smaller share keeps all holds there were.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.records.layout import FLAG_REVIEW, HOLD, HoldRows, zeros
from models.jit import inlined, kernel

WHEEL_LEVELS: Final = 8
"""48 bits of milliseconds: until the year 10889."""
WHEEL_SLOTS: Final = 64

CALLER_SLOTS: Final = 1 << 16
"""Callers are counted by the low bits of their account's number; of more accounts than slots some have a share together."""

PROMISED: Final = 0
TABLE_FULL: Final = 1
SHARE_FULL: Final = 2

_OPEN: Final = 0
_TOP: Final = 1
_FREE: Final = 2
_TIME: Final = 3
_PROMISED: Final = 4


class Holds(NamedTuple):
    """`rows` of dtype HOLD; `kept`: of a row in review, until when it is held once it is approved, 0 = it is captured then; `callers`:
    of a row, who opened it; `slots`: row numbers + 1 by hash of the address, 0 = empty; `wheel` (levels, slots): first row + 1 of the
    holds in a slot; `filled`: per level a bit for each slot that is not empty; `meta`: see above; `opened`, `promised` (CALLER_SLOTS,):
    holds by caller, open and on their way; `of_one` (1,): how many of both one may have."""

    rows: HoldRows
    kept: NDArray[np.int64]
    callers: NDArray[np.uint32]
    slots: NDArray[np.int32]
    wheel: NDArray[np.int32]
    filled: NDArray[np.uint64]
    meta: NDArray[np.int64]
    opened: NDArray[np.int32]
    promised: NDArray[np.int32]
    of_one: NDArray[np.int64]


def new_holds(holds_max: int, of_one: int) -> Holds:
    """Room for so many open holds, `of_one` of them of one caller. Memory is used only as they come."""
    slots = 1 << max(4, (2 * holds_max - 1).bit_length())
    return Holds(
        rows=zeros(holds_max, HOLD),
        kept=zeros(holds_max, np.dtype(np.int64)),
        callers=zeros(holds_max, np.dtype(np.uint32)),
        slots=zeros(slots, np.dtype(np.int32)),
        wheel=np.zeros((WHEEL_LEVELS, WHEEL_SLOTS), np.int32),
        filled=np.zeros(WHEEL_LEVELS, np.uint64),
        meta=np.zeros(5, np.int64),
        opened=zeros(CALLER_SLOTS, np.dtype(np.int32)),
        promised=zeros(CALLER_SLOTS, np.dtype(np.int32)),
        of_one=np.array([of_one], np.int64),
    )


def holds_used(holds: Holds) -> int:
    """Rows of the array that were ever used."""
    return int(holds.meta[_TOP])


def holds_open(holds: Holds) -> int:
    """Holds that are open."""
    return int(holds.meta[_OPEN])


@inlined
def promise_none(holds):
    """A batch begins or ends: no room is promised to rows on their way."""
    if holds.meta[_PROMISED] != 0:
        holds.meta[_PROMISED] = 0
        holds.promised[:] = 0


@inlined
def _counted_at(caller):
    return np.int64(caller) & (CALLER_SLOTS - 1)


@inlined
def room_for_holds(holds, count):
    """Whether the table has room for so many more holds of this batch."""
    return holds.meta[_OPEN] + holds.meta[_PROMISED] + count <= len(holds.rows)


@inlined
def promise_hold(holds, caller):
    """Promise a caller room for one more hold of this batch: PROMISED, or, and nothing is promised, TABLE_FULL or SHARE_FULL."""
    if not room_for_holds(holds, 1):
        return TABLE_FULL
    at = _counted_at(caller)
    if np.int64(holds.opened[at]) + holds.promised[at] >= holds.of_one[0]:
        return SHARE_FULL
    holds.meta[_PROMISED] += 1
    holds.promised[at] += 1
    return PROMISED


@inlined
def keep_promise(holds, caller):
    """A row to which room was promised has it, or needs none any more."""
    holds.meta[_PROMISED] -= 1
    holds.promised[_counted_at(caller)] -= 1


@inlined
def _start_of(holds, address):
    """First slot of an address (Fibonacci hashing)."""
    return np.int64((np.uint64(address) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & (len(holds.slots) - 1)


@inlined
def find_hold(holds, address):
    """Row of an open hold, -1 when there is none at this address."""
    mask = len(holds.slots) - 1
    at = _start_of(holds, address)
    while holds.slots[at] != 0:
        row = np.int64(holds.slots[at]) - 1
        if holds.rows[row]["address"] == address:
            return row
        at = (at + 1) & mask
    return np.int64(-1)


@kernel
def _enter(holds, row):
    mask = len(holds.slots) - 1
    at = _start_of(holds, holds.rows[row]["address"])
    while holds.slots[at] != 0:
        at = (at + 1) & mask
    holds.slots[at] = row + 1


@kernel
def _leave(holds, row):
    mask = len(holds.slots) - 1
    gap = _start_of(holds, holds.rows[row]["address"])
    while holds.slots[gap] != row + 1:
        gap = (gap + 1) & mask
    at = (gap + 1) & mask
    while holds.slots[at] != 0:
        start = _start_of(holds, holds.rows[np.int64(holds.slots[at]) - 1]["address"])
        if (at - start) & mask >= (at - gap) & mask:
            holds.slots[gap] = holds.slots[at]
            gap = at
        at = (at + 1) & mask
    holds.slots[gap] = 0


@inlined
def _lowest(bits):
    """Number of the lowest bit that is set."""
    number = 0
    width = 32
    while width:
        if bits & ((np.uint64(1) << np.uint64(width)) - np.uint64(1)) == np.uint64(0):
            bits >>= np.uint64(width)
            number += width
        width >>= 1
    return number


@kernel
def _wait(holds, row):
    """Put a hold into the slot of the wheel where its expiry first differs from the wheel's time."""
    hold = holds.rows[row]
    time = holds.meta[_TIME]
    when = max(hold["expiry"], time)
    apart = when ^ time
    level = 0
    while apart >= WHEEL_SLOTS:
        apart >>= 6
        level += 1
    slot = (when >> (6 * level)) & (WHEEL_SLOTS - 1)
    first = holds.wheel[level, slot]
    hold["place"] = level * WHEEL_SLOTS + slot
    hold["next"] = first
    hold["prev"] = 0
    if first != 0:
        holds.rows[first - 1]["prev"] = row + 1
    holds.wheel[level, slot] = row + 1
    holds.filled[level] |= np.uint64(1) << np.uint64(slot)


@kernel
def _unwait(holds, row):
    hold = holds.rows[row]
    level, slot = hold["place"] // WHEEL_SLOTS, hold["place"] % WHEEL_SLOTS
    if hold["prev"] != 0:
        holds.rows[hold["prev"] - 1]["next"] = hold["next"]
    else:
        holds.wheel[level, slot] = hold["next"]
    if hold["next"] != 0:
        holds.rows[hold["next"] - 1]["prev"] = hold["prev"]
    if holds.wheel[level, slot] == 0:
        holds.filled[level] &= ~(np.uint64(1) << np.uint64(slot))


@kernel
def open_hold(holds, record, address):
    """Keep the hold of a HOLD record that has its code. False, and nothing changed, when all rows are in use."""
    if holds.meta[_FREE] != 0:
        row = holds.meta[_FREE] - 1
        holds.meta[_FREE] = holds.rows[row]["next"]
    else:
        row = holds.meta[_TOP]
        if row >= len(holds.rows):
            return False
        holds.meta[_TOP] = row + 1
    hold = holds.rows[row]
    hold["address"] = address
    hold["payer"] = record["payer"]
    hold["payee"] = record["payee"]
    hold["left"] = record["amount"]
    hold["expiry"] = record["expiry"]
    hold["effective_time"] = record["effective_time"]
    hold["currency"] = record["currency"]
    hold["label"] = record["label"]
    hold["review"] = 1 if record["flags"] & FLAG_REVIEW else 0
    if hold["review"]:
        seconds = np.int64(record["payee_lag"])
        holds.kept[row] = record["record_time"] + 1000 * seconds if seconds != 0 else 0
    holds.callers[row] = record["caller"]
    holds.opened[_counted_at(record["caller"])] += 1
    holds.meta[_OPEN] += 1
    _enter(holds, row)
    _wait(holds, row)
    return True


@kernel
def close_hold(holds, row):
    """End a hold; its row is used again."""
    _unwait(holds, row)
    _leave(holds, row)
    holds.opened[_counted_at(holds.callers[row])] -= 1
    hold = holds.rows[row]
    hold["address"] = 0
    hold["prev"] = 0
    hold["next"] = holds.meta[_FREE]
    holds.meta[_FREE] = row + 1
    holds.meta[_OPEN] -= 1


@kernel
def approve_hold(holds, row):
    """A hold in review becomes an ordinary one; gives its expiry."""
    _unwait(holds, row)
    hold = holds.rows[row]
    hold["review"] = 0
    hold["expiry"] = holds.kept[row]
    _wait(holds, row)
    return holds.kept[row]


@kernel
def due_hold(holds, now):
    """Row of a hold whose expiry is not after `now`, the earliest first, else -1. It stays open until it is closed."""
    while True:
        level = 0
        while level < WHEEL_LEVELS and holds.filled[level] == np.uint64(0):
            level += 1
        if level == WHEEL_LEVELS:
            holds.meta[_TIME] = max(holds.meta[_TIME], now)
            return np.int64(-1)
        slot = _lowest(holds.filled[level])
        shift = 6 * level
        starts = (holds.meta[_TIME] >> (shift + 6) << (shift + 6)) | (np.int64(slot) << shift)
        if starts > now:
            holds.meta[_TIME] = max(holds.meta[_TIME], now)
            return np.int64(-1)
        holds.meta[_TIME] = max(holds.meta[_TIME], starts)
        if level == 0:
            return np.int64(holds.wheel[0, slot]) - 1
        row = np.int64(holds.wheel[level, slot]) - 1
        holds.wheel[level, slot] = 0
        holds.filled[level] &= ~(np.uint64(1) << np.uint64(slot))
        while row >= 0:
            following = np.int64(holds.rows[row]["next"]) - 1
            _wait(holds, row)
            row = following


@kernel
def index_holds(holds):
    """Rebuild the table and the counts from the rows, of which `meta` says how many were used."""
    for row in range(holds.meta[_TOP]):
        if holds.rows[row]["address"] != 0:
            _enter(holds, row)
            holds.opened[_counted_at(holds.callers[row])] += 1
