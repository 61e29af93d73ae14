"""How a shard waits for its database, and what it logs.

Each reason is logged once, and that the wait is over.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from actors.journal.interface import JournalUnavailable

log = logging.getLogger(__name__)


RETRY_FIRST_S: Final = 0.02
RETRY_MAX_S: Final = 1.0


def pause_s(attempt: int) -> float:
    """How long to wait before a call is made again that was made so often, however long that was."""
    return min(RETRY_FIRST_S * 2.0 ** min(attempt, 16), RETRY_MAX_S)


class Outages:
    """Those of one shard: told of each call that the database refused, and of each append that it stored."""

    def __init__(self, shard: int) -> None:
        self._shard = shard
        self._reason: str | None = None

    async def patiently(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """What a call gives, once the database answers it."""
        waited_for: str | None = None
        for attempt in itertools.count():
            try:
                found = await call()
            except JournalUnavailable as error:
                waited_for = str(error)
                self.waits(error)
                await asyncio.sleep(pause_s(attempt))
            else:
                if waited_for is not None and waited_for == self._reason:
                    self.over()
                return found

    def waits(self, error: Exception) -> None:
        """A call is to be made again. The same reason over and over is one line."""
        if (reason := str(error)) != self._reason:
            self._reason = reason
            log.error("shard %d waits for the database: %s", self._shard, reason)

    def over(self) -> None:
        """An append was stored, or what the reason was of works again."""
        if self._reason is not None:
            self._reason = None
            log.warning("shard %d: the database answers again", self._shard)
