"""Connections of a front door: who has how many.

A connection without a valid key yet gives way when there are too many.

A process has a limited number of file descriptors, and whoever takes all of them keeps everybody else out. So connections that no key
was ever given on are closed, the oldest first, when there is no room for a new one; and one caller has at most half of all.
"""

import resource
from collections import Counter, OrderedDict
from typing import Final, Protocol

from switch.fairness.shares import STRANGERS
from switch.problems.table import ProblemError

DESCRIPTORS_KEPT: Final = 256
"""For the database, shards, scorers, libraries and children."""
FAILED_KEYS_MAX: Final = 10
"""Requests without a valid key after which a connection is closed."""
_PAUSE_FIRST_S: Final = 0.02
_PAUSE_MAX_S: Final = 1.0


class Connection(Protocol):
    """What can be closed."""

    def close_now(self) -> None:
        """Close it, whatever is under way."""


class Connections:
    """Those that are open, at most `most`, half of them of one caller."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._strangers: OrderedDict[Connection, int] = OrderedDict()
        self._callers: dict[Connection, int] = {}
        self._of: Counter[int] = Counter()

    def opened(self, connection: Connection) -> None:
        """A new one; the oldest stranger makes room for it, and if there is none it is closed itself."""
        if len(self._strangers) + len(self._callers) >= self._most:
            if not self._strangers:
                connection.close_now()
                return
            oldest, _ = self._strangers.popitem(last=False)
            oldest.close_now()
        self._strangers[connection] = 0

    def closed(self, connection: Connection) -> None:
        """It is gone."""
        self._strangers.pop(connection, None)
        self._forget_caller(connection)

    def known(self, connection: Connection, caller: int) -> None:
        """A valid key was given on it, which may have been looked up for so long that it is gone. Raises ProblemError
        too_many_connections."""
        if self._callers.get(connection) == caller or not self._is_open(connection):
            return
        if self._of[caller] >= self._most // 2:
            raise ProblemError("too_many_connections")
        self._strangers.pop(connection, None)
        self._forget_caller(connection)
        self._callers[connection] = caller
        self._of[caller] += 1

    def caller_of(self, connection: Connection) -> int:
        """Who gave the newest valid key on it; STRANGERS when nobody did."""
        return self._callers.get(connection, STRANGERS)

    def _is_open(self, connection: Connection) -> bool:
        return connection in self._strangers or connection in self._callers

    def _forget_caller(self, connection: Connection) -> None:
        caller = self._callers.pop(connection, None)
        if caller is not None:
            self._of[caller] -= 1
            if not self._of[caller]:
                del self._of[caller]


class FailedKeys:
    """Requests on one connection that had no valid key: each waits longer for its answer than the one before."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def pause_s(self) -> float:
        """One more; how long its answer waits. The first does not: people mistype."""
        self._count += 1
        return min(_PAUSE_FIRST_S * 2**self._count, _PAUSE_MAX_S) if self._count > 1 else 0.0

    @property
    def too_many(self) -> bool:
        """Whether the connection is to be closed."""
        return self._count >= FAILED_KEYS_MAX


def within_descriptors(most: int) -> int:
    """How many connections this process can have, `most` at most. It takes as many descriptors as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + DESCRIPTORS_KEPT
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return most if soft == resource.RLIM_INFINITY else max(1, min(most, soft - DESCRIPTORS_KEPT))
