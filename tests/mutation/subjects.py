"""Which files are changed, which tests must notice, and which changes nobody can notice."""

from pathlib import Path
from typing import Final, NamedTuple

LEDGER: Final = ("tests/unit/ledger",)
SHARD: Final = ("tests/unit/shard", "tests/sim/test_simulation.py::test_a_seed_replays_exactly")
EQUIVALENT: Final = Path(__file__).with_name("equivalent.txt")


class Subject(NamedTuple):
    """`money`: whether a change that goes unnoticed could lose, make or move money, or make an answer about it untrue."""

    path: str
    tests: tuple[str, ...]
    money: bool


SUBJECTS: Final = (
    Subject("actors/ledger/posting.py", LEDGER, True),
    Subject("actors/ledger/settling.py", LEDGER, True),
    Subject("actors/ledger/holds.py", LEDGER, True),
    Subject("actors/ledger/carrying.py", LEDGER, True),
    Subject("actors/ledger/admission.py", LEDGER, True),
    Subject("actors/ledger/snapshot.py", LEDGER, True),
    Subject("actors/ledger/windows.py", LEDGER, False),
    Subject("actors/shard/journal_writer.py", SHARD, True),
    Subject("actors/shard/channels.py", SHARD, True),
    Subject("actors/shard/originals.py", SHARD, True),
    Subject("switch/lanes.py", ("tests/unit/switch/test_lanes.py",), True),
    Subject("switch/fates.py", ("tests/unit/switch/test_lanes.py",), True),
)


def equivalents() -> set[tuple[str, str]]:
    """Path and changed line of what behaves as before, each with its reason in the file: `path: line  # reason`."""
    found = set()
    for entry in EQUIVALENT.read_text(encoding="utf-8").splitlines():
        if entry and not entry.startswith("#"):
            change, reason = entry.rsplit("  # ", 1)
            path, line = change.split(": ", 1)
            assert reason.strip(), f"{EQUIVALENT.name}: {entry} has no reason"
            found.add((path, line.strip()))
    return found
