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
SHARE_MIN: Final = 0.05
"""Before so much is done the rest cannot be estimated."""


async def print_compilation(say: Callable[[str], Any], look: Callable[[], Progress | None] = progress) -> None:
    """Print how many kernels are compiled and how long the rest will take, until all are. Prints nothing where none is compiled: because
    all are kept from an earlier start, or because the shards are on other machines."""
    first = now = look()
    began = printed = time.monotonic()
    printed_one = False
    while first is not None and now is not None:
        if now.compiled > first.compiled and (not printed_one or time.monotonic() >= printed + PRINT_EVERY_S):
            printed = time.monotonic()
            once = "" if printed_one else "compiling, once for this version: "
            say(f"{once}{now.compiled} of {KERNELS} kernels{_left(first, now, printed - began)}")
            printed_one = True
        await asyncio.sleep(LOOK_EVERY_S)
        now = look()
    if printed_one:
        say(f"all kernels are compiled ({time.monotonic() - began:.0f} s)")


def _left(first: Progress, now: Progress, passed_s: float) -> str:
    """What is left at the pace so far. An earlier start, cut off, may have done the first part."""
    done = now.share - first.share
    if done < SHARE_MIN:
        return ""
    return f", some {max(1.0, passed_s * (1 - now.share) / done):.0f} s left"
