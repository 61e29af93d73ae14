"""Whether what others run is within reach: by connecting, again and again.

One connection that fails says nothing: a packet was lost, or the other machine was busy. Only several in a row, over some seconds, do.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from actors.process.ray_cluster import RayRuntime

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 1.0
GONE_AFTER_S: Final = 3.0
"""Without one connection. To start a shard elsewhere takes some 5 s, so this is not what makes a takeover slow."""
GONE_AFTER_TRIES: Final = 3
"""Counted too: when this process itself was stopped, the others are not to blame."""
STALLED_S: Final = 1.5 * CONNECT_TIMEOUT_S


class Reach:
    """Whether something listens at an address; `name` is for the log."""

    def __init__(self, name: str, host: str, port: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = f"{name} at {host}:{port}"
        self._host = host
        self._port = port
        self._clock = clock
        self._heard_at = clock()
        self._misses = 0

    @property
    def gone(self) -> bool:
        """Whether so many tries failed, over so long."""
        return self._misses >= GONE_AFTER_TRIES and self._clock() - self._heard_at >= GONE_AFTER_S

    async def look(self) -> None:
        """Try to connect once."""
        began = self._clock()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError) as error:
            if self._clock() - began > STALLED_S:
                return  # this process stood still, which says nothing of the other
            self._misses += 1
            if self._misses == GONE_AFTER_TRIES:
                log.warning("%s is out of reach: %r", self._name, error)
        else:
            writer.close()
            if self._misses >= GONE_AFTER_TRIES:
                log.warning("%s is within reach again", self._name)
            self._misses, self._heard_at = 0, self._clock()


class RayWatch:
    """Whether Ray is whole: of an own node its processes run, of a given cluster its GCS is within reach."""

    def __init__(self, runtime: RayRuntime, clock: Callable[[], float] = time.monotonic) -> None:
        self._runtime = runtime
        self._gcs = None if runtime.gcs is None else Reach("the GCS", *runtime.gcs, clock)
        self._looking: asyncio.Task[None] | None = None

    def is_lost(self) -> bool:
        """Answers at once. A try to reach the GCS goes on meanwhile."""
        if self._gcs is None:
            return not self._runtime.alive()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._gcs.look())
        return self._gcs.gone
