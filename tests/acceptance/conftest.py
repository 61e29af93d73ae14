"""What acceptance tests share: one switch of two shards for all that leave it running, since to start one takes half of such a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.running import RunningSwitch, audit_is_clean, running_switch


@pytest.fixture(scope="package")
def shared_switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSwitch]:
    """Whatever its users did to it, and to processes of it, its journal is whole in the end."""
    place: Path = tmp_path_factory.mktemp("shared") / "data"
    with running_switch(place, "--shards", "2", "--front-doors", "2") as switch:
        yield switch
        audit_is_clean(switch)
