"""The fork snapshot holds what the arrays held at that instant."""

import os
import signal

import numpy as np
import pytest

from actors.checkpoint import fork
from actors.checkpoint.fork import ForkSnapshot
from actors.ledger.arrays import InMemorySnapshot


def _read(kept: ForkSnapshot) -> bytes:
    with open(os.dup(kept.source), "rb") as source:
        return source.read()


def test_later_changes_do_not_reach_a_snapshot() -> None:
    rng = np.random.default_rng(3)
    pairs = np.zeros(1_000, np.dtype([("a", "i8"), ("b", "u1")]))
    pairs["a"] = np.arange(1_000)
    arrays = {"large": rng.integers(0, 9, 5_000_000), "pairs": pairs, "none": pairs[:0], "table": np.ones((7, 3))}
    before = b"".join(array.tobytes() for array in arrays.values())
    kept = ForkSnapshot(arrays)
    for array in arrays.values():
        array.view(np.uint8)[...] = 0xFF
    assert _read(kept) == before
    assert kept.forms == InMemorySnapshot(arrays).forms
    kept.close()


def test_bytes_end_early_when_the_child_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork, "_stream", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    kept = ForkSnapshot({"one": np.ones(3)})
    assert _read(kept) == b""
    kept.close()


def test_a_child_that_nobody_reads_from_is_ended() -> None:
    kept = ForkSnapshot({"more than a pipe holds": np.zeros(1 << 20)})
    kept.close()
    with pytest.raises(ProcessLookupError):
        os.kill(kept._child, 0)
