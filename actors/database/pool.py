"""Sessions for the front door's stores: few, shared, with a time limit for each statement.

When the database is away there is one error.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeVar

import asyncpg

from actors.database.connection import (
    BY_INDEX,
    KEEPALIVE,
    SQL_DIRECTORY,
    UNAVAILABLE,
    parse_queries,
    timeline_of,
    travel_s,
)
from actors.process.time_limits import TimeLimit

SQL: Final[Mapping[str, str]] = parse_queries((SQL_DIRECTORY / "front_door.sql").read_text(encoding="utf-8"))

T = TypeVar("T")

PLANNED_ONCE: Final = {"plan_cache_mode": "force_generic_plan"}
"""Every look-up goes by an index, whatever is asked for. PostgreSQL would plan a statement of several parts anew each time, which takes it
ten times as long as to run it."""
SESSIONS_MAX: Final = 8
STATEMENT_TIMEOUT_S: Final = 5.0  # and what its bytes take, both ways
FEW_BYTES: Final = 4_096
"""Statements with no more of them all have the same time limit."""

DEADLOCK_TRIES: Final = 5
"""PostgreSQL ends one transaction of a circle, so each try lets at least one of those who wait for each other through."""


class StoreUnavailable(Exception):
    """The database did not answer. Trying again can help."""


class Deadlock(StoreUnavailable):
    """The database ended this transaction because others waited for it and it for them. Nothing of it happened."""


async def without_deadlock(work: Callable[[], Awaitable[T]]) -> T:
    """Run a transaction again when a deadlock ended it. Raises Deadlock after DEADLOCK_TRIES."""
    for _ in range(DEADLOCK_TRIES - 1):
        with contextlib.suppress(Deadlock):
            return await work()
    return await work()


async def _keep(session: Any) -> None:
    """Nothing here changes a session's state, so the round trip that would reset it is saved."""


def _has_ended(session: Any) -> bool:
    """Also of a session that the pool took back as soon as it was lost, which answers nothing any more."""
    try:
        return bool(session.is_closed())
    except asyncpg.InterfaceError:
        return True


def size_of(value: Any) -> int:
    """About how many bytes a value of a statement is on its way."""
    if isinstance(value, list | tuple):
        return sum(map(size_of, value))
    return len(value) if isinstance(value, bytes | str) else 8


class Pool:
    """Runs the statements of sql/front_door.sql by name. Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Any, timeout_s: float = STATEMENT_TIMEOUT_S) -> None:
        self._pool = pool
        self._timeout_s = timeout_s
        self._limit = TimeLimit(timeout_s)

    @classmethod
    async def open(cls, url: str, *, name: str, timeout_s: float = STATEMENT_TIMEOUT_S) -> "Pool":
        """A pool; its first session is opened when it is needed."""
        settings = {"application_name": name, "jit": "off", **KEEPALIVE, **PLANNED_ONCE, **BY_INDEX}
        pool = await asyncpg.create_pool(
            url, min_size=0, max_size=SESSIONS_MAX, timeout=timeout_s, server_settings=settings, reset=_keep
        )
        return cls(pool, timeout_s)

    async def fetch(self, name: str, *values: Any, back: int = 0) -> list[Any]:
        """Rows of a statement; `back`: how many bytes they are at most, if they are many."""
        async with self.session(size_of(values) + back) as session:
            rows: list[Any] = await session.fetch(SQL[name], *values)
            return rows

    async def fetchrow(self, name: str, *values: Any, back: int = 0) -> Any:
        """First row of a statement, or None; `back` as in `fetch`."""
        async with self.session(size_of(values) + back) as session:
            return await session.fetchrow(SQL[name], *values)

    async def fetchval(self, name: str, *values: Any) -> Any:
        """First column of the first row, or None."""
        async with self.session(size_of(values)) as session:
            return await session.fetchval(SQL[name], *values)

    @contextlib.asynccontextmanager
    async def session(self, size: int = 0) -> AsyncIterator[Any]:
        """One session (asyncpg.Connection) for a few statements, which send and get so many bytes at most, if they are many."""
        try:
            async with self._in_time(size), self._pool.acquire() as session:
                try:
                    yield session
                except asyncpg.InterfaceError as error:  # for wrong arguments, but for a session that ended as well
                    if _has_ended(session):
                        raise StoreUnavailable(str(error)) from error
                    raise
        except asyncpg.DeadlockDetectedError as error:
            raise Deadlock(str(error)) from error
        except UNAVAILABLE as error:
            raise StoreUnavailable(str(error) or type(error).__name__) from error

    def _in_time(self, size: int) -> AbstractAsyncContextManager[Any]:
        return self._limit.block() if size <= FEW_BYTES else asyncio.timeout(self._timeout_s + travel_s(size))

    async def segment_owners(self) -> dict[int, int]:
        """Shard by segment."""
        return {row["segment"]: row["shard"] for row in await self.fetch("segment_owners")}

    async def timeline(self) -> int:
        """As `timeline_of`. Raises StoreUnavailable, also of a standby."""
        async with self.session() as session:
            timeline = await timeline_of(session)
        if timeline is None:
            raise StoreUnavailable("the server is a standby that was not promoted")
        return timeline

    async def close(self) -> None:
        """End all sessions, without waiting for long."""
        try:
            async with asyncio.timeout(1.0):
                await self._pool.close()
        except (TimeoutError, *UNAVAILABLE):
            self._pool.terminate()
