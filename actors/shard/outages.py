"""Log why a shard waits for its database: each reason once, and that the wait is over."""

import logging

log = logging.getLogger(__name__)


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
