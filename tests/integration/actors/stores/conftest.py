"""A pool of the test's database, and two accounts in it."""

from collections.abc import AsyncIterator

import pytest

from actors.database.pool import SQL, Pool


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await Pool.open(database_url, name="test")
    yield pool
    await pool.close()


@pytest.fixture
async def account(pool: Pool) -> int:
    return await account_of(pool, "shop")


@pytest.fixture
async def other(pool: Pool) -> int:
    return await account_of(pool, "other")


async def account_of(pool: Pool, name: str) -> int:
    """Number of the account of a name, which is made if it is not there."""
    async with pool.session() as session:
        number: int = await session.fetchval(SQL["key_account"], name)
    return number
