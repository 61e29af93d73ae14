"""Kernels are compiled once on a machine, by two processes that share the work."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from actors.shard import compile_kernels
from models.jit import CACHE_FOLDER
from tests.compiled import COMPILED
from tests.logged import text

pytestmark = pytest.mark.long

compiled = pytest.mark.skipif(not COMPILED, reason="nothing is compiled")


WARMED = """
from actors.ledger.apply import apply
from actors.ledger.replay import replay
from actors.ledger.precompile import warm, warm_last
for warmed in (warm, warm_last):
    warmed()
    print(len(apply.signatures), len(replay.signatures))
"""
"""In a process of its own: other tests call kernels with what else they take."""


@compiled
def test_both_processes_compile_the_same_kernels() -> None:
    done = subprocess.run([sys.executable, "-c", WARMED], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.splitlines() == ["1 1", "1 1"]


@compiled
def test_kernels_are_compiled_by_the_first_process_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, times = tmp_path / "kernels", []
    monkeypatch.setattr(compile_kernels, "_in_two_processes", lambda: times.append(1))
    compile_kernels._compile(folder)
    compile_kernels._compile(folder)
    assert times == [1] and (folder / "complete").exists()


@compiled
def test_what_a_process_did_not_finish_the_next_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(compile_kernels, "_in_two_processes", cut_off)
    with pytest.raises(KeyboardInterrupt):
        compile_kernels._compile(tmp_path)
    test_kernels_are_compiled_by_the_first_process_only(tmp_path, monkeypatch)


def test_only_the_newest_versions_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_kernels, "_in_two_processes", lambda: None)
    for number in range(compile_kernels.VERSIONS_KEPT + 2):
        folder = tmp_path / f"kernels-{number}"
        folder.mkdir()
        os.utime(folder, (number, number))
    compile_kernels._compile(tmp_path / "kernels-now")
    left = {folder.name for folder in tmp_path.iterdir()}
    assert left == {"kernels-now", *(f"kernels-{n}" for n in range(3, compile_kernels.VERSIONS_KEPT + 2))}


COPIED = """
from actors.records.siphash import siphash128
import numpy as np
from models.jit import CACHE_FOLDER, kernel
from actors.records import ids
from actors.records.secret import Secret
ids.encode_wallets(Secret.of(bytes(16)), np.ones(1, np.int64))
print(CACHE_FOLDER, sum(ids._encode_wallets.stats.cache_hits.values()), ids.__file__)
"""


@compiled
def test_a_second_clone_compiles_nothing_again(tmp_path: Path) -> None:
    root = Path(__file__).parents[4]
    for folder in ("models", "rules", "actors"):
        shutil.copytree(root / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    seen = []
    for clone in (root, tmp_path):
        environment = {**os.environ, "PYTHONPATH": str(clone), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "-c", COPIED], cwd=clone, env=environment, capture_output=True, text=True, check=True
        )
        seen.append(done.stdout.split())
    (first, hits, _), (second, found, path) = seen
    assert first == second and path.startswith(str(tmp_path))
    assert (hits, found) == ("0", "1")


@compiled
def test_what_is_said_of_all_kernels_is_near_what_there_is() -> None:
    """Other tests compile some for more sorts of arguments, into the same folder."""
    compile_kernels.ready_kernels()
    files = compile_kernels.compiled_files(CACHE_FOLDER, "nbi")
    sizes = [max(part.stat().st_size for part in file.parent.glob(f"{file.stem}.*.nbc")) for file in files]
    assert 0.8 * compile_kernels.KERNELS <= len(files) <= compile_kernels.KERNELS
    assert 0.6 * compile_kernels.MACHINE_CODE_BYTES <= sum(sizes) <= 1.4 * compile_kernels.MACHINE_CODE_BYTES


def test_a_folder_that_cannot_be_written_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("numba.config.DISABLE_JIT", 0)
    monkeypatch.setattr(compile_kernels, "_compile", full)
    monkeypatch.setattr(compile_kernels, "warm", lambda: None)
    compile_kernels.ready_kernels()
    assert "cannot be kept, so that each start compiles: no space left" in text(caplog, "actors.shard.compile_kernels")


def test_where_nothing_can_be_kept_nobody_looks_for_machine_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even in a folder that is complete: this process does not load it."""
    (tmp_path / "complete").touch()
    warmed = []
    monkeypatch.setattr("numba.config.DISABLE_JIT", 0)
    monkeypatch.setattr(compile_kernels, "CACHE_FOLDER", tmp_path)
    monkeypatch.setattr(compile_kernels, "CANNOT_KEEP", OSError("read-only file system"))
    monkeypatch.setattr(compile_kernels, "warm", lambda: warmed.append(1))
    compile_kernels.ready_kernels()
    assert warmed == [1]
    assert "each start compiles: read-only file system" in text(caplog, "actors.shard.compile_kernels")
