"""Pack whole numbers as Parquet's pages have them, in as many bits as they need.

The formats are https://parquet.apache.org/docs/file-format/data-pages/encodings/: the least significant bit first, eight numbers at a time.
Rows without a value are left out; which those are, `valid` says: bits as Arrow has them, the first row's the lowest of the first byte, none
where each row has a value.
"""

from typing import Final

import numpy as np

from models.jit import inlined, kernel
from models.words import store_word

WIDTH_MAX: Final = 15
"""Bits of a number."""
_RUN_MOST: Final = 5
"""Bytes that say how long a run is."""
_SLACK: Final = 16
"""Bytes after the last number that packing may write over."""


def room(rows: int) -> int:
    """Bytes that packing so many rows writes at most."""
    return _RUN_MOST + (rows + 7) // 8 * WIDTH_MAX + _SLACK


@inlined
def _put_varint(out, at, number):
    """ULEB128."""
    while number >= 128:
        out[at] = number & 127 | 128
        number >>= 7
        at += 1
    out[at] = number
    return at + 1


@kernel
def keep_valid(values, valid, kept):
    """Those of `values` (n,) that are there, in `kept` (n,) int32: returns their number, the lowest and the highest."""
    rows, count = len(values), 0
    if len(valid) == 0:
        for row in range(rows):
            kept[row] = values[row]
        count = rows
    else:
        for byte in range(rows // 8):
            first, eight = 8 * byte, int(valid[byte])
            for bit in range(8):
                kept[count] = values[first + bit]
                count += eight >> bit & 1
        for row in range(rows // 8 * 8, rows):
            kept[count] = values[row]
            count += int(valid[row // 8]) >> (row % 8) & 1
    low, high = np.int32(2**31 - 1), np.int32(-(2**31))
    for place in range(count):
        low, high = min(low, kept[place]), max(high, kept[place])
    return count, low, high


@inlined
def _four(numbers, first, low, width):
    """As one word."""
    a, b = np.uint64(np.int64(numbers[first]) - low), np.uint64(np.int64(numbers[first + 1]) - low)
    c, d = np.uint64(np.int64(numbers[first + 2]) - low), np.uint64(np.int64(numbers[first + 3]) - low)
    return a | b << np.uint64(width) | (c | d << np.uint64(width)) << np.uint64(2 * width)


@kernel
def bit_packed(numbers, count, low, width, out):
    """The hybrid of RLE and bit-packing, as one packed run, of `count` of `numbers`, each by what it is above `low`, in `width` bits, at
    most WIDTH_MAX; up to seven more are written over. Returns the length; `out` has `room(count)` bytes."""
    if count == 0:
        return 0
    eights = (count + 7) // 8
    for place in range(count, 8 * eights):
        numbers[place] = low
    at = _put_varint(out, 0, eights << 1 | 1)
    half = np.uint64(4 * width)
    for first in range(0, 8 * eights, 8):
        one, other = _four(numbers, first, low, width), _four(numbers, first + 4, low, width)
        store_word(out, at, one | other << half)
        if width > 8:
            store_word(out, at + 8, other >> np.uint64(64) - half)
        at += width
    return at
