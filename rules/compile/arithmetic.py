"""What compiled rules call: exact 64-bit arithmetic and look-ups.

Division is C's; look-ups go into sorted lists and tables of time zones.
"""

from typing import Final

import numpy as np

from models.jit import inlined, kernel
from rules.language.ir import INT_MAX, INT_MIN

_HALF: Final = 2**31


@inlined
def plus(a, b):
    """a + b, wrapped. Numba tells LLVM that signed sums never overflow, so LLVM drops whoever asks whether one did; unsigned ones may."""
    return np.int64(np.uint64(np.int64(a)) + np.uint64(np.int64(b)))


@inlined
def minus(a, b):
    """a - b, wrapped."""
    return np.int64(np.uint64(np.int64(a)) - np.uint64(np.int64(b)))


@inlined
def times(a, b):
    """a * b, wrapped."""
    return np.int64(np.uint64(np.int64(a)) * np.uint64(np.int64(b)))


@inlined
def quotient(a, b):
    """a / b cut towards zero; b is not 0, and not -1 for the smallest a."""
    floor = a // b
    return floor + 1 if floor < 0 and a % b != 0 else floor


@inlined
def product_fits(a, b):
    """Whether a * b has no more than 64 bits."""
    if -_HALF < a < _HALF and -_HALF < b < _HALF:
        return True
    if b == 0 or b == -1:
        return b == 0 or a != INT_MIN
    if b > 0:
        return quotient(INT_MIN, b) <= a <= quotient(INT_MAX, b)
    return quotient(INT_MAX, b) <= a <= quotient(INT_MIN, b)


@kernel
def local(lists, start, count, value):
    """Local time by the table of a zone, `count` times of changes from lists[start] on, and then `count + 1` offsets."""
    low, high = start, start + count
    while low < high:
        middle = (low + high) >> 1
        if lists[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return value + lists[low + count]


@kernel
def contains(lists, start, stop, value):
    """Whether sorted lists[start:stop] has a value."""
    while start < stop:
        middle = (start + stop) >> 1
        if lists[middle] < value:
            start = middle + 1
        elif lists[middle] > value:
            stop = middle
        else:
            return True
    return False
