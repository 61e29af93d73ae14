"""Shares in basis points, exact for all amounts that a ledger can hold.

They are what the macro `share` of the catalogue gives.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import Integers
from models.credit.feature import RATIO_MAX, WHOLE
from models.jit import inlined, kernel

_EXACT_BELOW: Final = 1 << 49
"""Ten thousand times it fits int64."""
_TOP_BIT: Final = 13
_HUNDREDFOLD: Final = RATIO_MAX // WHOLE

assert 1 << _TOP_BIT <= WHOLE < 2 << _TOP_BIT


@inlined
def share(part, whole):
    """Basis points that `part` (>= 0) is of `whole` (> 0, below 2^62), rounded down, at most RATIO_MAX. Large ones are multiplied bit by
    bit, for ten thousand times an amount does not fit int64."""
    if part // whole >= _HUNDREDFOLD:
        return np.int64(RATIO_MAX)
    if part < _EXACT_BELOW:
        return np.int64(part * WHOLE // whole)
    rest = part % whole
    points, left = np.int64(0), np.int64(0)
    for step in range(_TOP_BIT + 1):
        points, left = 2 * points, 2 * left
        if left >= whole:
            points, left = points + 1, left - whole
        if WHOLE >> (_TOP_BIT - step) & 1:
            left += rest
            if left >= whole:
                points, left = points + 1, left - whole
    return part // whole * WHOLE + points


@kernel
def _shares(parts, wholes, found):
    for i in range(len(parts)):
        if wholes[i] > 0:
            found[i] = share(parts[i], wholes[i])


def shares(parts: Integers, wholes: Integers) -> "tuple[NDArray[np.int64], NDArray[np.bool_]]":
    """`share` of numbers (n,), and which of them there are: none of a whole that is nothing."""
    wholes = np.ascontiguousarray(wholes, np.int64)
    found = np.zeros(len(wholes), np.int64)
    _shares(np.ascontiguousarray(parts, np.int64), wholes, found)
    return found, wholes > 0
