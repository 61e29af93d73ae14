"""The first start of a version compiles its kernels, which takes long enough to make a person doubt.

It shows them how far the compilation is.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from actors.shard.compile_kernels import KERNELS, Progress, progress

LOOK_EVERY_S: Final = 0.5
PRINT_EVERY_S: Final = 5.0
SHARE_MIN: Final = 0.1
"""Before so much is done the rest cannot be estimated."""


async def print_compilation(say: Callable[[str], Any], look: Callable[[], Progress | None] = progress) -> None:
    """Print how many kernels are compiled and how long the rest will take, until all are. Prints nothing where none is compiled: because
    all are kept from an earlier start, or because the shards are on other machines."""
    before = now = look()
    pace: _Pace | None = None
    printed_s = 0.0
    while before is not None and now is not None:
        now_s = time.monotonic()
        if pace is None and now.compiled > before.compiled:
            pace = _Pace(now, now_s)
            say(f"compiling, once for this version: {now.compiled} of {KERNELS} kernels")
            printed_s = now_s
        elif pace is not None:
            pace.look(now)
            if now_s >= printed_s + PRINT_EVERY_S:
                say(f"{pace.compiled} of {KERNELS} kernels{pace.left(now_s)}")
                printed_s = now_s
        await asyncio.sleep(LOOK_EVERY_S)
        now = look()
    if pace is not None:
        say(f"all kernels are compiled ({time.monotonic() - pace.began_s:.0f} s)")


class _Pace:
    """How fast this start compiles, counted from the first kernel that comes: until then Ray starts and processes import, and an earlier
    start, cut off, may have done a part. What is done never goes back."""

    def __init__(self, first: Progress, now_s: float) -> None:
        self.began_s = now_s
        self.compiled = first.compiled
        self._first = self._share = first.share

    def look(self, now: Progress) -> None:
        """Take in how far it is now. A file that is being renamed is missing for a moment."""
        self.compiled = max(self.compiled, now.compiled)
        self._share = max(self._share, now.share)

    def left(self, now_s: float) -> str:
        """What is left at the pace so far; nothing while that is not known."""
        done = self._share - self._first
        if done < SHARE_MIN:
            return ""
        return f", some {max(1.0, (now_s - self.began_s) * (1 - self._share) / done):.0f} s left"
