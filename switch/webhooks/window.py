"""How many attempts at one endpoint may be under way.

One more with each that gets through, half as many after each that does not. So a receiver is asked for as much as it takes, and a dead
one costs one connection.
"""

import asyncio
from collections import deque
from typing import Final

WINDOW_FIRST: Final = 8
WINDOW_MAX: Final = 64
"""Of one endpoint; 64 answers of 30 ms each are 2,000 a second."""


class Window:
    """Places for attempts."""

    def __init__(self, size: int = WINDOW_FIRST) -> None:
        self.size = size
        self.used = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Wait for a place, in turn."""
        if self.used < self.size and not self._waiting:
            self.used += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():
                self._free()  # the place was given just now
            raise

    def leave(self, delivered: bool) -> None:
        """An attempt is over."""
        self.size = min(WINDOW_MAX, self.size + 1) if delivered else max(1, self.size // 2)
        self._free()

    def give_back(self) -> None:
        """A place was not used."""
        self._free()

    def _free(self) -> None:
        self.used -= 1
        while self._waiting and self.used < self.size:
            turn = self._waiting.popleft()
            self.used += 1
            turn.set_result(None)
