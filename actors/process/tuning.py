"""Tune a process: garbage collector, memory that it keeps, priority of background work."""

import contextlib
import ctypes
import gc
import os
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np

YOUNG_MAX: Final = 50_000
"""New objects between two looks of the collector, in place of 700: requests leave no cycles behind, so it would look in vain."""

KEPT_BYTES: Final = 192 << 20
"""Freed memory that the C library keeps for what comes next: some batches of a table."""
_TRIM: Final = -1
_MAP: Final = -3
_MAP_BYTES: Final = 32 << 20
"""Of mallopt: what is kept, and from which size on memory is mapped by itself; the most that it takes."""
_LARGE_PAGES_BYTES: Final = _MAP_BYTES - (1 << 20)
"""As much as comes from the memory that is kept, not from a mapping by itself."""

NICENESS: Final = 10
"""Of compilers, backtests, checkpoints and who publishes scores: payments go first."""

SESSION_NICENESS: Final = 19
"""Of the session of who publishes scores, beside the sessions of a switch on the same machine."""
_SESSION: Final = Path("/proc/self/autogroup")


def give_way() -> None:
    """This thread, and who is started by it, gives way to payments."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def session_gives_way() -> None:
    """Linux may share the processors between sessions first (`autogroup`), and no niceness says anything between them then. A process that
    leads its session, as what a scheduler started often does, has all of it give way; from a terminal the session is the user's, and stays
    as it is."""
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            _SESSION.write_text(str(SESSION_NICENESS))


def freeze_gc() -> None:
    """Modules, compiled kernels and routes live as long as the process: the collector need not look at them again."""
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, 20, 20)


def give_back_freed_memory() -> None:
    """What was made and dropped lately stays with the process, and with its copies, unless the system gets it back. Young objects only are
    looked at: milliseconds."""
    gc.collect(1)
    library: Any = ctypes.CDLL(None)
    with contextlib.suppress(AttributeError):
        library.malloc_trim(0)


def keep_freed_memory() -> None:
    """A process that makes batch after batch of the same size would give its memory back and have it zeroed again each time, a twentieth
    of all that scoring everybody takes. A C library without these options goes on as it does."""
    library: Any = ctypes.CDLL(None)
    with contextlib.suppress(AttributeError):
        library.mallopt(_TRIM, KEPT_BYTES)
        library.mallopt(_MAP, _MAP_BYTES)


def take_large_pages() -> None:
    """After `keep_freed_memory`: have the system give the next 30 MB in pages of 2 MB once they are written to, in place of thousands
    of small ones, each of which stops the process. NumPy asks for it when it takes so much at once; nothing is written to here."""
    np.empty(_LARGE_PAGES_BYTES, np.uint8)
