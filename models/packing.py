"""Pack whole numbers into as many bits as the largest needs, one after the other from the lowest bit on, as Parquet has them.

Batches follow each other within one stretch of memory, wherever the last one ended.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Reals
from models.jit import inlined, kernel

WORD_BITS: Final = 32
"""Of the memory that is filled; no number has more."""


class Packed:
    """Numbers of `width` bits each, the lowest of what they have, up to `count_max` of them."""

    def __init__(self, width: int, count_max: int) -> None:
        self._words = np.zeros(-(-count_max * width // WORD_BITS) + 1, np.uint32)
        self._width, self._bits, self._left, self._count_max = width, 0, count_max, count_max

    def add(self, values: Reals, low: int) -> None:
        """Append what the `values` (n,) are beyond `low`."""
        self._take_room(len(values))
        self._bits = pack_all(values, low, self._width, self._words, self._bits)

    def add_known(self, values: Reals, known: NDArray[np.bool_], low: int) -> None:
        """Append those of the `values` (n,) that are `known` (n,); what the others hold is not looked at."""
        self._take_room(len(values))
        self._bits = pack_known(values, known, low, self._width, self._words, self._bits)

    def take(self, unit: int = 1) -> bytes:
        """All bytes, filled up with zeros to a multiple of `unit`, and begin anew."""
        used = -(-self._bits // 8)
        self._bits, self._left = 0, self._count_max
        return self._words.tobytes()[:used].ljust(-(-used // unit) * unit, b"\0")

    def _take_room(self, count: int) -> None:
        assert count <= self._left, f"room for {self._count_max} numbers"
        self._left -= count


@inlined
def _begun(words, bits):
    """What the word that the next number begins in holds already."""
    return np.uint64(words[bits >> 5]) & ((np.uint64(1) << np.uint64(bits & 31)) - np.uint64(1))


@kernel
def pack_all(values, low, width, words, bits):
    """Append all; returns how many bits of `words` are used then."""
    word, at, used = _begun(words, bits), bits >> 5, bits & 31
    all_bits = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    for row in range(len(values)):
        word |= (np.uint64(np.int64(values[row]) - low) & all_bits) << np.uint64(used)
        used += width
        if used >= 32:
            words[at] = np.uint32(word & np.uint64(0xFFFFFFFF))
            word >>= np.uint64(32)
            used -= 32
            at += 1
    words[at] = np.uint32(word)
    return (at << 5) + used


@kernel
def pack_known(values, known, low, width, words, bits):
    """Append those that are known; returns how many bits of `words` are used then."""
    word, at, used = _begun(words, bits), bits >> 5, bits & 31
    all_bits = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    for row in range(len(values)):
        kept = np.int64(known[row])
        word |= (np.uint64((np.int64(values[row]) - low) * kept) & all_bits) << np.uint64(used)
        used += width * kept
        if used >= 32:
            words[at] = np.uint32(word & np.uint64(0xFFFFFFFF))
            word >>= np.uint64(32)
            used -= 32
            at += 1
    words[at] = np.uint32(word)
    return (at << 5) + used
