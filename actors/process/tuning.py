"""Tune a process: Python's garbage collector, and the priority of background work."""

import gc
from typing import Final

YOUNG_MAX: Final = 50_000
"""New objects between two looks of the collector, in place of 700: requests leave no cycles behind, so it would look in vain."""

NICENESS: Final = 10
"""Of compilers, backtests and checkpoints: payments go first."""


def freeze_gc() -> None:
    """Modules, compiled kernels and routes live as long as the process: the collector need not look at them again."""
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, 20, 20)
