"""A checkpoint is written whole or not at all, and by another process."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from actors import checkpoint, checkpoint_writer, set_aside
from actors.checkpoint import KEPT, About, CheckpointStore
from actors.checkpoint_writer import write_apart
from actors.ledger.snapshot import Copied
from actors.set_aside import SetAside


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
    write_apart(_store(tmp_path), _about(7), SetAside(arrays))
    (name,) = _store(tmp_path).names()
    found = _store(tmp_path).read(name)
    assert found.about == _about(7)
    assert found.forms == Copied(arrays).forms
    places = {key: np.zeros_like(array) for key, array in arrays.items()}
    found.fill(places)
    for key, array in arrays.items():
        np.testing.assert_array_equal(places[key], array)


def test_only_the_newest_are_kept_and_no_part_of_one(tmp_path: Path) -> None:
    (tmp_path / "shard-3").mkdir()
    (tmp_path / "shard-3" / "0000000000000001.arrow.part").touch()
    for block in range(1, KEPT + 3):
        write_apart(_store(tmp_path), _about(block), SetAside({"one": np.full(9, block)}))
    assert sorted(path.name for path in (tmp_path / "shard-3").iterdir()) == [
        f"{block:016d}.arrow" for block in range(3, KEPT + 3)
    ]


def test_missing_bytes_leave_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_aside, "_stream", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(OSError, match="bytes of one end too early"):
        write_apart(_store(tmp_path), _about(1), SetAside({"one": np.ones(9)}))
    assert not _store(tmp_path).names()


def test_a_writer_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_aside, "_stream", lambda *_: signal.pause())
    monkeypatch.setattr(checkpoint_writer, "TIMEOUT_S", 0.5)
    with pytest.raises(OSError, match="no checkpoint within"):
        write_apart(_store(tmp_path), _about(1), SetAside({"one": np.ones(9)}))


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "shard-3").write_text("in the way")
    with pytest.raises(OSError, match="writing it ended"):
        write_apart(_store(tmp_path), _about(1), SetAside({"one": np.ones(9)}))
