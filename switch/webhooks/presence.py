"""Whether there is an endpoint at all: without one nothing runs that sends."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from actors.database.pool import StoreUnavailable

LOOK_EVERY_S: Final = 2.0
"""One small query, until there is one."""


class WebhookPresence:
    """What a front door knows of it. `look` asks the database."""

    def __init__(self, look: Callable[[], Awaitable[bool]]) -> None:
        self._look = look
        self.seen = False
        """There is an endpoint, or was since this process began."""

    async def follow(self) -> None:
        """Look until there is one."""
        while not self.seen:
            with contextlib.suppress(StoreUnavailable):
                self.seen = await self._look()
            await asyncio.sleep(LOOK_EVERY_S)
