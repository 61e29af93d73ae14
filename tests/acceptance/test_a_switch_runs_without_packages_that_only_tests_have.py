"""What the environment of the tests has and an installed switch has not is loaded by none of its processes, though others would find it."""

import contextlib
from pathlib import Path

import psutil

from tests.acceptance.running import AS_INSTALLED, RunningSwitch

PYTHONS_MIN = 5
"""`serve`, the node, two shards, a scorer."""


def test_no_process_has_loaded_any(shared_switch: RunningSwitch) -> None:
    absent = {path.stem for path in AS_INSTALLED.glob("*.py")}
    loaded: list[set[str]] = []
    for process in shared_switch.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # a backend of PostgreSQL that has ended
            loaded.append({part for mapped in process.memory_maps() for part in Path(mapped.path).parts})
    assert sum("numpy" in parts for parts in loaded) >= PYTHONS_MIN
    assert absent == {"coverage", "pandas"} and not absent & set().union(*loaded)
