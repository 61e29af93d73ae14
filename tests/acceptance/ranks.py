"""Which rank a caller's process has for the processor: a real one runs on a machine of its own."""

import contextlib
import os
from pathlib import Path
from typing import Final

_GROUP: Final = Path("/proc/self/autogroup")


def rank(niceness: int) -> None:
    """Take this rank, or stay as it is where that may not be asked for. Linux shares the processor between sessions first, where niceness
    says nothing, so the process gets a session of its own, and the session the rank."""
    with contextlib.suppress(OSError):
        os.setsid()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
    with contextlib.suppress(OSError):
        _GROUP.write_text(str(niceness))


def give_way() -> None:
    """Have all threads run only when nobody else wants the processor, or stay as they are where that may not be asked for."""
    rank(19)
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(AttributeError, OSError):
            os.setpriority(os.PRIO_PROCESS, int(thread), 19)
            os.sched_setscheduler(int(thread), os.SCHED_IDLE, os.sched_param(0))
