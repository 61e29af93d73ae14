"""Find a command's database: the one named, or the embedded one of a data directory.

An embedded server that is not running is started.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from actors.database import embedded
from actors.database.connection import migrate_unless_in_use


@contextlib.asynccontextmanager
async def located(data: Path, database: str | None, *, create: bool = False) -> AsyncIterator[str]:
    """URL of a database as it is. Raises FileNotFoundError when the directory holds none and none may be made."""
    if database is not None:
        yield database
        return
    if not create and not await asyncio.to_thread((data / "postgres").exists):
        raise FileNotFoundError(f"there is no database in {data}; `shardpay serve --data {data}` makes one")
    server = await asyncio.to_thread(embedded.start, data)
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


@contextlib.asynccontextmanager
async def opened(data: Path, database: str | None) -> AsyncIterator[str]:
    """URL of a migrated database. Raises FileNotFoundError when the directory holds none, DatabaseInUse when a switch of another version
    runs on it."""
    async with located(data, database) as url:
        await migrate_unless_in_use(url)
        yield url
