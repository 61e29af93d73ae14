"""Commands of keys open the database that is named with the secret of its cluster, and close it whatever happens."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.database.connection import connect
from actors.records.ids import encode_wallet
from actors.records.secret import Secret
from actors.stores.api_keys import Binding
from switch.cli.keys.store import with_keys


async def sessions(url: str) -> int:
    connection = await connect(url, name="looks")
    try:
        found: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shardpay-keys' AND datname = current_database()"
        )
        return found
    finally:
        await connection.close()


async def test_the_secret_is_the_clusters_and_stays(database_url: str) -> None:
    async def use(store: Any, secret: Secret) -> tuple[str, str]:
        created = await store.create("a", ["read"])
        return created.key, encode_wallet(secret, 7)

    first, again = [await with_keys(Path("nowhere"), database_url, use) for _ in range(2)]
    assert first[0] != again[0] and first[1] == again[1]


LISTS = """
import sys
from switch.cli.main import cli
cli(["keys", "list", "--database", sys.argv[1]], standalone_mode=False)
print("numba" in sys.modules)
"""


async def test_keys_that_are_bound_to_no_wallet_are_listed_without_the_compiler_of_kernels(database_url: str) -> None:
    async def use(store: Any, secret: Secret) -> None:
        await store.create("inn", ["read"], Binding(owners=["ann"]))

    await with_keys(Path("nowhere"), database_url, use)
    lists = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LISTS, database_url, stdout=asyncio.subprocess.PIPE
    )
    shown, _ = await lists.communicate()
    line, loaded = shown.decode().splitlines()
    assert "bound to ann" in line and loaded == "False"


async def test_sessions_are_closed_also_when_the_use_fails(database_url: str) -> None:
    async def fails(store: Any, secret: Any) -> None:
        await store.list(secret)
        assert await sessions(database_url) >= 1
        raise LookupError("no such key")

    with pytest.raises(LookupError):
        await with_keys(Path("nowhere"), database_url, fails)
    assert await sessions(database_url) == 0


async def test_an_empty_database_is_migrated(empty_database_url: str) -> None:
    async def use(store: Any, secret: Secret) -> Any:
        return await store.list(secret)

    assert await with_keys(Path("nowhere"), empty_database_url, use) == []
