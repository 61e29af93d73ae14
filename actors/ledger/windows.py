"""Remembered attempts of a payer, and the window columns made of them.

A payer's attempts come in order of effective time (the ledger refuses one that goes back). Count, sum, largest amount and
distinct payees over (t - w, t] are exact while the window holds no more attempts than are remembered; `saturated` says
when one was forgotten that the window should hold.

A payer whose last attempt no window can hold any more gives up its memory when that runs short. Columns do not show it: the time of
that attempt counts as forgotten, and only who pays with an effective time in the past can have a window that reaches it.

Distinct payees need no set: an attempt counts as its payee's first in the window exactly if the payer's previous attempt to that
payee, whose time it carries, lies before the window.
"""

from typing import Final

import numpy as np

from actors.ledger.book import (
    M_ATTEMPTS,
    M_ATTEMPTS_FREE,
    M_FREE_LARGE,
    M_FREE_RING,
    M_FREE_SMALL,
    M_LOST_ATTEMPT,
    M_RING_HAND,
    M_RINGS,
    M_RINGS_FREE,
    NEVER,
    RING_LARGE,
    RING_SMALL,
)
from actors.records.layout import ATTEMPT
from models.jit import inlined, kernel
from models.prefetch import CACHE_LINE, prefetch
from rules.vocabulary.columns import FIRST_WINDOW_COLUMN, INDEX, WINDOW_COLUMN_COUNT, WINDOWS_MS

_W0, _W1, _W2 = WINDOWS_MS
_SATURATED: Final = INDEX["saturated"]
_SEEN: Final = INDEX["payee_seen"]
_ATTEMPTS_A_LINE: Final = CACHE_LINE // ATTEMPT.itemsize

RECLAIM_LOOKS: Final = 64
"""Rings looked at when a payer needs memory and less than a quarter is left: a third of a microsecond, and all are passed long before
none is left."""


@inlined
def _give_back(book, head, offset, places):
    """Places for attempts are free again; `head`: the list that keeps them."""
    book.attempts[offset]["time"] = book.meta[head]
    book.meta[head] = offset + 1
    book.meta[M_ATTEMPTS_FREE] += places


@inlined
def _take_back(book, head, places):
    offset = book.meta[head] - 1
    book.meta[head] = book.attempts[offset]["time"]
    book.meta[M_ATTEMPTS_FREE] -= places
    return offset


@kernel
def _take_chunk(book, capacity):
    """Places for so many attempts, RING_SMALL or RING_LARGE; -1: there are none."""
    head = M_FREE_SMALL if capacity == RING_SMALL else M_FREE_LARGE
    if book.meta[head] != 0:
        return np.int64(_take_back(book, head, capacity))
    offset = book.meta[M_ATTEMPTS]
    if offset + capacity <= len(book.attempts):
        book.meta[M_ATTEMPTS] = offset + capacity
        return np.int64(offset)
    if capacity == RING_LARGE or book.meta[M_FREE_LARGE] == 0:
        return np.int64(-1)
    offset = _take_back(book, M_FREE_LARGE, RING_LARGE)
    for i in range(RING_LARGE - RING_SMALL, 0, -RING_SMALL):
        _give_back(book, M_FREE_SMALL, offset + i, RING_SMALL)
    return np.int64(offset)


@inlined
def _runs_short(book):
    """Whether less than a quarter of the memory was never used."""
    attempts = book.meta[M_ATTEMPTS]
    if 4 * attempts > 3 * len(book.attempts) or attempts + RING_LARGE > len(book.attempts):
        return True
    return 4 * book.meta[M_RINGS] > 3 * len(book.rings)


@kernel
def _reclaim(book, time):
    """Free the memory of some payers whose attempts all lie before the windows of an attempt at `time`."""
    rings = book.meta[M_RINGS]
    index = book.meta[M_RING_HAND]
    for _ in range(min(np.int64(RECLAIM_LOOKS), rings)):
        index = index + 1 if index + 1 < rings else 0
        ring = book.rings[index]
        if ring["owner"] != 0 and ring["newest"] <= time - _W2:
            book.wallets[np.int64(ring["owner"]) - 1]["ring"] = 0
            book.meta[M_LOST_ATTEMPT] = max(book.meta[M_LOST_ATTEMPT], np.int64(ring["newest"]))
            large = ring["capacity"] == RING_LARGE
            _give_back(book, M_FREE_LARGE if large else M_FREE_SMALL, ring["offset"], np.int64(ring["capacity"]))
            ring["owner"] = 0
            ring["offset"] = book.meta[M_FREE_RING]
            book.meta[M_FREE_RING] = index + 1
            book.meta[M_RINGS_FREE] += 1
    book.meta[M_RING_HAND] = index


@kernel
def _new_ring(book, payer_row, time):
    if _runs_short(book):
        _reclaim(book, time)
    free = book.meta[M_FREE_RING]
    index = free - 1 if free != 0 else book.meta[M_RINGS]
    if index >= len(book.rings):
        return np.int64(-1)
    offset = _take_chunk(book, RING_SMALL)
    if offset < 0:
        return np.int64(-1)
    ring = book.rings[index]
    if free != 0:
        book.meta[M_FREE_RING] = ring["offset"]
        book.meta[M_RINGS_FREE] -= 1
    else:
        book.meta[M_RINGS] = index + 1
    ring["offset"] = offset
    ring["owner"] = payer_row + 1
    ring["capacity"] = RING_SMALL
    ring["start"] = 0
    ring["count"] = 0
    ring["forgotten"] = book.meta[M_LOST_ATTEMPT]
    return np.int64(index)


@kernel
def _widen(book, ring, time):
    if _runs_short(book):
        _reclaim(book, time)
    offset = _take_chunk(book, RING_LARGE)
    if offset < 0:
        return False
    old = ring["offset"]
    start = np.int64(ring["start"])
    for i in range(RING_SMALL):
        source = book.attempts[old + ((start + i) & (RING_SMALL - 1))]
        target = book.attempts[offset + i]
        target["time"] = source["time"]
        target["amount"] = source["amount"]
        target["payee"] = source["payee"]
        target["same_payee_time"] = source["same_payee_time"]
    _give_back(book, M_FREE_SMALL, old, RING_SMALL)
    ring["offset"] = offset
    ring["capacity"] = RING_LARGE
    ring["start"] = 0
    return True


@inlined
def _make_room(book, ring, time):
    if ring["count"] < ring["capacity"]:
        return
    oldest = book.attempts[ring["offset"] + np.int64(ring["start"])]["time"]
    if ring["capacity"] == RING_SMALL and oldest > time - _W2:
        if _widen(book, ring, time):
            return
    ring["forgotten"] = max(np.int64(ring["forgotten"]), np.int64(oldest))
    ring["start"] = (np.int64(ring["start"]) + 1) & (np.int64(ring["capacity"]) - 1)
    ring["count"] -= 1


@inlined
def fetch_ring(book, wallet):
    """Bring what says where a payer's attempts lie into the cache."""
    if wallet["ring"] != 0:
        prefetch(book.rings, np.int64(wallet["ring"]) - 1, 0)


@inlined
def fetch_attempts(book, wallet):
    """Bring a payer's attempts into the cache, the place of the next included."""
    if wallet["ring"] != 0:
        ring = book.rings[wallet["ring"] - 1]
        start = np.int64(ring["start"])
        capacity = np.int64(ring["capacity"])
        for i in range(0, min(np.int64(ring["count"]) + _ATTEMPTS_A_LINE, capacity), _ATTEMPTS_A_LINE):
            at = ring["offset"] + ((start + i) & (capacity - 1))
            prefetch(book.attempts, at, 0)


@inlined
def remember(book, payer_row, time, amount, payee):
    """Keep an attempt of a payer. When no memory is left for a new payer it is not kept, and the windows of all who have
    no attempts yet say from then on that they may have forgotten one."""
    wallet = book.wallets[payer_row]
    if wallet["ring"] == 0:
        index = _new_ring(book, payer_row, time)
        if index < 0:
            book.meta[M_LOST_ATTEMPT] = max(book.meta[M_LOST_ATTEMPT], np.int64(time))
            return
        wallet["ring"] = index + 1
    ring = book.rings[wallet["ring"] - 1]
    _make_room(book, ring, time)
    offset = ring["offset"]
    start = np.int64(ring["start"])
    capacity = np.int64(ring["capacity"])
    same = np.int64(NEVER)
    for i in range(np.int64(ring["count"]) - 1, -1, -1):
        attempt = book.attempts[offset + ((start + i) & (capacity - 1))]
        if attempt["payee"] == payee:
            same = attempt["time"]
            break
    attempt = book.attempts[offset + ((start + np.int64(ring["count"])) & (capacity - 1))]
    attempt["time"] = time
    attempt["amount"] = amount
    attempt["payee"] = payee
    attempt["same_payee_time"] = same
    ring["count"] += 1
    ring["newest"] = time


@inlined
def _mark_saturated(forgotten, time, out):
    for w in range(3):
        width = _W0 if w == 0 else (_W1 if w == 1 else _W2)
        if forgotten > time - width:
            out[_SATURATED] |= 1 << w


@inlined
def window_columns(book, wallet, time, payee, out):
    """Fill the window columns, `saturated` and `payee_seen` (attempts to this payee in the longest window) of one row."""
    for column in range(FIRST_WINDOW_COLUMN, FIRST_WINDOW_COLUMN + WINDOW_COLUMN_COUNT):
        out[column] = 0
    out[_SATURATED] = 0
    out[_SEEN] = 0
    if wallet["ring"] == 0:
        _mark_saturated(book.meta[M_LOST_ATTEMPT], time, out)
        return
    ring = book.rings[wallet["ring"] - 1]
    _mark_saturated(ring["forgotten"], time, out)
    offset = ring["offset"]
    start = np.int64(ring["start"])
    capacity = np.int64(ring["capacity"])
    for i in range(np.int64(ring["count"]) - 1, -1, -1):
        attempt = book.attempts[offset + ((start + i) & (capacity - 1))]
        at = attempt["time"]
        if at <= time - _W2:
            break
        if attempt["payee"] == payee:
            out[_SEEN] += 1
        for w in range(3):
            width = _W0 if w == 0 else (_W1 if w == 1 else _W2)
            if at > time - width:
                column = FIRST_WINDOW_COLUMN + 4 * w
                out[column] += 1
                out[column + 1] += attempt["amount"]
                out[column + 2] = max(out[column + 2], np.int64(attempt["amount"]))
                if attempt["same_payee_time"] <= time - width:
                    out[column + 3] += 1
