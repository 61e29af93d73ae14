"""When a shard scored and stored what somebody follows, as the host sees it.

Nothing is kept of what nobody follows.
"""

import time

from actors.rpc.interface import BatchTimes


class Timing:
    """Times of submits, by their number, while they are followed; nanoseconds since 1970."""

    def __init__(self) -> None:
        self._followed: dict[int, tuple[int, BatchTimes]] = {}

    def __bool__(self) -> bool:
        return bool(self._followed)

    def follow(self, ref: int) -> None:
        """From now on."""
        self._followed[ref] = time.time_ns(), BatchTimes()

    def end(self, ref: int) -> BatchTimes:
        """What became of it."""
        return self._followed.pop(ref)[1]

    def scored(self, refs: list[int], begun: int) -> None:
        """Decisions for a batch with rows of these are there; of a submit that is cut the first batch begins it."""
        for ref in refs:
            if ref in self._followed:
                asked, times = self._followed[ref]
                first = times.scored_from or begun
                self._followed[ref] = asked, times._replace(scored_from=first, scored_until=time.time_ns())

    def stored(self, begun: int) -> None:
        """An append has ended: the last one before an answer is the one that it waited for."""
        ended = time.time_ns()
        for ref, (asked, times) in self._followed.items():
            if begun >= asked:
                self._followed[ref] = asked, times._replace(stored_from=begun, stored_until=ended)
