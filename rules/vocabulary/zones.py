"""Local time: a time zone's offsets from UTC as a table for a compiled pack.

It gives the instants at which the clocks of a zone change.

Zones come from the package `tzdata` alone, never from the machine, so a pack that is compiled from the same version of it decides the
same everywhere. Whoever decides only looks times up in numbers.
"""

from functools import cache, lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import tzdata

VERSION: Final[str] = tzdata.IANA_VERSION
"""Of the tables, like 2026f."""
END_S: Final = int(np.datetime64("2100-01-01", "s").astype(np.int64))
"""Where tables end, in seconds since 1970; after that a zone stays at its last offset. They begin with 1970."""
STEP_S: Final = 5 * 86_400
"""No zone has changed its clocks twice within so long since 1970; a test goes through all of them."""


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """`changes` (n): times in ms at which clocks change; `offsets` (n + 1): local time less UTC in ms, before the first change, and from
    each on."""

    changes: tuple[int, ...]
    offsets: tuple[int, ...]


@cache
def names() -> frozenset[str]:
    """Zones that there are."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


@lru_cache(maxsize=64)
def zone(name: str) -> Zone:
    """The table of a zone. Raises KeyError when there is none of that name."""
    if name not in names():
        raise KeyError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        info = ZoneInfo.from_file(file, name)
    changes: list[int] = []
    offsets = [_offset(info, 0)]
    for at in range(0, END_S, STEP_S):
        after = min(at + STEP_S, END_S)
        if _offset(info, after) != offsets[-1]:
            changes.append(_change(info, at, after))
            offsets.append(_offset(info, after))
    return Zone(
        changes=tuple(1_000 * change for change in changes), offsets=tuple(1_000 * offset for offset in offsets)
    )


def _offset(info: ZoneInfo, at: int) -> int:
    """Local time less UTC, in seconds, at a time in seconds since 1970."""
    offset = info.fromutc(np.datetime64(at, "s").item().replace(tzinfo=info)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _change(info: ZoneInfo, before: int, after: int) -> int:
    """The first second from which the offset is that of `after`."""
    old = _offset(info, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(info, middle) == old else (before, middle)
    return after


def near(name: str) -> str:
    """A zone whose city is called so, where only the continent is wrong; empty if there is none."""
    city = name.rpartition("/")[2].casefold()
    return min((each for each in names() if each.rpartition("/")[2].casefold() == city), default="")
