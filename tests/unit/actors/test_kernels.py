"""Kernels are compiled once on a machine, by two processes that share the work."""

import subprocess
import sys
from pathlib import Path

import numba
import pytest

from actors import kernels

compiled = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")


WARMED = """
from actors.ledger.carrying import carry_out
from actors.ledger.replay import replay
from actors.ledger.warm import warm, warm_last
for warmed in (warm, warm_last):
    warmed()
    print(len(carry_out.signatures), len(replay.signatures))
"""
"""In a process of its own: other tests call kernels with what else they take."""


@compiled
def test_both_processes_compile_the_same_kernels() -> None:
    done = subprocess.run([sys.executable, "-c", WARMED], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.splitlines() == ["1 1", "1 1"]


@compiled
def test_kernels_are_compiled_by_the_first_process_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, times = tmp_path / "kernels", []
    monkeypatch.setattr(kernels, "_in_two_processes", lambda: times.append(1))
    kernels._compile(folder)
    kernels._compile(folder)
    assert times == [1] and (folder / "complete").exists()


@compiled
def test_what_a_process_did_not_finish_the_next_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(kernels, "_in_two_processes", cut_off)
    with pytest.raises(KeyboardInterrupt):
        kernels._compile(tmp_path)
    test_kernels_are_compiled_by_the_first_process_only(tmp_path, monkeypatch)
