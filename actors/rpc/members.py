"""Which actors there are: one whole statement with a version.

Whoever gets one keeps the newest and drops the others.

A difference that came to an actor too early, or not at all, would leave it with half of the others for ever. A whole state
may be lost, repeated and reordered.
"""

from collections.abc import Mapping
from typing import Any

import msgspec


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """An actor. `since`: the version with which it came; another actor in its place has a later one."""

    since: int
    actor: Any


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """All shards and scorers by number. `version` counts up with each change, from 1. `leaving`: the switch is about to drain, so front
    doors still serve but are not ready."""

    version: int
    shards: Mapping[int, Member]
    scorers: Mapping[int, Member]
    leaving: bool = False


NOBODY = Members(version=0, shards={}, scorers={})
"""What an actor knows that got nothing yet."""


def moved(now: Mapping[int, Member], before: Mapping[int, Member]) -> dict[int, Any]:
    """The actors by number that are new in a place."""
    return {n: m.actor for n, m in now.items() if n not in before or before[n].since != m.since}
