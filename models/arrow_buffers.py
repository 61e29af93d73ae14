"""Arrow arrays as kernels read them: values where they lie, and a bit each for those that are there.

Nothing is copied but bits that begin within a byte.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.arrays import S
from models.jit import inlined, read_only


def values_of(array: pa.Array, kind: type[S] | np.dtype[S]) -> NDArray[S]:
    """Values (n,) of a fixed width, whatever they are where there is none. `kind`: their NumPy dtype."""
    data = array.buffers()[1]
    if data is None or not len(array):
        return read_only(np.empty(0, kind))
    return read_only(np.frombuffer(data, kind, len(array), array.offset * np.dtype(kind).itemsize))


def bits_of(array: pa.Array) -> NDArray[np.uint8]:
    """Which rows have a value, from the lowest bit on; nothing where all have one."""
    if not array.null_count:
        return read_only(np.empty(0, np.uint8))
    bits, first, end = np.frombuffer(array.buffers()[0], np.uint8), array.offset, array.offset + len(array)
    if first % 8 == 0 and len(array) % 8 == 0:
        return read_only(bits[first // 8 : end // 8])
    return read_only(np.packbits(np.unpackbits(bits, bitorder="little")[first:end], bitorder="little"))


def values_and_bits(array: pa.Array, kind: type[S] | np.dtype[S]) -> tuple[NDArray[S], NDArray[np.uint8]]:
    """Both: a column as kernels take it."""
    return values_of(array, kind), bits_of(array)


@inlined
def is_there(bits, row):
    """Whether a row has a value, by what `bits_of` gives."""
    return len(bits) == 0 or bits[row >> 3] >> (row & 7) & 1 != 0
