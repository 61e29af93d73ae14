"""What the tests of a file share: one switch with a day at the shop behind it; each changes what no other looks at."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_asyncio

from actors.database.connection import migrate
from tests.conftest import new_database
from tests.console.scene import Day, day_at_the_shop
from tests.front_door import RunningSwitch, running_switch


class Scene(NamedTuple):
    """The switch, and what happened on it."""

    switch: RunningSwitch
    day: Day


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """Made once for all of them: to start a switch takes longer than to look at all its pages."""
    async with new_database(postgres_url) as url:
        await migrate(url)
        results = tmp_path_factory.mktemp("results")
        async with running_switch(url, bench_reports=str(results)) as switch:
            yield Scene(switch, await day_at_the_shop(switch, results))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def switch_of_module(scene: Scene) -> RunningSwitch:
    """For what is made once a module, as a browser is."""
    return scene.switch


@pytest.fixture
def switch(scene: Scene) -> RunningSwitch:
    return scene.switch


@pytest.fixture
def day(scene: Scene) -> Day:
    return scene.day
