"""Every kernel is compiled before the first payment: once on a machine, by two processes, and found on disk from then on."""

import contextlib
import fcntl
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numba

from actors.ledger.warm import warm, warm_last
from models.jit import CACHE_FOLDER

_NUMBA: Any = numba.config
_COMPLETE: Final = "complete"
VERSIONS_KEPT: Final = 8
"""Folders of machine code that a user keeps, one a version of the sources, some 30 MB each; older ones are deleted."""


def ready_kernels() -> None:
    """Return when all are compiled and loaded; blocks, some 20 s the first time. Of several processes one compiles, the others wait."""
    with contextlib.suppress(OSError):  # a folder that cannot be written costs each start its time
        if not _NUMBA.DISABLE_JIT:
            _compile(CACHE_FOLDER)
    warm()


def _compile(folder: Path) -> None:
    complete = folder / _COMPLETE
    if complete.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            _in_two_processes()
            complete.touch()
            _forget_older(folder)


def _forget_older(folder: Path) -> None:
    """Delete what other versions compiled, but for the newest. One that still runs has its code in memory."""
    others = sorted(folder.parent.glob("kernels-*"), key=lambda other: other.stat().st_mtime, reverse=True)
    for other in others[VERSIONS_KEPT:]:
        shutil.rmtree(other, ignore_errors=True)


def _in_two_processes() -> None:
    """Compilation holds the interpreter, so a thread would not help. The other process begins with what this one comes to last."""
    other = subprocess.Popen([sys.executable, "-m", "actors.kernels"], stdin=subprocess.DEVNULL)
    try:
        warm()
    finally:
        other.kill()
        other.wait()


if __name__ == "__main__":
    warm_last()
