"""One seeded scheduler drives all: whatever happens is an event at a virtual time, and every choice is drawn from one `Random`.

`onlooker` is for what only looks on, and moves nothing that is drawn from `random`.

So a seed replays exactly. The trace of a run is hashed as it grows; two runs of a seed must give the same hash.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Final

START_MS: Final = 1_700_006_400_000 - 5_000
"""Virtual time begins here, five seconds before a midnight of UTC: true time, and the database's clock."""


class Scheduler:
    """Events in order of virtual time, milliseconds; equal times in the order they were planned."""

    def __init__(self, seed: int, *, verbose: bool = False) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.onlooker = Random(f"aside {seed}")
        self.now = START_MS
        self.counts: Counter[str] = Counter()
        self._verbose = verbose
        self._heap: list[tuple[int, int, Callable[..., object], tuple[Any, ...]]] = []
        self._planned = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def after(self, delay_ms: int, action: Callable[..., object], *arguments: Any) -> None:
        """Plan an event."""
        self._planned += 1
        heapq.heappush(self._heap, (self.now + delay_ms, self._planned, action, arguments))

    def forget_all(self) -> None:
        """Whatever was to happen does not."""
        self._heap.clear()

    def run_next(self) -> None:
        """Let the next event happen."""
        self.now, _, action, arguments = heapq.heappop(self._heap)
        action(*arguments)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random.random() < probability

    def delay(self, low: int, high: int) -> int:
        """A delay, both ends included."""
        return self.random.randint(low, high)

    def count(self, what: str, number: int = 1) -> None:
        """Count what happened, for the coverage of a run."""
        self.counts[what] += number

    def note(self, text: str, data: bytes = b"") -> None:
        """Enter something into the trace."""
        line = f"{self.now - START_MS:>9} {text}"
        self._hash.update(line.encode())
        self._hash.update(data)
        if self._verbose:
            print(line, flush=True)

    @property
    def trace_hash(self) -> str:
        """Hash of all that was noted."""
        return self._hash.hexdigest()
