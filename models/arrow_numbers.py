"""Numbers of any Arrow type as floats of 64 bits, each the nearest one: as plain Python has them.

Arrow's own cast of a decimal multiplies by a power of ten that is not exact, and gives the float beside the nearest one for some: 5.85 of
two places becomes 5.8500000000000005, which another bin may begin with.
"""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

WHOLE_MAX: Final = 2**53
"""Up to here each whole number is a float."""
PLACES_MAX: Final = 22
"""Up to here each power of ten is a float. The quotient of two floats is the nearest float to it."""


def nearest_floats(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """A column (n,) of integers, floats or decimals as floats; null stays null."""
    if not pa.types.is_decimal(column.type):
        return column.cast(pa.float64(), safe=False)
    if isinstance(column, pa.Array):
        return _of_decimals(column)
    return pa.chunked_array([_of_decimals(chunk) for chunk in column.chunks], pa.float64())


def _of_decimals(array: pa.Array) -> pa.Array:
    kind, missing = array.type, array.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_decimal256(kind):
        whole, exact = np.zeros(len(array), np.int64), np.zeros(len(array), np.bool_)
    else:
        whole, exact = _unscaled(array.cast(pa.decimal128(kind.precision, kind.scale)))
    if abs(kind.scale) > PLACES_MAX:
        exact[:] = False
    power = float(10 ** min(abs(kind.scale), PLACES_MAX))
    values = whole / power if kind.scale >= 0 else whole * power
    for row in np.flatnonzero(~exact & ~missing).tolist():
        values[row] = float(array[row].as_py())
    return pa.array(values, mask=missing)


def _unscaled(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Whole numbers (n,) of decimals without their point, and which of them are exact as floats."""
    if not len(array):
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    words = np.frombuffer(array.buffers()[1], np.int64)[2 * array.offset :][: 2 * len(array)].reshape(-1, 2)
    low, high = words[:, 0].astype(np.int64), words[:, 1]
    return low, (high == low >> 63) & (low <= WHOLE_MAX) & (low >= -WHOLE_MAX)
