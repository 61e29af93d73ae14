"""Which wallets the challenger decides for: a share of all, chosen by the wallet alone, so it is the same online and in a backtest.

A wallet's place is the SplitMix64 finalizer of its address xor that of the challenger's number, its upper 32 bits scaled to 0..999; the
challenger decides for places below its share. Raising the share keeps the wallets that were in, and each challenger draws others.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SHARE_MAX: Final = 1_000
"""Shares are per mille."""

_ADD: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)


def challenged(payers: NDArray[np.int64], number: int, share: int) -> NDArray[np.bool_]:
    """Whether the challenger, pack `number`, decides (n,) for payments of these wallets (addresses, n)."""
    salt = _mixed(np.array([number], np.uint64))
    places = (_mixed(payers.astype(np.uint64) ^ salt) >> np.uint64(32)) * np.uint64(SHARE_MAX) >> np.uint64(32)
    chosen: NDArray[np.bool_] = places < np.uint64(share)
    return chosen


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)."""
    values = values + _ADD
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))
