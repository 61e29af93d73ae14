"""One timer for many deadlines: nearly all of them are met, and a timer made and cancelled for each costs more than the rest of a wait."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls `look` no later than any time that it was asked for. `look` gets the loop's time, sees who is late, and says when it has to
    look again at the latest, None: nobody waits. It rings in vain where what it was set for is over. Make it inside the running loop."""

    def __init__(self, look: Callable[[float], float | None]) -> None:
        self._look = look
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = float("inf")

    def not_after(self, when: float) -> None:
        """Ring at this time of the loop, or before."""
        if when < self._rings_at:
            self.cancel()
            self._rings_at = when
            self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_at = None, float("inf")
        again = self._look(self._loop.time())
        if again is not None:
            self.not_after(again)

    def cancel(self) -> None:
        """Ring no more, until it is asked again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings_at = None, float("inf")
