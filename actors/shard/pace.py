"""How many bytes a batch may have.

As many as the journal stores in a time that nobody notices who comes after it.

The link to the database sets it, and nobody is asked for it: the appends show it. An append that is small beside the bound says more of
the database's latency than of the link, so only larger ones count.
"""

from typing import Final

TARGET_MS: Final = 64
"""Over a slow link whoever comes waits for the batch on its way and then for the own one, 128 ms together."""
BYTES_MIN: Final = 256 << 10
"""1,600 records: a link that is slower than 4 MB/s is not made up for."""
BYTES_MAX: Final = 16 << 20
"""Beyond the largest batch without details."""
BYTES_FIRST: Final = 1 << 20
"""Before anything is known."""
OVERLAP_FROM: Final = 4 << 20
"""From this bound on a batch takes the processor about as long as the journal, so the next is made while one is stored."""
STEP: Final = 4
"""One append moves the bound by at most this factor: a hiccup of the database is soon forgotten."""


class Pace:
    """Told when appends begin and end, milliseconds."""

    def __init__(self) -> None:
        self.bytes_max = BYTES_FIRST
        self._size = 0
        self._began_ms = 0

    @property
    def backlog_max(self) -> int:
        """With more bytes that are not stored yet no batch is begun."""
        return self.bytes_max if self.bytes_max >= OVERLAP_FROM else self.bytes_max // 2

    def began(self, size: int, now_ms: int) -> None:
        """An append of so many bytes is on its way; size 0: one that says nothing, as it is tried again."""
        self._size, self._began_ms = size, now_ms

    def ended(self, now_ms: int) -> None:
        """It is stored."""
        if self._size >= self.bytes_max // STEP:
            aim = self._size * TARGET_MS // max(1, now_ms - self._began_ms)
            aim = min(max(aim, self.bytes_max // STEP), self.bytes_max * STEP)
            self.bytes_max = min(max(aim, BYTES_MIN), BYTES_MAX)
        self._size = 0
