"""Arrange linked groups for a shard.

Rows that all count or none lie side by side, name the next one, and have one home.

A group's home is that of its user payer, else of its first row; all its keys live there. Each row's digest also holds its place and the
group's size, so that a group is answered a second time only as a whole.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.records.addresses import owned
from actors.records.layout import FLAG_LINKED, Requests
from models.arrays import Integers
from models.hashing import splitmix64s

NO_GROUP: Final = -(2**40)
"""Number of a row that stands alone; outside of 32 bits, so that callers may use any."""


class Groups(NamedTuple):
    """Rows in the order in which they are sent. `order`: the place of each in the request; `starts`: the first row of each group, groups
    of one included."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    def each(self, values: Integers, chosen: Any) -> Integers:
        """What the function `chosen` (a ufunc) makes of each group's values, given to each of its rows."""
        sizes = np.diff(self.starts, append=len(self.order))
        repeated: Integers = np.repeat(chosen.reduceat(values, self.starts), sizes)
        return repeated


def arrange(rows: Requests, numbers: NDArray[np.int64]) -> tuple[Requests, Groups]:
    """Put rows (n,) of one group (equal `numbers`) side by side at the place of its first row, link them and mark their digests.
    Gives the rows in their new order."""
    count = len(rows)
    alone = numbers == NO_GROUP
    keys = np.where(alone, NO_GROUP - 1 - np.arange(count), numbers)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    order = np.lexsort((np.arange(count), first[group]))
    group = group[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    sizes = np.diff(starts, append=count)
    size = np.repeat(sizes, sizes)
    place = np.arange(count) - np.repeat(starts, sizes)
    arranged = rows[order]
    arranged["flags"][place + 1 < size] |= FLAG_LINKED
    linked = size > 1
    arranged["digest"][linked] ^= splitmix64s((place[linked] + 1) << 32 | size[linked])
    return arranged, Groups(order, starts)


def homes_of(groups: Groups, rows: Requests, homes: NDArray[np.int16]) -> NDArray[np.int16]:
    """One home for each group, given that of each row alone (n,)."""
    users = owned(rows["payer"])
    place = np.where(users, np.arange(len(rows)), len(rows))
    chosen = groups.each(place, np.minimum)
    starts = groups.each(np.arange(len(rows)), np.minimum)
    named: NDArray[np.int16] = homes[np.where(chosen < len(rows), chosen, starts)]
    return named


def of_several_payers(groups: Groups, rows: Requests) -> NDArray[np.bool_]:
    """Whether each row's group has more than one user payer: no shard could carry it out."""
    users = owned(rows["payer"])
    lowest = groups.each(np.where(users, rows["payer"], np.iinfo(np.int64).max), np.minimum)
    highest = groups.each(np.where(users, rows["payer"], -1), np.maximum)
    several: NDArray[np.bool_] = (highest >= 0) & (lowest != highest)
    return several
