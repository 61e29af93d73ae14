"""How a shard waits for its database, and what it logs.

Each reason is logged once, and that the wait is over.
"""

import logging
from typing import Final

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

    def waits(self, error: Exception) -> None:
        """A call is to be made again. The same reason over and over is one line."""
        if (reason := str(error)) != self._reason:
            self._reason = reason
            log.error("shard %d waits for the database: %s", self._shard, reason)

    def over(self) -> None:
        """An append was stored."""
        if self._reason is not None:
            self._reason = None
            log.warning("shard %d: the database stores again", self._shard)
