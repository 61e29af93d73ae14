"""Which wallets the challenger decides for.

A share of all, chosen by the wallet alone, so it is the same online and in a backtest.

A wallet's place is the SplitMix64 finalizer of its address xor that of the challenger's number, its upper 32 bits scaled to 0..999; the
challenger decides for places below its share. Raising the share keeps the wallets that were in, and each challenger draws others.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.hashing import splitmix64s

SHARE_MAX: Final = 1_000
"""Shares are per mille."""


def challenged(payers: NDArray[np.int64], number: int, share: int) -> NDArray[np.bool_]:
    """Whether the challenger, pack `number`, decides (n,) for payments of these wallets (addresses, n)."""
    salt = splitmix64s(np.array([number], np.uint64))
    places = (splitmix64s(payers.astype(np.uint64) ^ salt) >> np.uint64(32)) * np.uint64(SHARE_MAX) >> np.uint64(32)
    chosen: NDArray[np.bool_] = places < np.uint64(share)
    return chosen
