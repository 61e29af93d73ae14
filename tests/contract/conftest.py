"""The stores under contract, each as a function that opens a further session on the same database."""

from collections.abc import AsyncIterator, Callable

import pytest

from actors.journal.interface import Journal
from actors.journal.memory import MemoryDatabase, MemoryJournal
from actors.journal.postgres import PostgresJournal

OpenJournal = Callable[[int, int], Journal]
"""(shard, writer) -> a journal of the test's database, closed after the test."""


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest) -> MemoryDatabase | str:
    """An empty database: one in memory, or the URL of one in PostgreSQL."""
    if request.param == "memory":
        return MemoryDatabase()
    url: str = request.getfixturevalue("database_url")
    return url


@pytest.fixture
async def open_journal(database: MemoryDatabase | str) -> AsyncIterator[OpenJournal]:
    opened: list[Journal] = []

    def open_one(shard: int, writer: int) -> Journal:
        journal: Journal
        if isinstance(database, MemoryDatabase):
            journal = MemoryJournal(database)
        else:
            journal = PostgresJournal(database, shard=shard, writer=writer)
        opened.append(journal)
        return journal

    yield open_one
    for journal in opened:
        await journal.close()
