"""Count how many payments of late were decided by the fallback.

From outside, each of them is an ordinary decision.
"""

from collections import deque
from typing import Final

OBSERVED: Final = 10
"""Looks back, one a second: long enough that one batch is no alert for long, short enough that mending shows."""
SHARE_MAX: Final = 0.01
"""A healthy switch has none; a scorer that is killed costs fewer."""
ROWS_MIN: Final = 20
"""Fewer fallbacks than these say nothing."""


class FallbackShare:
    """Fed with what was counted since the start of the process."""

    def __init__(self) -> None:
        self._looks: deque[tuple[int, int]] = deque([(0, 0)], OBSERVED + 1)
        self._high = False

    def observe(self, asked: int, fallbacks: int) -> bool:
        """Rows that scorers were asked about, and those of them that fell back. Whether the share has just become too high."""
        self._looks.append((asked, fallbacks))
        rows, fell = self._recent()
        before, self._high = self._high, fell >= ROWS_MIN and fell > SHARE_MAX * rows
        return self._high and not before

    def warnings(self) -> list[str]:
        """One line while the share is too high."""
        rows, fell = self._recent()
        return [f"{fell} of {rows} payments in {OBSERVED} s were decided by the fallback"] if self._high else []

    def _recent(self) -> tuple[int, int]:
        first, last = self._looks[0], self._looks[-1]
        return last[0] - first[0], last[1] - first[1]
