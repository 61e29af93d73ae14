"""Arrays as they are at one instant, copied by a forked child while this process goes on changing them.

Copying a ledger of five million wallets takes seconds, to fork and share its pages some milliseconds. The child copies into memory shared
with its parent and ends; it takes no lock, allocates next to nothing, closes what it inherited, and dies with its parent.
"""

import ctypes
import mmap
import os
import signal
import time
import warnings
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

TIMEOUT_S: Final = 120.0
"""A child that has not ended by then never will."""
_LOOK_EVERY_S: Final = 0.01
_ALIGNMENT: Final = 64
_DONE: Final = 1
_PR_SET_PDEATHSIG: Final = 1
_prctl: Any = getattr(ctypes.CDLL(None), "prctl", None)


class SetAside:
    """Begins at once, and is a copy of what the arrays hold now. Make it in a thread that lives as long as the process: the child is
    killed when that thread ends. Raises OSError when there is no memory for it."""

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        places, size = {}, 1
        for name, array in arrays.items():
            start = -(-size // _ALIGNMENT) * _ALIGNMENT
            places[name] = start
            size = start + array.nbytes
        self._shared = mmap.mmap(-1, size)
        self._arrays = {
            name: np.frombuffer(self._shared, array.dtype, array.size, places[name]).reshape(array.shape)
            for name, array in arrays.items()
        }
        copies = [(self._arrays[name].ctypes.data, array.ctypes.data, array.nbytes) for name, array in arrays.items()]
        parent = os.getpid()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # of forking beside threads: the child calls nothing of theirs
            self._child = os.fork()
        if self._child == 0:
            try:
                _copy(copies, parent)
                self._shared[0] = _DONE
            finally:
                os._exit(0)

    def wait(self) -> dict[str, NDArray[Any]]:
        """The copy, once it is whole; blocks. Raises OSError when the child did not finish it."""
        deadline = time.monotonic() + TIMEOUT_S
        while not self._ended():
            if time.monotonic() > deadline:
                os.kill(self._child, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(_LOOK_EVERY_S)
        if self._shared[0] != _DONE:
            raise OSError(f"process {self._child}, which copied the ledger, ended too early")
        return self._arrays

    def _ended(self) -> bool:
        try:
            return os.waitpid(self._child, os.WNOHANG)[0] != 0
        except ChildProcessError:  # somebody else has taken note of its end
            return True


def _copy(copies: list[tuple[int, int, int]], parent: int) -> None:
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))  # a connection held open here would hide that the parent is dead
    for target, source, size in copies:
        ctypes.memmove(target, source, size)
