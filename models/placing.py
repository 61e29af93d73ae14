"""Find the bin of each value of a column as it lies in Arrow's memory, without copying numbers.

A card compares scaled and rounded numbers with integers. Scaling and rounding never change the order of two numbers, so for each edge
there is a lowest value, of the column's own kind, that reaches it: these thresholds are found once a card, and columns are compared
with them. The bins are the same to the bit as those of scaled and rounded values.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.arrays import Reals
from models.jit import inlined, kernel

FAR: Final = 2.0**62
"""No edge lies there."""
ROWS_AT_A_TIME: Final = 512
"""As many counts stay in the nearest cache, whatever else is in it."""

_LARGEST: Final = pa.scalar(2**63 - 1, pa.uint64())
"""What an unsigned number beyond it is taken for: no edge lies there, so its bin is the same."""

Places = NDArray[np.uint16]


class Placer:
    """One feature in one characteristic: `edges` in scaled units; the place of what is missing comes after the last bin. `codes`: of texts,
    the place of each; all others have the place `unknown`."""

    def __init__(
        self, edges: Sequence[int], scale: int, codes: dict[str, int] | None = None, unknown: int | None = None
    ) -> None:
        self._missing = len(edges) + 1
        self._floats = _in_fours([lowest_float(edge, scale) for edge in edges], np.inf)
        self._integers = _in_fours([-(-edge // scale) for edge in edges], np.iinfo(np.int64).max)
        self._codes, self._unknown = codes, unknown
        self._names = pa.array([*(codes or ()), None], pa.string())
        self._room = np.empty(ROWS_AT_A_TIME, np.int64)

    def place(self, column: pa.Array, places: Places) -> None:
        """Fill `places` (n,) with the bins of a column (n,) of numbers or, with codes, of texts or of a dictionary of them."""
        if self._codes is not None:
            self._place_texts(column, self._codes, places)
        elif pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
            values = column.cast(pa.float64())
            values = values.fill_null(np.nan) if values.null_count else values
            _place_floats(values.to_numpy(), self._floats, self._missing, self._room, places)
        else:
            if pa.types.is_uint64(column.type):
                column = pc.min_element_wise(column, _LARGEST, skip_nulls=False)
            values = column.cast(pa.int64())
            known = np.zeros(0, np.bool_)
            if values.null_count:
                known = values.is_valid().to_numpy(zero_copy_only=False)
                values = values.fill_null(0)
            _place_integers(values.to_numpy(), known, self._integers, self._missing, self._room, places)

    def _place_texts(self, column: pa.Array, codes: dict[str, int], places: Places) -> None:
        if pa.types.is_dictionary(column.type):
            named = column.dictionary.to_pylist()
            looked_up = [self._missing if text is None else codes.get(text, self._unknown) for text in named]
            found, beyond = column.indices, self._missing
        else:
            looked_up = [*codes.values(), self._missing]
            found, beyond = pc.index_in(column, value_set=self._names), self._unknown or 0
        if found.null_count:
            found = found.cast(pa.int32()).fill_null(len(looked_up))
        np.take(np.array([*looked_up, beyond], np.uint16), found.to_numpy(), out=places, mode="clip")


def _in_fours(thresholds: list[Any], beyond: float) -> Reals:
    """As many as the kernels compare at once, filled up with what next to nothing reaches."""
    filled = [*thresholds, *([beyond] * (-len(thresholds) % 4))]
    if beyond == np.inf:
        return np.array(filled, np.float64).reshape(-1, 4)
    return np.array(filled, np.int64).reshape(-1, 4)


def lowest_float(edge: int, scale: int) -> float:
    """The lowest number that is at least `edge` when it is multiplied by `scale` and rounded, a half to even."""

    def reaches(value: float) -> bool:
        scaled = value * scale
        return scaled >= FAR or (scaled > -FAR and round(scaled) >= edge)

    value = (edge - 0.5) / scale
    while reaches(value):
        value = float(np.nextafter(value, -np.inf))
    while not reaches(value):
        value = float(np.nextafter(value, np.inf))
    return value


@inlined
def _count_reached(part, thresholds, room):
    """How many thresholds (n, 4) each value has reached."""
    for row in range(len(part)):
        room[row] = 0
    for four in range(len(thresholds)):
        a, b, c, d = thresholds[four, 0], thresholds[four, 1], thresholds[four, 2], thresholds[four, 3]
        for row in range(len(part)):
            value = part[row]
            count = room[row] + (value >= a)
            count += value >= b
            count += value >= c
            room[row] = count + (value >= d)


@kernel
def _place_floats(values, thresholds, missing, room, places):
    for start in range(0, len(values), ROWS_AT_A_TIME):
        part = values[start : start + ROWS_AT_A_TIME]
        into = places[start : start + ROWS_AT_A_TIME]
        _count_reached(part, thresholds, room)
        for row in range(len(part)):
            into[row] = missing if part[row] != part[row] else min(room[row], missing - 1)


@kernel
def _place_integers(values, known, thresholds, missing, room, places):
    """`known` (n,), or (0,) when all are."""
    for start in range(0, len(values), ROWS_AT_A_TIME):
        part = values[start : start + ROWS_AT_A_TIME]
        into = places[start : start + ROWS_AT_A_TIME]
        _count_reached(part, thresholds, room)
        for row in range(len(part)):
            into[row] = min(room[row], missing - 1)
    for row in range(len(known)):
        if not known[row]:
            places[row] = missing


def sliced(column: Any, start: int, rows: int) -> pa.Array:
    """Rows of a chunked column as one array; within a chunk nothing is copied."""
    part = column.slice(start, rows)
    return part.chunk(0) if part.num_chunks == 1 else part.combine_chunks()
