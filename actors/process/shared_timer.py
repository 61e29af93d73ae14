"""One timer for many deadlines.

Nearly all of them are met: to make and cancel a timer for each would cost more than the rest of a wait.
"""

import asyncio
from collections.abc import Callable


class SharedTimer:
    """Calls `look` no later than any time that it was asked for. `look` gets the loop's time, sees who is late, and says when it has to
    look again at the latest, None: nobody waits. It rings in vain where what it was set for is over. Make it inside the running loop."""

    def __init__(self, look: Callable[[float], float | None]) -> None:
        self._look = look
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._rings_at = float("inf")

    def not_after(self, when: float) -> None:
        """Ring at this time of the loop, or before."""
        if when < self._rings_at:
            self.cancel()
            self._rings_at = when
            self._handle = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._handle, self._rings_at = None, float("inf")
        again = self._look(self._loop.time())
        if again is not None:
            self.not_after(again)

    def cancel(self) -> None:
        """Ring no more, until it is asked again."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle, self._rings_at = None, float("inf")
