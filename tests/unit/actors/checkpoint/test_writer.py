"""A checkpoint is written whole or not at all, and by another process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from actors.checkpoint import file as checkpoint
from actors.checkpoint import fork
from actors.checkpoint import writer as checkpoint_writer
from actors.checkpoint.file import KEPT, About, CheckpointStore
from actors.checkpoint.fork import ForkSnapshot
from actors.checkpoint.writer import write_apart
from actors.ledger.arrays import InMemorySnapshot

pytestmark = pytest.mark.long


def _about(block: int) -> About:
    return About(
        version=1, shard=3, shards=4, windows=True, block=block, hash=b"h", keys_since_ms=0, cursors={1: (2, b"c")}
    )


def _store(path: Path) -> CheckpointStore:
    return CheckpointStore(path.as_uri(), 3)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    pairs = np.zeros(70_000, np.dtype([("a", "i8"), ("b", "u1"), ("c", "u2", (3,))]))
    pairs["a"] = rng.integers(0, 9, len(pairs))
    arrays = {
        "pairs": pairs,
        "none": pairs[:0],
        "table": rng.random((7, 3)),
        "of several pieces": rng.integers(0, 9, 5 * checkpoint.PIECE_BYTES // 16),
    }
    write_apart(_store(tmp_path), _about(7), ForkSnapshot(arrays))
    (name,) = _store(tmp_path).names()
    found = _store(tmp_path).read(name)
    assert found.about == _about(7)
    assert found.forms == InMemorySnapshot(arrays).forms
    places = {key: np.zeros_like(array) for key, array in arrays.items()}
    found.fill(places)
    for key, array in arrays.items():
        np.testing.assert_array_equal(places[key], array)


@pytest.mark.parametrize("zeros", [1, 4_096])
def test_what_became_zero_on_the_disk_is_not_taken_for_what_was_written(tmp_path: Path, zeros: int) -> None:
    array = np.random.default_rng(6).integers(0, 1 << 62, 8_000)
    write_apart(_store(tmp_path), _about(7), ForkSnapshot({"cannot be compressed": array}))
    (name,) = _store(tmp_path).names()
    whole = np.frombuffer(Path(name).read_bytes(), np.uint8)
    noticed = 0
    for at in range(0, len(whole), 509):
        changed = whole.copy()
        changed[at : at + zeros] = 0
        Path(name).write_bytes(changed.tobytes())
        try:
            found, place = _store(tmp_path).read(name), np.zeros_like(array)
            found.fill({"cannot be compressed": place})
        except Exception:
            noticed += 1
            continue
        assert found.about == _about(7)
        np.testing.assert_array_equal(place, array)
    assert noticed > len(whole) / 509 * 0.9


def test_only_the_newest_are_kept_and_no_part_of_one(tmp_path: Path) -> None:
    (tmp_path / "shard-3").mkdir()
    (tmp_path / "shard-3" / "0000000000000001.arrow.part").touch()
    for block in range(1, KEPT + 3):
        write_apart(_store(tmp_path), _about(block), ForkSnapshot({"one": np.full(9, block)}))
    assert sorted(path.name for path in (tmp_path / "shard-3").iterdir()) == [
        f"{block:016d}.arrow" for block in range(3, KEPT + 3)
    ]


def test_those_of_a_journal_that_a_restored_backup_replaced_make_room(tmp_path: Path) -> None:
    for block in (900, 1_000, 600, 700):
        write_apart(_store(tmp_path), _about(block), ForkSnapshot({"one": np.ones(9)}))
    assert [_store(tmp_path).read(name).about.block for name in _store(tmp_path).names()] == [700, 600]


def test_missing_bytes_leave_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork, "_stream", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(OSError, match="bytes of one end too early"):
        write_apart(_store(tmp_path), _about(1), ForkSnapshot({"one": np.ones(9)}))
    assert not _store(tmp_path).names()


def test_a_writer_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork, "_stream", lambda *_: signal.pause())
    monkeypatch.setattr(checkpoint_writer, "TIMEOUT_S", 0.5)
    before = _children(os.getpid())
    with pytest.raises(OSError, match="no checkpoint within"):
        write_apart(_store(tmp_path), _about(1), ForkSnapshot({"one": np.ones(9)}))
    assert _children(os.getpid()) <= before


def test_a_large_ledger_has_longer_to_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_writer, "TIMEOUT_S", 0.0)
    monkeypatch.setattr(checkpoint_writer, "BYTES_PER_S_MIN", 80_000)
    write_apart(_store(tmp_path), _about(1), ForkSnapshot({"one": np.ones(100_000)}))
    assert len(_store(tmp_path).names()) == 1


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "shard-3").write_text("in the way")
    with pytest.raises(OSError, match="writing it ended"):
        write_apart(_store(tmp_path), _about(1), ForkSnapshot({"one": np.ones(9)}))


def test_with_the_process_whose_ledger_it_is_everybody_ends(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-c", _SHARD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        _wait_until((tmp_path / "shard-3" / "0000000000000001.arrow.part").exists)
        (writer,) = _children(process.pid) - {child}
        process.kill()
    _wait_until(lambda: not any(_alive(pid) for pid in (child, writer)))
    assert not _store(tmp_path).names()


_SHARD = """
import sys
from pathlib import Path
import numpy as np
from actors.checkpoint.file import About, CheckpointStore
from actors.checkpoint.writer import write_apart
from actors.checkpoint.fork import ForkSnapshot

kept = ForkSnapshot({"more than is written at once": np.random.default_rng(1).integers(0, 1 << 60, 1 << 26)})
print(kept._child, flush=True)
about = About(version=1, shard=3, shards=4, windows=True, block=1, hash=b"h", keys_since_ms=0, cursors={})
write_apart(CheckpointStore(Path(sys.argv[1]).as_uri(), 3), about, kept)
"""


def _children(pid: int) -> set[int]:
    return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)
