"""What compiled rules call: exact 64-bit arithmetic with C's division, and look-ups in sorted lists."""

from typing import Final

from models.jit import inlined, kernel
from rules.ir import INT_MIN

_HALF: Final = 2**31


@inlined
def quotient(a, b):
    """a / b cut towards zero; b is not 0, and not -1 for the smallest a."""
    floor = a // b
    return floor + 1 if floor < 0 and floor * b != a else floor


@inlined
def product_fits(a, b):
    """Whether a * b has no more than 64 bits."""
    if -_HALF < a < _HALF and -_HALF < b < _HALF:
        return True
    if a == 0 or b == 0:
        return True
    if a == -1 or b == -1:
        return a != INT_MIN and b != INT_MIN
    product = a * b
    whole = product // b
    return whole == a and whole * b == product


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
