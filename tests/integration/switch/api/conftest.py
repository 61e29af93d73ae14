"""What tests of payment credit may share: people on the file's one switch."""

import pytest_asyncio

from tests.credit_scene import CreditScene, credit_scene
from tests.front_door import RunningSwitch


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(shared: RunningSwitch) -> CreditScene:
    """Each test leaves Ann's score and consents as the others need them."""
    return await credit_scene(shared)
