"""Find the points of each value of a column as it lies in Arrow's memory, without copying numbers.

A card compares scaled and rounded numbers with integers. Scaling and rounding never change the order of two numbers, so for each edge
there is a lowest value, of the column's own kind, that reaches it: these thresholds are found once a card, and columns are compared
with them. The bins are the same to the bit as those of scaled and rounded values. No bin is written down: a value has the points of the
first bin and, for each threshold that it reaches, the step to the next.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.arrow_numbers import nearest_floats
from models.jit import inlined
from models.memory import values_at

FAR: Final = 2.0**62
"""No edge lies there."""
ROWS_AT_A_TIME: Final = 2048
"""Sums by reason of so many rows stay in a core's second cache, and each column is read over four pages at a stretch, which the machine
sees coming."""

INTEGERS, SHORT_INTEGERS, FLOATS, SHORT_FLOATS, LOOKED_UP = range(5)
"""How a column lies in memory: 64 or 32 bits of a number, or points that were looked up."""
READ_AS_THEY_ARE: Final = {
    pa.int64(): INTEGERS,
    pa.int32(): SHORT_INTEGERS,
    pa.float64(): FLOATS,
    pa.float32(): SHORT_FLOATS,
}
_NARROW: Final = frozenset({pa.bool_(), pa.int8(), pa.int16(), pa.uint8(), pa.uint16()})
_BYTES: Final = (8, 4, 8, 4, 4)
_WORD: Final = 32
"""Bits that say what is known, looked at together."""
_ALL: Final = (1 << _WORD) - 1

_LARGEST: Final = pa.scalar(2**63 - 1, pa.uint64())
"""What an unsigned number beyond it is taken for: no edge lies there, so its bin is the same."""

Points = NDArray[np.int32]


class Thresholds(NamedTuple):
    """Of a card, by characteristic c: its edges as they are for what is `encoded`, and those that they are for integers and for floats, in
    fours from `four_at` [c] on, with the `steps` in points that each brings; the points of the `first` bin and of what is `missing`.
    `unknown_steps`, `unknown_first`: likewise 1 where points are for what the card does not name, in place of points."""

    four_at: NDArray[np.int64]
    encoded: NDArray[np.int64]
    integers: NDArray[np.int64]
    floats: NDArray[np.float64]
    steps: NDArray[np.int32]
    first: NDArray[np.int32]
    missing: NDArray[np.int32]
    unknown_steps: NDArray[np.int32]
    unknown_first: NDArray[np.int32]


class Laid(NamedTuple):
    """Columns by characteristic: what `kind` of values lies at which `address`, and where bits say which are `known`, from the bit `first`
    on; 0 where all are."""

    kind: NDArray[np.int64]
    address: NDArray[np.int64]
    known: NDArray[np.int64]
    first: NDArray[np.int64]


class LaidOut(NamedTuple):
    """`laid`: where columns are. `kept`: what must be kept while they are read. `unknown` (characteristics,): rows of texts that the card
    does not name."""

    laid: Laid
    kept: list[Any]
    unknown: NDArray[np.int64]


class Placer:
    """One feature in one characteristic. `edges` in scaled units. `points`: of each bin, then of what is missing; `unknown`: 1 for bins of
    what the card does not name. `codes`: of texts, the bin of each; all others are in the bin `other`."""

    def __init__(
        self,
        edges: Sequence[int],
        scale: int,
        points: Sequence[int],
        unknown: Sequence[int] = (),
        codes: dict[str, int] | None = None,
        other: int = 0,
    ) -> None:
        bins = len(edges) + 1
        self.unknown = [*(unknown or [0] * bins), 0]
        self.points = list(points)
        self.floats = _in_fours([lowest_float(edge, scale) for edge in edges], np.inf, np.float64)
        self.encoded = _in_fours(list(edges), np.iinfo(np.int64).max, np.int64)
        self.integers = _in_fours([-(-edge // scale) for edge in edges], np.iinfo(np.int64).max, np.int64)
        self.codes, self._missing, self._other = codes, bins, other
        self._names = pa.array([*(codes or ()), None], pa.string())

    def look_up(self, column: pa.Array, codes: dict[str, int]) -> tuple[Points, int]:
        """The points (n,) of a column (n,) of texts or of a dictionary of them, and how many rows hold what the card does not name."""
        if pa.types.is_dictionary(column.type):
            named = column.dictionary.cast(pa.large_binary()).to_pylist()  # what is not UTF-8 is no category of a card
            bins = [
                self._missing if text is None else codes.get(text.decode(errors="surrogateescape"), self._other)
                for text in named
            ]
            found, beyond = column.indices, self._missing
        else:
            bins = [*codes.values(), self._missing]
            found, beyond = pc.index_in(column, value_set=self._names), self._other
        if found.null_count:
            found = found.cast(pa.int32()).fill_null(len(bins))
        bins.append(beyond)
        places = found.to_numpy()
        points: Points = np.take(np.array(self.points, np.int32)[bins], places, mode="clip")
        if not any(self.unknown):
            return points, 0
        return points, int(np.take(np.array(self.unknown)[bins], places, mode="clip").sum())


def thresholds_of(placers: Sequence[Placer]) -> Thresholds:
    """Of all characteristics, as the kernel wants them."""
    fours = [len(placer.integers) for placer in placers]
    return Thresholds(
        four_at=np.concatenate(([0], np.cumsum(fours))).astype(np.int64),
        encoded=np.concatenate([np.empty((0, 4), np.int64), *(placer.encoded for placer in placers)]),
        integers=np.concatenate([np.empty((0, 4), np.int64), *(placer.integers for placer in placers)]),
        floats=np.concatenate([np.empty((0, 4), np.float64), *(placer.floats for placer in placers)]),
        steps=_steps([placer.points for placer in placers]),
        first=np.array([placer.points[0] for placer in placers], np.int32),
        missing=np.array([placer.points[-1] for placer in placers], np.int32),
        unknown_steps=_steps([placer.unknown for placer in placers]),
        unknown_first=np.array([placer.unknown[0] for placer in placers], np.int32),
    )


def laid_out(placers: Sequence[Placer], columns: Sequence[pa.Array]) -> LaidOut:
    """The columns of all characteristics. Raises ValueError for one that is shorter than it says."""
    laid, unknown = np.zeros((4, len(placers)), np.int64), np.zeros(len(placers), np.int64)
    kept: list[Any] = []
    for at, (placer, column) in enumerate(zip(placers, columns, strict=True)):
        if placer.codes is not None:
            points, unknown[at] = placer.look_up(column, placer.codes)
            kept.append(points)
            laid[:, at] = LOOKED_UP, points.ctypes.data, 0, 0
        else:
            column = _as_numbers(column)
            kept.append(column)
            laid[:, at] = _where(column)
    return LaidOut(Laid(*laid), kept, unknown)


def _as_numbers(column: pa.Array) -> pa.Array:
    """The column itself, if its values are of a kind that the kernel reads."""
    kind = column.type
    if kind in READ_AS_THEY_ARE:
        return column
    if kind in _NARROW:
        return column.cast(pa.int32())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return nearest_floats(column)
    if pa.types.is_uint64(kind):
        column = pc.min_element_wise(column, _LARGEST, skip_nulls=False)
    return column.cast(pa.int64())


def _where(column: pa.Array) -> tuple[int, int, int, int]:
    """Kind, address, known and first of a column of numbers. Raises ValueError for one that is shorter than it says: it may have come from
    anybody."""
    kind, first = READ_AS_THEY_ARE[column.type], column.offset
    end = first + len(column)
    known, values = column.buffers()
    if not len(column):
        return kind, 0, 0, 0
    if values is None or values.size < end * _BYTES[kind] or (known is not None and 8 * known.size < end):
        raise ValueError(f"a column says that it has {end} values, and has fewer")
    there = known.address if known is not None and column.null_count else 0
    return kind, values.address + first * _BYTES[kind], there, first


def _steps(bins: Sequence[Sequence[int]]) -> Any:
    """From each bin to the next; what stands last, for missing values, is no bin. What fills up fours brings nothing."""
    return np.concatenate(
        [np.empty((0, 4), np.int32), *(_in_fours(np.diff(each[:-1]).tolist(), 0, np.int32) for each in bins)]
    )


def _in_fours(thresholds: list[Any], beyond: float, kind: type) -> Any:
    """As many as the kernels compare at once, filled up."""
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
def _add_steps(part, thresholds, steps, start, end, first, into):
    """Fill `into` with `first` and the steps of those thresholds of the fours from `start` to `end` that each value has reached."""
    count, none = len(part), steps.dtype.type(0)
    for row in range(count):
        into[row] = first
    for four in range(start, end):
        a, b, c, d = thresholds[four, 0], thresholds[four, 1], thresholds[four, 2], thresholds[four, 3]
        to_a, to_b, to_c, to_d = steps[four, 0], steps[four, 1], steps[four, 2], steps[four, 3]
        for row in range(count):
            value = part[row]
            points = into[row] + (to_a if value >= a else none)
            points += to_b if value >= b else none
            points += to_c if value >= c else none
            into[row] = points + (to_d if value >= d else none)


@inlined
def _points_of_integers(part, thresholds, c, into):
    start, end = thresholds.four_at[c], thresholds.four_at[c + 1]
    _add_steps(part, thresholds.integers, thresholds.steps, start, end, thresholds.first[c], into)


@inlined
def _points_of_floats(part, thresholds, c, into):
    start, end = thresholds.four_at[c], thresholds.four_at[c + 1]
    _add_steps(part, thresholds.floats, thresholds.steps, start, end, thresholds.first[c], into)
    missing = thresholds.missing[c]
    for row in range(len(part)):
        into[row] = missing if part[row] != part[row] else into[row]


@inlined
def _known_word(bits, at, shift):
    """What is known of 32 values, from the bit `shift` of the byte `at` on."""
    word = np.uint64(bits[at]) | np.uint64(bits[at + 1]) << np.uint64(8)
    word |= np.uint64(bits[at + 2]) << np.uint64(16) | np.uint64(bits[at + 3]) << np.uint64(24)
    if shift != 0:
        word |= np.uint64(bits[at + 4]) << np.uint64(32)
    return np.uint32(word >> shift & np.uint64(_ALL))


@inlined
def _place_missing(address, first, missing, count, into):
    """Points of what is missing, where the bits from `first` on say that a value is not known: without a branch, as it may be any. A word
    of 32 bits is compared with one constant a bit: one step of the machine for as many values as a vector of it holds."""
    one, shift = np.uint32(1), np.uint64(first & 7)
    bits = values_at(address + (first >> 3), ((first & 7) + count + 7) >> 3, np.uint8)
    whole = count // _WORD
    for at in range(whole):
        word, start = _known_word(bits, at * (_WORD // 8), shift), at * _WORD
        for bit in range(_WORD):
            into[start + bit] = into[start + bit] if word & (one << np.uint32(bit)) else missing
    for row in range(whole * _WORD, count):
        place = (first & 7) + row
        if not bits[place >> 3] >> (place & 7) & 1:
            into[row] = missing


@inlined
def points_of_rows(thresholds, laid, c, first, count, into):
    """Fill `into` with the points of `count` values of characteristic c from row `first` on."""
    kind, address = laid.kind[c], laid.address[c]
    if kind == INTEGERS:
        _points_of_integers(values_at(address + 8 * first, count, np.int64), thresholds, c, into)
    elif kind == FLOATS:
        _points_of_floats(values_at(address + 8 * first, count, np.float64), thresholds, c, into)
    elif kind == SHORT_INTEGERS:
        _points_of_integers(values_at(address + 4 * first, count, np.int32), thresholds, c, into)
    elif kind == SHORT_FLOATS:
        _points_of_floats(values_at(address + 4 * first, count, np.float32), thresholds, c, into)
    else:
        found = values_at(address + 4 * first, count, np.int32)
        for row in range(count):
            into[row] = found[row]
    if laid.known[c] != 0:
        _place_missing(laid.known[c], laid.first[c] + first, thresholds.missing[c], count, into)


@inlined
def points_of_encoded(thresholds, c, null, part, into):
    """Fill `into` with the points of encoded values."""
    start, end = thresholds.four_at[c], thresholds.four_at[c + 1]
    _add_steps(part, thresholds.encoded, thresholds.steps, start, end, thresholds.first[c], into)
    missing = thresholds.missing[c]
    for row in range(len(part)):
        into[row] = missing if part[row] == null else into[row]


@inlined
def count_unknown(thresholds, c, null, part, into):
    """How many of encoded values the card does not name. Works in `into`."""
    start, end = thresholds.four_at[c], thresholds.four_at[c + 1]
    _add_steps(part, thresholds.encoded, thresholds.unknown_steps, start, end, thresholds.unknown_first[c], into)
    seen = 0
    for row in range(len(part)):
        seen += 0 if part[row] == null else into[row]
    return seen


def batches(columns: Sequence[pa.ChunkedArray]) -> list[list[pa.Array]]:
    """Rows of some columns, cut where any of them is: nothing is copied."""
    table = pa.table(list(columns), [str(at) for at in range(len(columns))])
    return [batch.columns for batch in table.to_batches()]
