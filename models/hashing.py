"""SplitMix64's finalizer, a fixed hash of numbers.

Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Integers

_M: Final = (1 << 64) - 1


def splitmix64(value: int) -> int:
    """A bijection that spreads a number over 64 bits (Steele, Lea, Flood 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & _M
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _M
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _M
    return value ^ value >> 31


def splitmix64s(values: Integers) -> NDArray[np.uint64]:
    """`splitmix64` of many 64-bit numbers."""
    x = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    spread: NDArray[np.uint64] = x ^ x >> np.uint64(31)
    return spread
