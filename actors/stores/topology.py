"""What the whole cluster agrees on, kept in PostgreSQL.

That is its secret, its number of shards, which shard owns which segment, and which rule pack is live.
"""

import asyncio
import secrets
from typing import Any

import msgspec

from actors.database.connection import SQL, UNAVAILABLE, allocate_segment, cluster_value, connect, timeline_of
from actors.journal.interface import JournalUnavailable
from actors.records.secret import SECRET_BYTES, Secret
from models.wording import counted
from rules.decisions.decision import Fallback

TOPOLOGY_VERSION = 1


class ClusterFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Fixed when a database is first served."""

    secret: bytes
    shards: int


class ShardCountDiffers(Exception):
    """The database was made for another number of shards."""


async def cluster_facts(url: str, shards: int | None, default: int = 1) -> ClusterFacts:
    """The facts of a migrated database; the first caller sets them, to `default` shards if it names none. Raises ShardCountDiffers."""
    connection = await connect(url, name="shardpay-topology")
    try:
        secret = await cluster_value(connection, "secret", secrets.token_bytes(SECRET_BYTES))
        kept = int(await cluster_value(connection, "shards", str(shards or default).encode()))
    finally:
        await connection.close()
    if shards is not None and kept != shards:
        raise ShardCountDiffers(
            f"this database was made for {counted(kept, 'shard')}, not {shards}; leave --shards out"
        )
    return ClusterFacts(secret=secret, shards=kept)


async def cluster_secret(url: str) -> Secret:
    """The secret of a migrated database, made if nobody served it yet."""
    connection = await connect(url, name="shardpay-topology")
    try:
        return Secret.of(await cluster_value(connection, "secret", secrets.token_bytes(SECRET_BYTES)))
    finally:
        await connection.close()


class SegmentStore:
    """The topology table, on one connection that is replaced when it breaks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None
        self._lock = asyncio.Lock()

    async def owners(self) -> dict[int, int]:
        """Owning shard by segment. Raises JournalUnavailable."""
        rows = await self._run(lambda connection: connection.fetch(SQL["segment_owners"]))
        return {row["segment"]: row["shard"] for row in rows}

    async def claim(self, shard: int) -> None:
        """Give one more segment to a shard. Raises JournalUnavailable."""

        async def claim(connection: Any) -> int:
            return await allocate_segment(connection, shard, await _timeline(connection))

        await self._run(claim)

    async def closed(self) -> frozenset[int]:
        """The segments in which no wallet is opened any more: of those that were opened last, commits may be lost since. Raises
        JournalUnavailable."""

        async def closed(connection: Any) -> Any:
            return await connection.fetch(SQL["segments_closed"], await _timeline(connection))

        return frozenset(row["segment"] for row in await self._run(closed))

    async def fallback(self) -> Fallback | None:
        """What decides when no scorer answers: the fallback of the pack that is live, None before there is one. Raises
        JournalUnavailable."""
        row = await self._run(lambda connection: connection.fetchrow(SQL["fallback"]))
        return None if row is None else Fallback(row["fallback"], row["live"], row["revision"])

    async def admin_log(self) -> tuple[int, bytes] | None:
        """The last entry of the log of administrators and its hash, None while it is empty. Raises JournalUnavailable."""
        row = await self._run(lambda connection: connection.fetchrow(SQL["admin_log_head"]))
        return None if row is None else (row["number"], row["hash"])

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.terminate()

    async def _run(self, query: Any) -> Any:
        async with self._lock:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(self._url, name="shardpay-topology")
                async with asyncio.timeout(5):
                    return await query(self._connection)
            except UNAVAILABLE as error:
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
                raise JournalUnavailable(f"the topology cannot be read: {error!r}") from error


async def _timeline(connection: Any) -> int:
    """As `timeline_of`. Raises JournalUnavailable of a standby."""
    timeline = await timeline_of(connection)
    if timeline is None:
        raise JournalUnavailable("the server is a standby that was not promoted")
    return timeline
