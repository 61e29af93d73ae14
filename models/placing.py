"""Find the bin of each value of a column as it lies in Arrow's memory, without copying numbers.

A card compares scaled and rounded numbers with integers. Scaling and rounding never change the order of two numbers, so for each edge
there is a lowest value, of the column's own kind, that reaches it: these thresholds are found once a card, and columns are compared
with them. The bins are the same to the bit as those of scaled and rounded values.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.jit import inlined
from models.memory import values_at

FAR: Final = 2.0**62
"""No edge lies there."""
ROWS_AT_A_TIME: Final = 512
"""As many counts stay in the nearest cache, whatever else is in it."""

INTEGERS, SHORT_INTEGERS, FLOATS, SHORT_FLOATS, PLACED = range(5)
"""How a column lies in memory: 64 or 32 bits of a number, or bins that were looked up."""
_KINDS: Final = {pa.int64(): INTEGERS, pa.int32(): SHORT_INTEGERS, pa.float64(): FLOATS, pa.float32(): SHORT_FLOATS}
_NARROW: Final = frozenset({pa.bool_(), pa.int8(), pa.int16(), pa.uint8(), pa.uint16()})
_BYTES: Final = (8, 4, 8, 4, 2)

_LARGEST: Final = pa.scalar(2**63 - 1, pa.uint64())
"""What an unsigned number beyond it is taken for: no edge lies there, so its bin is the same."""

Places = NDArray[np.uint16]


class Thresholds(NamedTuple):
    """Of a card, by characteristic c: its edges as they are for what is `encoded`, and those that they are for integers and for floats, in
    fours from `four_at` [c] on; the place of what is `missing`, which comes after the last bin."""

    four_at: NDArray[np.int64]
    encoded: NDArray[np.int64]
    integers: NDArray[np.int64]
    floats: NDArray[np.float64]
    missing: NDArray[np.int64]


class Laid(NamedTuple):
    """Columns by characteristic: what `kind` of values lies at which `address`, and where bits say which are `known`, from the bit `first`
    on; 0 where all are."""

    kind: NDArray[np.int64]
    address: NDArray[np.int64]
    known: NDArray[np.int64]
    first: NDArray[np.int64]


class Placer:
    """One feature in one characteristic: `edges` in scaled units; the place of what is missing comes after the last bin. `codes`: of texts,
    the place of each; all others have the place `unknown`."""

    def __init__(
        self, edges: Sequence[int], scale: int, codes: dict[str, int] | None = None, unknown: int | None = None
    ) -> None:
        self.missing = len(edges) + 1
        self.floats = _in_fours([lowest_float(edge, scale) for edge in edges], np.inf, np.float64)
        self.encoded = _in_fours(list(edges), np.iinfo(np.int64).max, np.int64)
        self.integers = _in_fours([-(-edge // scale) for edge in edges], np.iinfo(np.int64).max, np.int64)
        self.codes, self._unknown = codes, unknown
        self._names = pa.array([*(codes or ()), None], pa.string())

    def places(self, column: pa.Array, codes: dict[str, int]) -> Places:
        """The bins (n,) of a column (n,) of texts or of a dictionary of them."""
        if pa.types.is_dictionary(column.type):
            named = column.dictionary.to_pylist()
            looked_up = [self.missing if text is None else codes.get(text, self._unknown) for text in named]
            found, beyond = column.indices, self.missing
        else:
            looked_up = [*codes.values(), self.missing]
            found, beyond = pc.index_in(column, value_set=self._names), self._unknown or 0
        if found.null_count:
            found = found.cast(pa.int32()).fill_null(len(looked_up))
        places: Places = np.take(np.array([*looked_up, beyond], np.uint16), found.to_numpy(), mode="clip")
        return places


def thresholds_of(placers: Sequence[Placer]) -> Thresholds:
    """Of all characteristics, as the kernel wants them."""
    fours = [len(placer.integers) for placer in placers]
    return Thresholds(
        four_at=np.concatenate(([0], np.cumsum(fours))).astype(np.int64),
        encoded=np.concatenate([np.empty((0, 4), np.int64), *(placer.encoded for placer in placers)]),
        integers=np.concatenate([np.empty((0, 4), np.int64), *(placer.integers for placer in placers)]),
        floats=np.concatenate([np.empty((0, 4), np.float64), *(placer.floats for placer in placers)]),
        missing=np.array([placer.missing for placer in placers], np.int64),
    )


def laid_out(placers: Sequence[Placer], columns: Sequence[pa.Array]) -> tuple[Laid, list[Any]]:
    """The columns of all characteristics, and what must be kept while they are read."""
    laid = np.zeros((4, len(placers)), np.int64)
    kept: list[Any] = []
    for at, (placer, column) in enumerate(zip(placers, columns, strict=True)):
        if placer.codes is not None:
            places = placer.places(column, placer.codes)
            kept.append(places)
            laid[:, at] = PLACED, places.ctypes.data, 0, 0
        else:
            column = _as_numbers(column)
            kept.append(column)
            laid[:, at] = _where(column)
    return Laid(*laid), kept


def _as_numbers(column: pa.Array) -> pa.Array:
    """The column itself, if its values are of a kind that the kernel reads."""
    kind = column.type
    if kind in _KINDS:
        return column
    if kind in _NARROW:
        return column.cast(pa.int32())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_uint64(kind):
        column = pc.min_element_wise(column, _LARGEST, skip_nulls=False)
    return column.cast(pa.int64())


def _where(column: pa.Array) -> tuple[int, int, int, int]:
    """Kind, address, known and first of a column of numbers. Raises ValueError for one that is shorter than it says: it may have come from
    anybody."""
    kind, first = _KINDS[column.type], column.offset
    end = first + len(column)
    known, values = column.buffers()
    if not len(column):
        return kind, 0, 0, 0
    if values is None or values.size < end * _BYTES[kind] or (known is not None and 8 * known.size < end):
        raise ValueError(f"a column says that it has {end} values, and has fewer")
    there = known.address if known is not None and column.null_count else 0
    return kind, values.address + first * _BYTES[kind], there, first


def _in_fours(thresholds: list[Any], beyond: float, kind: type) -> Any:
    """As many as the kernels compare at once, filled up with what next to nothing reaches."""
    filled = [*thresholds, *([beyond] * (-len(thresholds) % 4))]
    return np.array(filled, kind).reshape(-1, 4)


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
def _count_reached(part, thresholds, start, end, count, room):
    """How many thresholds of the fours from `start` to `end` each value has reached."""
    for row in range(count):
        room[row] = 0
    for four in range(start, end):
        a, b, c, d = thresholds[four, 0], thresholds[four, 1], thresholds[four, 2], thresholds[four, 3]
        for row in range(count):
            value = part[row]
            reached = room[row] + (value >= a)
            reached += value >= b
            reached += value >= c
            room[row] = reached + (value >= d)


@inlined
def _place_integers(part, thresholds, c, count, room, into):
    missing = thresholds.missing[c]
    _count_reached(part, thresholds.integers, thresholds.four_at[c], thresholds.four_at[c + 1], count, room)
    for row in range(count):
        into[row] = min(room[row], missing - 1)


@inlined
def _place_floats(part, thresholds, c, count, room, into):
    missing = thresholds.missing[c]
    _count_reached(part, thresholds.floats, thresholds.four_at[c], thresholds.four_at[c + 1], count, room)
    for row in range(count):
        into[row] = missing if part[row] != part[row] else min(room[row], missing - 1)


@inlined
def _place_missing(address, first, missing, count, into):
    """Where the bits from `first` on say that a value is not known. Most bytes say that eight are, and are passed over."""
    start = first >> 3
    bits = values_at(address + start, ((first + count + 7) >> 3) - start, np.uint8)
    for place in range(len(bits)):
        eight = bits[place]
        if eight == 255:
            continue
        row = ((start + place) << 3) - first
        for bit in range(8):
            if (eight >> bit) & 1 == 0 and 0 <= row + bit < count:
                into[row + bit] = missing


@inlined
def place_rows(thresholds, laid, c, first, count, room, into):
    """Fill `into` with the bins of `count` values of characteristic c from row `first` on."""
    kind, address = laid.kind[c], laid.address[c]
    if kind == INTEGERS:
        _place_integers(values_at(address + 8 * first, count, np.int64), thresholds, c, count, room, into)
    elif kind == FLOATS:
        _place_floats(values_at(address + 8 * first, count, np.float64), thresholds, c, count, room, into)
    elif kind == SHORT_INTEGERS:
        _place_integers(values_at(address + 4 * first, count, np.int32), thresholds, c, count, room, into)
    elif kind == SHORT_FLOATS:
        _place_floats(values_at(address + 4 * first, count, np.float32), thresholds, c, count, room, into)
    else:
        found = values_at(address + 2 * first, count, np.uint16)
        for row in range(count):
            into[row] = found[row]
    if laid.known[c] != 0:
        _place_missing(laid.known[c], laid.first[c] + first, thresholds.missing[c], count, into)


@inlined
def place_encoded(thresholds, c, null, values, count, room, into):
    """Fill `into` with the bins of `count` encoded values."""
    missing = thresholds.missing[c]
    _count_reached(values, thresholds.encoded, thresholds.four_at[c], thresholds.four_at[c + 1], count, room)
    for row in range(count):
        into[row] = missing if values[row] == null else min(room[row], missing - 1)


def batches(columns: Sequence[pa.ChunkedArray]) -> list[list[pa.Array]]:
    """Rows of some columns, cut where any of them is: nothing is copied."""
    table = pa.table(list(columns), [str(at) for at in range(len(columns))])
    return [batch.columns for batch in table.to_batches()]
