"""A decision: integers only.

So the same payment gets the same bits online, in a backtest and on a cluster.
"""

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Action(IntEnum):
    """What a decision does with a payment, from mild to strict: a pack's verdict is the strictest rule that fired."""

    APPROVE = 0
    REVIEW = 1
    DECLINE = 2


FALLBACK: Final = 1
"""Flag: no scorer answered in time, the pack's stated fallback stands in."""

DECISION: Final = np.dtype(
    [("action", "u1"), ("flags", "u1"), ("controls", "u2"), ("points", "i4"), ("reasons", "u4"), ("pack", "u4")]
)
"""`reasons` has bit i set for reason i of the pack that decided; `controls`: see `controls.kept_bits`."""

Decisions = NDArray[np.void]
"""DECISION rows (n,)."""


class Fallback(NamedTuple):
    """What decides while no scorer answers: the fallback of the pack that is live as of a revision of the deployment."""

    action: int
    pack: int
    revision: int


INITIAL_FALLBACK: Final = Fallback(Action.APPROVE, 1, 0)
"""Before the live pack is known: the ledger's own limits hold, and every such decision is flagged and counted."""
