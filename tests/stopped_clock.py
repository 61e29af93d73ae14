"""An event loop's clock that goes on only when a test says so: what lasts a while is seen, however long the machine takes."""

import asyncio
import math

import pytest


class StoppedClock:
    """In place of the running loop's `time`; timers are due by it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self.now = float(math.ceil(loop.time()))
        monkeypatch.setattr(loop, "time", lambda: self.now)

    async def advance(self, seconds: float) -> None:
        """Let so much pass, and what is due then begin."""
        self.now += seconds
        for _ in range(10):
            await asyncio.sleep(0)
