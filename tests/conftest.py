"""What tiers of tests share: one embedded PostgreSQL a session, and a database of its own for each test."""

import uuid
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from actors import postgres_server
from actors.database import migrate


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The administrative database of the session's server; tests use `database_url`."""
    server = postgres_server.start(tmp_path_factory.mktemp("postgres"))
    yield server.url
    server.stop()


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """A fresh, migrated database, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    url = postgres_url.replace("/postgres?", f"/{name}?")
    administrator = await asyncpg.connect(postgres_url)
    await administrator.execute(f"CREATE DATABASE {name}")
    await migrate(url)
    yield url
    await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await administrator.close()
