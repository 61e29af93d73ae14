"""What became of the payments that a pack is tried on: kept, declined, refunded, or labelled as fraud.

Counting only, so counts of parts add up to the counts of the whole. A payment counts once, as the last of these that holds.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.backtest.counts import ACTIONS, UNDECIDED
from rules.decisions.decision import FALLBACK, Decisions
from rules.decisions.pack import RuleHits

BECAME: Final = ("kept", "declined", "refunded", "fraud")
KEPT, DECLINED, REFUNDED, FRAUD = range(len(BECAME))
FRAUDULENT: Final = 1
"""Of a label."""


class BecameTally(NamedTuple):
    """Attempts by what became of them: `decisions` (recorded, new, BECAME), by rule that fired `hits` (rules, BECAME)."""

    decisions: NDArray[np.int64]
    hits: NDArray[np.int64]


def new_became(rules: int) -> BecameTally:
    """Nothing counted yet."""
    return BecameTally(
        decisions=np.zeros((ACTIONS + 1, ACTIONS, len(BECAME)), np.int64), hits=np.zeros((rules, len(BECAME)), np.int64)
    )


def became_of(declined: NDArray[np.bool_], refunded: NDArray[np.bool_], labels: NDArray[np.int8]) -> NDArray[np.int64]:
    """What became of attempts (n,); labels are 1, 0 or UNLABELLED."""
    return np.select([labels == FRAUDULENT, refunded, declined], [FRAUD, REFUNDED, DECLINED], KEPT)


def count_became(
    tally: BecameTally,
    fired: RuleHits,
    recorded: Decisions,
    scored: NDArray[np.bool_],
    became: NDArray[np.int64],
) -> None:
    """Count attempts (n,), as `counts.add` does."""
    decided = scored & (recorded["flags"] & FALLBACK == 0)
    before = np.where(decided, recorded["action"], UNDECIDED).astype(np.int64)
    np.add.at(tally.decisions, (before, fired.decisions["action"].astype(np.int64), became), 1)
    words = np.ascontiguousarray(fired.hits.astype("<u8")).view(np.uint8)
    bits = np.unpackbits(words, axis=1, count=len(tally.hits), bitorder="little").astype(np.int64)
    each = np.eye(len(BECAME), dtype=np.int64)[became]
    tally.hits[:] += bits.T @ each
