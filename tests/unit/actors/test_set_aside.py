"""What was set aside is what the arrays held at that instant."""

import os
import signal

import numpy as np
import pytest

from actors import set_aside
from actors.set_aside import SetAside


def test_later_changes_do_not_reach_the_copy() -> None:
    rng = np.random.default_rng(3)
    pairs = np.zeros(1_000, np.dtype([("a", "i8"), ("b", "u1")]))
    pairs["a"] = np.arange(1_000)
    arrays = {"large": rng.integers(0, 9, 5_000_000), "pairs": pairs, "none": pairs[:0], "table": np.ones((7, 3))}
    before = {name: array.copy() for name, array in arrays.items()}
    kept = SetAside(arrays)
    for array in arrays.values():
        array.view(np.uint8)[...] = 0xFF
    after = kept.wait()
    assert after.keys() == before.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)
        assert after[name].dtype == array.dtype


def test_a_copy_that_was_not_finished_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_aside, "_copy", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(OSError, match="too early"):
        SetAside({"one": np.ones(3)}).wait()


def test_a_child_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_aside, "_copy", lambda *_: signal.pause())
    monkeypatch.setattr(set_aside, "TIMEOUT_S", 0.0)
    with pytest.raises(OSError, match="too early"):
        SetAside({"one": np.ones(3)}).wait()
