"""The last published scores, one array by wallet address for all tasks: two bytes a wallet.

Ids are addresses, so looking a counterparty up is an index and no join. A score counts once it was published, whatever time it is of.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SCORE: Final = np.dtype(np.int16)
"""350 to 950; 0: none, or the last one says that too little is known."""


class Published(NamedTuple):
    """Scores (n,) in the order in which a shard published them, with the wallets (n,) they are of."""

    wallets: NDArray[np.int64]
    scores: NDArray[np.int16]


def write_scores(path: Path, shards: Sequence[Published]) -> None:
    """Write the array: sparse, as long as the highest address needs. A wallet's scores are all of one shard, and the last stands."""
    highest = max((int(each.wallets.max(initial=0)) for each in shards), default=0)
    array = np.memmap(path, SCORE, "w+", shape=(highest + 1,))
    for each in shards:
        # Of equal places the last one written stands, as numpy documents for assignment.
        array[each.wallets] = each.scores
    array.flush()


def scores_at(path: Path, wallets: NDArray[np.int64]) -> NDArray[np.int16]:
    """Scores (n,) of wallets by address (n,), 0 = none."""
    array = np.memmap(path, SCORE, "r")
    within = wallets < len(array)
    found: NDArray[np.int16] = np.where(within, array[np.where(within, wallets, 0)], np.int16(0))
    return found
