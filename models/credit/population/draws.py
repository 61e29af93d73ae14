"""Draws that depend on nothing but a seed, a stream and a number: SplitMix64 of the three.

So a person's traits are the same however many others there are, and on every version of numpy, whose own generators may change.
Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from models.arrays import Integers
from models.hashing import splitmix64s
from models.statistics import Floats

Numbers = NDArray[np.int64]


class Draws:
    """Streams of a seed; a stream has a name, and its values are found by numbers (n,)."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def uniform(self, stream: str, numbers: Integers) -> Floats:
        """Above 0 and below 1."""
        bits = splitmix64s(splitmix64s(numbers) ^ np.uint64(self._key(stream)))
        return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, stream: str, numbers: Integers) -> Floats:
        """Mean 0, variance 1 (Box and Muller, 1958)."""
        radius = np.sqrt(-2.0 * np.log(self.uniform(f"{stream}:radius", numbers)))
        angle = 2.0 * np.pi * self.uniform(f"{stream}:angle", numbers)
        return np.asarray(radius * np.cos(angle))

    def below(self, stream: str, numbers: Integers, limits: Integers | int) -> Numbers:
        """Whole numbers from 0 up to and without `limits`."""
        return np.asarray(np.floor(self.uniform(stream, numbers) * limits)).astype(np.int64)

    def counts(self, stream: str, numbers: Integers, means: Floats) -> Numbers:
        """Whole numbers with these means: the whole part, and one more as often as the rest says."""
        whole = np.floor(means)
        return (whole + (self.uniform(stream, numbers) < means - whole)).astype(np.int64)

    def _key(self, stream: str) -> int:
        return int.from_bytes(hashlib.blake2b(f"{self._seed}:{stream}".encode(), digest_size=8).digest(), "little")


def repeated(counts: Numbers) -> tuple[Numbers, Numbers]:
    """For each person as many entries as `counts` (n,) says: whose each is, and which of theirs."""
    owner = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - first[owner]
