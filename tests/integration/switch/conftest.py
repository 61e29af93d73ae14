"""What the tests of a file may share: one switch, on which each makes wallets of its own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.conftest import new_database
from tests.front_door import RunningSwitch, running_switch


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(postgres_url: str, migrated: str) -> AsyncIterator[RunningSwitch]:
    """Tests that use it run in the session's event loop, as it does."""
    async with new_database(postgres_url, migrated) as url, running_switch(url) as switch:
        yield switch
