"""Every kernel is compiled before the first payment: once on a machine, by two processes, and found on disk from then on."""

import contextlib
import fcntl
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numba

from actors.ledger.warm import warm, warm_last

_NUMBA: Any = numba.config
_COMPLETE: Final = "complete"


def ready_kernels() -> None:
    """Return when all are compiled and loaded; blocks, some 20 s the first time. Of several processes one compiles, the others wait."""
    with contextlib.suppress(OSError):  # a folder that cannot be written costs each start its time
        if not _NUMBA.DISABLE_JIT:
            _compile(Path(_NUMBA.CACHE_DIR))
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
