"""Whether a switch has what a state file notes: the first and the last record of each shard.

A journal loses nothing but its end: a shard that has the last of an import's records has all before it, one that
has not the first has none.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.records.addresses import shard_of
from actors.records.ids import addresses_in
from rules.vocabulary.times import time_ms
from switch.http.times import now_ms, time_text
from switch.importer.client import Recorded, SwitchError
from switch.importer.state import Progress, Wave

KEYS_MS: Final = 23 * 3_600_000
"""So long after rows were sent first their keys are remembered for sure: 24 hours of the shards' clocks."""


def are_forgotten(sent_ms: int) -> bool:
    """Whether keys that were sent first at a time may be."""
    return now_ms() - sent_ms > KEYS_MS


class Mark(NamedTuple):
    """A row that was answered, posted or declined, and the id of its record."""

    row: int
    identity: bytes


class Marks:
    """First and last record of each shard among the answers that were added, as (address, Mark). `whole`: of all that was answered."""

    def __init__(self) -> None:
        self.whole = True
        self._first: dict[int, tuple[int, Mark]] = {}
        self._last: dict[int, tuple[int, Mark]] = {}

    def add(self, rows: NDArray[np.int64], ids: NDArray[np.uint8]) -> None:
        """Rows (k,) with the ids (k, 16) that they were answered with; nil for those that made no record."""
        addresses = addresses_in(ids)
        shards = np.where(addresses > 0, shard_of(addresses), -1)
        for shard in np.unique(shards[shards >= 0]).tolist():
            places = np.flatnonzero(shards == shard)
            low, high = places[addresses[places].argmin()], places[addresses[places].argmax()]
            first, last = ((int(addresses[at]), Mark(int(rows[at]), ids[at].tobytes())) for at in (low, high))
            self._first[shard] = min(first, self._first.get(shard, first))
            self._last[shard] = max(last, self._last.get(shard, last))

    def add_noted(self, wave: Wave) -> None:
        """What a wave notes. One that was noted without marks has the ids that other rows name, if any."""
        rows, ids = (wave.sources, wave.ids) if wave.marks is None else (wave.marks, wave.mark_ids)
        self.whole &= wave.marks is not None
        self.add(np.frombuffer(rows, "<u4").astype(np.int64), np.frombuffer(ids, np.uint8).reshape(-1, 16))

    @property
    def first(self) -> list[Mark]:
        """Of each shard."""
        return [mark for _, mark in self._first.values()]

    @property
    def last(self) -> list[Mark]:
        """Of each shard."""
        return [mark for _, mark in self._last.values()]

    def packed(self) -> tuple[bytes, bytes]:
        """Rows and ids, as a wave notes them."""
        marks = sorted({*self.first, *self.last})
        rows = np.array([mark.row for mark in marks], "<u4")
        return rows.tobytes(), b"".join(mark.identity for mark in marks)


async def refuse_lost(
    marks: Marks,
    find: Callable[[Mark], Awaitable[Recorded | None]],
    name: Callable[[int], str],
    path: Path,
    progress: Progress,
) -> None:
    """Before rows of a file are sent of which others are noted in the state file at `path`. Raises SwitchError where the switch has
    not all that is noted, or notes it for other wallets. `find`: the payment of a mark; `name`: of a row."""
    last = marks.last
    lost = [mark.row for mark, found in zip(last, await asyncio.gather(*map(find, last)), strict=True) if found is None]
    if not lost and progress.fits:
        return
    first = [each for each in await asyncio.gather(*map(find, marks.first)) if each is not None]
    since_ms = min((time_ms(each.created_at) for each in first), default=None if marks.first else progress.begun_ms)
    missing = (
        f"the payment of {name(min(lost))} is not there"
        if lost
        else "wallets of its payments have other ids, or it is of another version"
    )
    raise SwitchError(
        f"this switch does not have what the state file {path} notes: {missing}. It was restored "
        f"from a backup, or is another switch. {_way_out(since_ms if marks.whole else 0)}"
    )


def _way_out(since_ms: int | None) -> str:
    """What can be done without paying twice. `since_ms`: when the first of the noted payments that are there was made, 0 where that
    is not known; None where none is there."""
    if since_ms is None:
        return (
            "It has none of the payments that are noted. If the file was never imported into it, move the state file away: the same "
            "command then imports all of it. If it was, with another state file, name that one with --state"
        )
    if are_forgotten(since_ms):
        return (
            "It may have others that are noted, and have forgotten their keys, which it remembers for 24 hours: sent now they could be "
            "paid twice. Statements of their wallets say which are paid: import a file of those that are not"
        )
    return (
        f"It has others that are noted, and remembers their keys until {time_text(since_ms + KEYS_MS)}: move the state file away before "
        "then, and the same command pays what is missing and nothing twice; later it could pay twice"
    )
