"""Where a command finds its database: the one that was named, or the embedded one in a data directory, started if it is not running."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from actors import postgres_server
from actors.database import migrate


@contextlib.asynccontextmanager
async def opened(data: Path, database: str | None) -> AsyncIterator[str]:
    """URL of a migrated database. Raises FileNotFoundError when the directory holds none."""
    if database is not None:
        await migrate(database)
        yield database
        return
    if not await asyncio.to_thread((data / "postgres").exists):
        raise FileNotFoundError(f"there is no database in {data}; `shardpay serve --data {data}` makes one")
    server = await asyncio.to_thread(postgres_server.start, data)
    try:
        await migrate(server.url)
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)
