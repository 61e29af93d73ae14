"""Compile every kernel before the first payment: once on a machine, by two processes.

From then on they are found on disk.
"""

import contextlib
import fcntl
import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import numba

from actors.ledger.precompile import warm, warm_last
from models.jit import CACHE_FOLDER, CANNOT_KEEP

log = logging.getLogger(__name__)

_NUMBA: Any = numba.config
_COMPLETE: Final = "complete"
VERSIONS_KEPT: Final = 8
"""Folders of machine code that a user keeps, one a version of the sources, some 30 MB each; older ones are deleted."""

KERNELS: Final = 189
"""What `warm` compiles: functions of the ledger, each once for every sort of argument."""
MACHINE_CODE_BYTES: Final = 23_000_000
"""All of it together."""
KERNEL_BYTES: Final = 150_000
"""To compile a kernel takes as long as so many bytes of machine code, whatever its own size. Counted so, the share of the work is that of
the time within 7 % of the whole (measured): kernels alone look too fast, since the largest come last; bytes alone look too slow."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the compilation on this machine is. `share`: of its work, 0 to 1."""

    compiled: int
    share: float


def compiled_files(folder: Path, ending: str) -> list[Path]:
    """Files of the ledger's kernels and of those that they share with others."""
    return [file for room in ("ledger", "records") for file in folder.glob(f"actors.{room}.*/*.{ending}")]


def progress(folder: Path = CACHE_FOLDER) -> Progress | None:
    """None when nothing is left to compile, or when it is not kept, so that nothing shows it. Whoever compiles, in whatever process: it
    is read from the files that are there."""
    if _NUMBA.DISABLE_JIT or CANNOT_KEEP is not None or (folder / _COMPLETE).exists():
        return None
    sizes = []
    for file in compiled_files(folder, "nbc"):
        with contextlib.suppress(OSError):  # the other process has just renamed it
            sizes.append(file.stat().st_size)
    compiled, code = min(len(sizes), KERNELS), min(sum(sizes), MACHINE_CODE_BYTES)
    return Progress(compiled=compiled, share=_work(compiled, code) / _work(KERNELS, MACHINE_CODE_BYTES))


def _work(kernels: int, code: int) -> int:
    """What takes time, in bytes."""
    return kernels * KERNEL_BYTES + code


def ready_kernels() -> None:
    """Return when all are compiled and loaded; blocks, some 80 s the first time on two cores. Of several processes one compiles, the others
    wait."""
    try:
        if not _NUMBA.DISABLE_JIT:
            if CANNOT_KEEP is not None:
                raise CANNOT_KEEP
            _compile(CACHE_FOLDER)
    except OSError as error:
        log.warning("machine code cannot be kept, so that each start compiles: %s", error)
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
    other = subprocess.Popen([sys.executable, "-m", "actors.shard.compile_kernels"], stdin=subprocess.DEVNULL)
    try:
        warm()
    finally:
        other.kill()
        other.wait()


if __name__ == "__main__":
    warm_last()
