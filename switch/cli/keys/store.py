"""The store of API keys, as the commands open it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any


async def with_keys(data: Path, database: str | None, use: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    """What `use` gives, called with the keys and the cluster's secret."""
    from actors.database.locate import opened
    from actors.database.pool import Pool
    from actors.stores.api_keys import KeyStore
    from actors.stores.topology import cluster_secret

    async with opened(data, database) as url:
        pool = await Pool.open(url, name="shardpay-keys")
        try:
            return await use(KeyStore(pool), await cluster_secret(url))
        finally:
            await pool.close()
