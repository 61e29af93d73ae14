"""Snapshot arrays by fork: a child streams them while this process goes on changing them.

Copying a ledger of five million wallets takes seconds, to fork and share its pages some milliseconds. The child writes their bytes into a
pipe at the pace of whoever reads it, and ends; it takes no lock, allocates next to nothing, closes what it inherited, gives way to
everybody else, and dies with its parent.
"""

import ctypes
import gc
import os
import signal
import warnings
from typing import Any, Final

from actors.ledger.arrays import bytes_of, forms_of
from actors.process.tuning import NICENESS
from models.arrays import Array

_WRITE_BYTES: Final = 1 << 20
_PR_SET_PDEATHSIG: Final = 1
_prctl: Any = getattr(ctypes.CDLL(None), "prctl", None)


class ForkSnapshot:
    """What contiguous arrays hold now. `forms`: of the arrays, in the order in which their bytes come. `source`: end of a pipe with their
    bytes; fewer come when the child could not finish. Make it in a thread that lives as long as the process: the child is killed when
    that thread ends. Raises OSError when there is no memory for it."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self.forms = forms_of(arrays)
        views = [bytes_of(array).data for array in arrays.values()]
        parent = os.getpid()
        self.source, target = os.pipe()
        try:
            self._child = _fork()
        except OSError:
            os.close(self.source)
            os.close(target)
            raise
        if self._child == 0:
            try:
                _stream(views, target, parent)
            finally:
                os._exit(0)
        os.close(target)

    def close(self) -> None:
        """End the child, if it has not ended, and the pipe. Blocks for the time it takes to give the child's memory back."""
        os.close(self.source)
        try:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        except (ProcessLookupError, ChildProcessError):  # somebody else has taken note of its end
            return


def _fork() -> int:
    with warnings.catch_warnings():  # of forking beside threads: the child calls nothing of theirs
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _stream(views: list[memoryview], target: int, parent: int) -> None:
    gc.disable()
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    os.closerange(0, target)  # a connection held open here would hide that the parent is dead
    os.closerange(target + 1, os.sysconf("SC_OPEN_MAX"))
    os.nice(NICENESS)
    for view in views:
        at = 0
        while at < len(view):
            at += os.write(target, view[at : at + _WRITE_BYTES])
