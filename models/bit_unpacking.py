"""Unpack whole numbers from Parquet's pages: the header, which rows have one, and their differences.

The formats are https://parquet.apache.org/docs/file-format/data-pages/encodings/ and, of the header, Thrift's compact protocol. Nothing
is read or written outside of the arrays, whatever lies in a page: what does not fit is refused.
"""

from typing import Final

import numpy as np

from models.jit import inlined, kernel
from models.words import load_word

SLACK: Final = 8
"""Bytes after the last row's bit, and numbers after the last, that unpacking may write over."""
REFUSED: Final = -1
_PART: Final = 32
"""Differences of one width are so many, or a multiple."""
_VARINT_BITS: Final = 70


@inlined
def _last_word(data, at, end):
    """As `load_word`, where fewer than eight bytes are left: zeros stand for the others."""
    word = np.uint64(0)
    for place in range(at, min(at + 8, end)):
        word |= np.uint64(data[place]) << np.uint64(8 * (place - at))
    return word


@inlined
def _varint(data, at, end):
    """A number and where the next byte is, which is after `end` where there is no number."""
    number, shift = np.uint64(0), 0
    while at < end and shift < _VARINT_BITS:
        byte = data[at]
        number |= np.uint64(byte & 127) << np.uint64(min(shift, 63))
        at += 1
        shift += 7
        if byte < 128:
            return number, at
    return number, end + 1


@inlined
def _signed(number):
    """Of zigzag."""
    return np.int64(number >> np.uint64(1)) ^ -np.int64(number & np.uint64(1))


HEADER: Final = 7
"""Numbers of a header: the page's kind, its bytes when decompressed, its bytes; values, their encoding, that of the two kinds of levels."""
_WHOLE_NEXT, _DATA_PAGE_NEXT, _STATISTICS_NEXT = 0x15, 0x2C, 0x1C
"""What stands before a 32-bit number, a data page and its statistics, each by its distance from the field before."""
_TRUE, _FALSE, _INT16, _INT64, _BINARY = 1, 2, 4, 6, 8


@inlined
def _after_statistics(data, at, end):
    """Where the byte after a struct of numbers, truths and texts is; after `end` where it is something else."""
    while at < end and data[at] != 0:
        kind = data[at] & 15
        if data[at] >> 4 == 0:
            return end + 1
        at += 1
        if _INT16 <= kind <= _INT64:
            number, at = _varint(data, at, end)
        elif kind == _BINARY:
            number, at = _varint(data, at, end)
            if at > end or number > np.uint64(end - at):
                return end + 1
            at += np.int64(number)
        elif kind != _TRUE and kind != _FALSE:
            return end + 1
    return at + 1


@kernel
def unpack_header(data, numbers):
    """The HEADER `numbers` of the data page that `data` begins with. Returns where the next byte is, or REFUSED for a header that is not
    just these numbers, and perhaps statistics."""
    end, at = len(data), 0
    for place in range(HEADER):
        if place == 3:
            if at >= end or data[at] != _DATA_PAGE_NEXT:
                return REFUSED
            at += 1
        if at >= end or data[at] != _WHOLE_NEXT:
            return REFUSED
        number, at = _varint(data, at + 1, end)
        if at > end:
            return REFUSED
        numbers[place] = _signed(number)
    if at < end and data[at] == _STATISTICS_NEXT:
        at = _after_statistics(data, at + 1, end)
    if at + 2 > end or data[at] != 0 or data[at + 1] != 0:
        return REFUSED
    return at + 2


@inlined
def _set_bits(valid, first, last):
    """Of rows [first, last)."""
    begin, end = first >> 3, last >> 3
    if begin == end:
        valid[begin] |= np.uint8((1 << (last & 7)) - (1 << (first & 7)))
        return
    valid[begin] |= np.uint8(256 - (1 << (first & 7)))
    for byte in range(begin + 1, end):
        valid[byte] = 255
    valid[end] |= np.uint8((1 << (last & 7)) - 1)


@inlined
def _count_bits(valid, count):
    """Of so many bytes."""
    found = 0
    for byte in range(count):
        bits = valid[byte]
        bits = (bits & 0x55) + (bits >> 1 & 0x55)
        bits = (bits & 0x33) + (bits >> 2 & 0x33)
        found += int((bits & 0x0F) + (bits >> 4))
    return found


@kernel
def unpack_levels(data, start, end, rows, valid):
    """Bits of rows that have a value, from the hybrid of RLE and bit-packing, one bit wide, in bytes [start, end) of `data`. `valid`:
    (rows + 7) // 8 + SLACK bytes. Returns how many rows have one, or REFUSED."""
    for byte in range((rows + 7) // 8 + SLACK):
        valid[byte] = 0
    row, at = 0, start
    while row < rows:
        header, at = _varint(data, at, end)
        if at >= end or header >> np.uint64(40) != 0:
            return REFUSED
        count = int(header >> np.uint64(1))
        if header & np.uint64(1):
            if count == 0 or at + count > end:
                return REFUSED
            first, shift = row >> 3, row & 7
            for byte in range(min(count, (rows - row + 7) >> 3)):
                shifted = int(data[at + byte]) << shift
                valid[first + byte] |= np.uint8(shifted & 255)
                valid[first + byte + 1] |= np.uint8(shifted >> 8)
            at += count
            row += 8 * count
        else:
            if count == 0 or data[at] > 1:
                return REFUSED
            last = min(row + count, rows)
            if data[at] == 1:
                _set_bits(valid, row, last)
            row = last
            at += 1
    if rows % 8 != 0:
        valid[rows // 8] &= np.uint8((1 << rows % 8) - 1)
    return _count_bits(valid, (rows + 7) // 8)


@inlined
def _unpack_part(data, at, count, width, end, low, numbers, first):
    """`count` differences of `width` bits, added up from the number before `first` on."""
    value = numbers[first - 1]
    mask = np.uint64((1 << width) - 1) if width < 64 else ~np.uint64(0)
    if width <= 56 and at + count * width // 8 + 8 <= end:
        for each in range(count):
            bit = each * width
            word = load_word(data, at + (bit >> 3)) >> np.uint64(bit & 7)
            value += low + np.int64(word & mask)
            numbers[first + each] = value
        return
    for each in range(count):
        bit = each * width
        word = _last_word(data, at + (bit >> 3), end) >> np.uint64(bit & 7)
        if (bit & 7) + width > 64:
            word |= np.uint64(data[at + (bit >> 3) + 8]) << np.uint64(64 - (bit & 7))
        value += low + np.int64(word & mask)
        numbers[first + each] = value


@kernel
def unpack_differences(data, start, end, count, numbers):
    """`count` numbers, DELTA_BINARY_PACKED in bytes [start, end) of `data`, into `numbers` (count + SLACK,). Returns `count` or REFUSED."""
    block, at = _varint(data, start, end)
    parts, at = _varint(data, at, end)
    total, at = _varint(data, at, end)
    first, at = _varint(data, at, end)
    if at > end or total != np.uint64(count) or count <= 0 or parts == 0 or block > np.uint64(1 << 20):
        return REFUSED
    size = np.int64(block // parts)
    if size % _PART != 0 or size == 0 or np.uint64(size) * parts != block:
        return REFUSED
    numbers[0] = _signed(first)
    place = 1
    while place < count:
        low, widths = _varint(data, at, end)
        at = widths + np.int64(parts)
        if at > end:
            return REFUSED
        least = _signed(low)
        for part in range(np.int64(parts)):
            if place == count:
                break
            width = np.int64(data[widths + part])
            if width > 64 or at + size * width // 8 > end:
                return REFUSED
            here = min(size, count - place)
            _unpack_part(data, at, here, width, end, least, numbers, place)
            at += size * width // 8
            place += here
    return count


@kernel
def spread(values, valid, rows, there):
    """Move the first `there` of `values` to those of its `rows` that have a value, the last one first; others get any."""
    at = there - 1
    for row in range(rows - 1, rows // 8 * 8 - 1, -1):
        values[row] = values[max(at, 0)]
        at -= int(valid[row // 8]) >> (row % 8) & 1
    for byte in range(rows // 8 - 1, -1, -1):
        first, eight = 8 * byte, int(valid[byte])
        for bit in range(7, -1, -1):
            values[first + bit] = values[max(at, 0)]
            at -= eight >> bit & 1
