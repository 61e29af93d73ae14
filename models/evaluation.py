"""Evaluate a scorecard: one row or millions, to the same bits.

Integers only, characteristics in the order of the card.

What is missing gets the points for missing; a category the card does not name is counted and gets the points for unknown, or is an
error - never the points for missing. Shortfalls are summed by reason code; the largest, at most four and equal ones in
the order of the card, are given. Their gaps and `rest` add up to the best score minus the score. Subtotals by dimension and
the card's base add up to the score.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.jit import inlined, kernel
from models.placing import (
    READ_AS_THEY_ARE,
    ROWS_AT_A_TIME,
    Placer,
    Points,
    batches,
    count_unknown,
    laid_out,
    points_of_encoded,
    points_of_rows,
    thresholds_of,
)
from models.scorecard import REASONS_MAX, CardTables, Scorecard, flatten
from models.tidying import plain

NULL: Final = -(2**63)
"""Marks what is not known."""
VALUE_MAX: Final = 2**62
"""Numbers beyond it are cut off: no edge lies there."""
_FAR: Final = float(VALUE_MAX)
"""Python compares floats with large integers slowly."""
NONE: Final = -1
"""No reason."""

_REASON_BITS: Final = 8
"""A gap and its reason are one number while the largest are sought; there are at most 256 characteristics."""
_LAST_REASON: Final = (1 << _REASON_BITS) - 1
GAP_32_BITS: Final = 1 << (31 - _REASON_BITS)
"""Gaps below fit in 32 bits beside their reason; those of cards in use do."""


class UnknownCategory(ValueError):
    """Categories that the card does not name, where it makes this an error. `counts`: rows by feature."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        rows = ", ".join(f"{feature} (rows: {count:,})" for feature, count in counts.items())
        super().__init__(f"categories that the card does not know: {rows}")
        self.counts = dict(counts)


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A reason code and the points lost for it."""

    code: str
    gap: int


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One row's score. `rest`: the shortfall that the reasons do not hold. `unknown`: features with a category not in the card."""

    score: int
    shortfall: int
    reasons: tuple[Reason, ...]
    rest: int
    subtotals: dict[str, int]
    unknown: tuple[str, ...]


class Scores(NamedTuple):
    """n rows' scores, as columns: `totals` (n,). `reasons` (4, n) are indexes into the card's `reasons`, NONE where there is none, and
    `gaps` (4, n) what each cost; `subtotals` (dimensions, n); `unknown` (characteristics,) counts rows. Of totals alone the three are
    (0, n)."""

    totals: NDArray[np.int32]
    reasons: NDArray[np.int16]
    gaps: NDArray[np.int32]
    subtotals: NDArray[np.int32]
    unknown: NDArray[np.int64]


class _Layout(NamedTuple):
    """A card for the kernels, by characteristic: the `column` that it reads, its `best` points, the places of its reason code and of its
    dimension, and whether it can have values that the card does not name."""

    column: NDArray[np.int64]
    unknown_any: NDArray[np.bool_]
    best: NDArray[np.int32]
    reason: NDArray[np.int64]
    dimension: NDArray[np.int64]
    base: int


class _Room(NamedTuple):
    """What the kernels work in, for ROWS_AT_A_TIME rows: the values of one characteristic and their points, sums by reason and dimension,
    and the four largest gaps. 32 bits hold every sum of points, and a gap with its reason if it is below GAP_32_BITS: twice as many fit in
    a vector of the machine."""

    values: NDArray[np.int64]
    points: Points
    totals: NDArray[np.int32]
    gaps: NDArray[np.int32]
    subtotals: NDArray[np.int32]
    largest: NDArray[np.int32] | NDArray[np.int64]


def _unusual(feature: str, value: Any, scale: int, codes: Mapping[str, int] | None) -> int:
    """A value of a record that is neither a plain number nor text, or not where it belongs."""
    if value is None:
        return NULL
    if codes is not None:
        if isinstance(value, str):
            return codes.get(value, len(codes))
        raise ValueError(f"{feature}: the card wants text, not {value!r}")
    if not isinstance(value, (float, int)):
        raise ValueError(f"{feature}: the card wants a number, not {value!r}")
    scaled = value * scale
    if scaled != scaled:
        return NULL
    return round(max(-VALUE_MAX, min(VALUE_MAX, scaled)))


class _Input:
    """One feature of a card: the scale of its numbers, or the codes of its categories."""

    def __init__(self, card: Scorecard, feature: str) -> None:
        uses = [item for item in card.characteristics if item.feature == feature]
        named = [category for item in uses for group in item.categories or () for category in group]
        self.feature = feature
        self.scale = uses[0].scale
        self.codes = None if uses[0].categories is None else {name: at for at, name in enumerate(dict.fromkeys(named))}


class Evaluator:
    """A card laid out for scoring; make one per card and keep it. It has room for one row of its own, so threads need one each.
    `totals_alone`: without reasons and subtotals, which are half of the work."""

    def __init__(self, card: Scorecard, *, totals_alone: bool = False) -> None:
        self.card = card
        self._totals_alone = totals_alone
        self.features = tuple(dict.fromkeys(item.feature for item in card.characteristics))
        self.columns = {name: place for place, name in enumerate(self.features)}
        self._inputs = [_Input(card, name) for name in self.features]
        self._kinds = [(item.feature, item.scale, item.codes) for item in self._inputs]
        codes = {item.feature: item.codes for item in self._inputs if item.codes is not None}
        tables = flatten(card, self.columns, codes)
        self._layout = _laid_out(card, tables)
        self._column_of = self._layout.column.tolist()
        self._placers = [self._placer(tables, at) for at in range(len(card.characteristics))]
        self._thresholds = thresholds_of(self._placers)
        self._refusing = [at for at, item in enumerate(card.characteristics) if item.unknown == "error"]
        self._named_at = [item.feature for item in card.characteristics]
        self._room = _room(card, totals_alone)
        self._row = np.zeros((1, len(self.features)), np.int64)
        self._dimensions = card.dimensions
        self._one = self._blank(1)
        self._reasons = card.reasons
        self._best = card.best

    def encode_record(self, record: Mapping[str, Any]) -> NDArray[np.int64]:
        """One record's values as integers, scaled numbers or codes of categories, (1, features). Raises ValueError as `score` does."""
        return np.array([self._encode_record(record)], np.int64)

    def evaluate(self, columns: NDArray[np.int64]) -> Scores:
        """Score encoded rows. Raises UnknownCategory where the card says so."""
        scores = self._blank(len(columns))
        self._run(columns, scores)
        return scores

    def evaluate_table(self, table: pa.Table) -> Scores:
        """Score a table's rows. Raises ValueError for a column that is not there or is not of the card's kind, UnknownCategory where the
        card says so."""
        schema = table.schema
        columns = [_of_kind(item, _column(table, schema, item.feature)) for item in self._inputs]
        if not columns:
            return self.evaluate(np.zeros((table.num_rows, 0), np.int64))
        scores = self._blank(table.num_rows)
        start = 0
        for parts in batches(columns):
            found = laid_out(self._placers, [parts[column] for column in self._column_of])
            rows = len(parts[0])
            add_up_columns(self._layout, self._thresholds, found.laid, rows, start, self._room, scores)
            scores.unknown[:] += found.unknown
            start += rows
        self._refuse_unknown(scores)
        return scores

    def score(self, record: Mapping[str, Any]) -> Score:
        """Score one record: numbers, texts, and None for what is not known. Raises ValueError for a feature that is not there
        or is not of the card's kind, UnknownCategory where the card says so."""
        self._row[0] = self._encode_record(record)
        scores = self._one
        scores.unknown.fill(0)
        self._run(self._row, scores)
        total = int(scores.totals[0])
        codes, gaps = self._reasons, scores.gaps[:, 0].tolist()
        reasons = zip(scores.reasons[:, 0].tolist(), gaps, strict=True)
        unseen = scores.unknown.tolist()
        return Score(
            score=total,
            shortfall=self._best - total,
            reasons=tuple([Reason(code=codes[at], gap=gap) for at, gap in reasons if gap]),
            rest=self._best - total - sum(gaps),
            subtotals=dict(zip(self._dimensions, scores.subtotals[:, 0].tolist(), strict=True)),
            unknown=self._named(unseen) if any(unseen) else (),
        )

    def _encode_record(self, record: Mapping[str, Any]) -> list[int]:
        """In one loop without calls for what is usual: it is most of the time that a record takes."""
        encoded = []
        try:
            for feature, scale, codes in self._kinds:
                value = record[feature]
                kind = type(value)
                if codes is not None and kind is str:
                    encoded.append(codes.get(value, len(codes)))
                elif codes is None and (kind is float or kind is int) and -_FAR <= (scaled := value * scale) <= _FAR:
                    encoded.append(round(scaled))
                else:
                    encoded.append(_unusual(feature, value, scale, codes))
        except KeyError as error:
            raise ValueError(f"no value for {error}: give null when it is not known") from None
        return encoded

    def _placer(self, tables: CardTables, at: int) -> Placer:
        """Finds the points of a characteristic in a column."""
        start, end = tables.edge_at[at], tables.edge_at[at + 1]
        edges = tables.edges[start:end]
        bins = slice(start + at, end + at + 1)
        points = [*tables.points[bins].tolist(), int(tables.missing[at])]
        item = self._inputs[tables.column[at]]
        if item.codes is None:
            return Placer(edges.tolist(), item.scale, points)
        of_codes = np.searchsorted(edges, np.arange(len(item.codes) + 1), side="right").tolist()
        codes = dict(zip(item.codes, of_codes, strict=False))
        return Placer(edges.tolist(), 1, points, tables.unknown[bins].tolist(), codes, of_codes[-1])

    def _blank(self, rows: int) -> Scores:
        reasons, dimensions = (0, 0) if self._totals_alone else (REASONS_MAX, len(self._dimensions))
        return Scores(
            totals=np.empty(rows, np.int32),
            reasons=np.empty((reasons, rows), np.int16),
            gaps=np.empty((reasons, rows), np.int32),
            subtotals=np.empty((dimensions, rows), np.int32),
            unknown=np.zeros(len(self.card.characteristics), np.int64),
        )

    def _run(self, columns: NDArray[np.int64], scores: Scores) -> None:
        if not self.card.characteristics:  # everybody has the base, and kernels check no bounds
            scores.totals.fill(self.card.base)
            scores.reasons.fill(NONE)
            scores.gaps.fill(0)
            return
        add_up_rows(self._layout, self._thresholds, NULL, columns, self._room, scores)
        self._refuse_unknown(scores)

    def _refuse_unknown(self, scores: Scores) -> None:
        if self._refusing and scores.unknown[self._refusing].any():
            counts = scores.unknown.tolist()
            raise UnknownCategory({self._named_at[c]: counts[c] for c in self._refusing if counts[c]})

    def _named(self, counts: list[int]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name, count in zip(self._named_at, counts, strict=True) if count))


def _laid_out(card: Scorecard, tables: CardTables) -> _Layout:
    reasons, dimensions = card.reasons, card.dimensions
    return _Layout(
        column=tables.column,
        unknown_any=np.array([item.unknown is not None for item in card.characteristics], np.bool_),
        best=tables.best.astype(np.int32),
        reason=np.array([reasons.index(item.reason) for item in card.characteristics], np.int64),
        dimension=np.array(
            [dimensions.index(item.dimension) if item.dimension else NONE for item in card.characteristics], np.int64
        ),
        base=tables.base,
    )


def _room(card: Scorecard, totals_alone: bool) -> _Room:
    def blank(count: int) -> NDArray[np.int32]:
        return np.zeros((count, ROWS_AT_A_TIME), np.int32)

    largest = blank(REASONS_MAX)
    return _Room(
        values=np.empty(ROWS_AT_A_TIME, np.int64),
        points=np.empty(ROWS_AT_A_TIME, np.int32),
        totals=np.empty(ROWS_AT_A_TIME, np.int32),
        gaps=blank(0 if totals_alone else len(card.reasons)),
        subtotals=blank(0 if totals_alone else len(card.dimensions)),
        largest=largest if card.best - card.worst < GAP_32_BITS else largest.astype(np.int64),
    )


def _column(table: pa.Table, schema: pa.Schema, name: str) -> pa.ChunkedArray:
    """By its place: a table makes a list of all of its names for whoever asks it for one."""
    place = schema.get_field_index(name)
    if place >= 0:
        return table.column(place)
    if name in table.column_names:
        raise ValueError(f"more than one column is named {name!r}")
    raise ValueError(f"there is no column {name!r}")


def _of_kind(item: _Input, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as the card wants it, or ValueError. What is always missing is so of whatever kind the card wants."""
    kind = column.type
    if item.codes is None and kind in READ_AS_THEY_ARE:
        return column
    if pa.types.is_dictionary(kind) and item.codes is not None and pa.types.is_string(kind.value_type):
        return column
    column = plain(column)
    kind = column.type
    if pa.types.is_null(kind):
        return column.cast(pa.float64() if item.codes is None else pa.string())
    if item.codes is not None and not pa.types.is_string(kind):
        raise ValueError(f"{item.feature}: the card wants text, the column holds {kind}")
    numbers = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    if item.codes is None and not any(is_kind(kind) for is_kind in numbers):
        raise ValueError(f"{item.feature}: the card wants numbers, the column holds {kind}")
    return column


@inlined
def _name_reasons(room, count, first, scores):
    """The largest gaps that are not zero. The four largest are kept in order without a branch: a gap and its reason are one number, so
    that of equal gaps the first reason's is larger."""
    one, two, three, four = room.largest[0], room.largest[1], room.largest[2], room.largest[3]
    kind = room.largest.dtype.type
    shift = kind(_REASON_BITS)
    for row in range(count):
        one[row] = two[row] = three[row] = four[row] = 0
    for reason in range(len(room.gaps)):
        gaps, mark = room.gaps[reason], kind(_LAST_REASON - reason)
        for row in range(count):
            rising = kind((kind(gaps[row]) << shift) + mark)
            a, b, c = one[row], two[row], three[row]
            one[row], rising = max(a, rising), min(a, rising)
            two[row], rising = max(b, rising), min(b, rising)
            three[row], rising = max(c, rising), min(c, rising)
            four[row] = max(four[row], rising)
    for place in range(REASONS_MAX):
        for row in range(count):
            key = room.largest[place, row]
            gap = key >> shift
            scores.gaps[place, first + row] = gap
            scores.reasons[place, first + row] = _LAST_REASON - (key & _LAST_REASON) if gap > 0 else NONE


@inlined
def _begin(layout, count, room):
    """Before the first characteristic of `count` rows."""
    for row in range(count):
        room.totals[row] = layout.base
    for reason in range(len(room.gaps)):
        for row in range(count):
            room.gaps[reason, row] = 0
    for dimension in range(len(room.subtotals)):
        for row in range(count):
            room.subtotals[dimension, row] = 0


@inlined
def _add(layout, c, count, room):
    """Add the points of a characteristic: one after the other for all rows, so that each step is a loop over rows."""
    points, totals = room.points, room.totals
    if len(room.gaps) == 0:
        for row in range(count):
            totals[row] += points[row]
        return
    gaps, best = room.gaps[layout.reason[c]], layout.best[c]
    for row in range(count):
        totals[row] += points[row]
        gaps[row] += best - points[row]
    if layout.dimension[c] >= 0:
        subtotals = room.subtotals[layout.dimension[c]]
        for row in range(count):
            subtotals[row] += points[row]


@inlined
def _end(count, first, room, scores):
    """After the last characteristic: rows from `first` on."""
    for row in range(count):
        scores.totals[first + row] = room.totals[row]
    for dimension in range(len(room.subtotals)):
        for row in range(count):
            scores.subtotals[dimension, first + row] = room.subtotals[dimension, row]
    if len(room.gaps) != 0:
        _name_reasons(room, count, first, scores)


@kernel
def add_up_columns(layout, thresholds, laid, rows, start, room, scores):
    """Score `rows` of columns where they lie into `scores` from row `start` on: what is worked on stays in a core's nearest caches."""
    for first in range(0, rows, ROWS_AT_A_TIME):
        count = min(ROWS_AT_A_TIME, rows - first)
        _begin(layout, count, room)
        for c in range(len(layout.column)):
            points_of_rows(thresholds, laid, c, first, count, room.points)
            _add(layout, c, count, room)
        _end(count, start + first, room, scores)


@kernel
def add_up_rows(layout, thresholds, null, columns, room, scores):
    """Score encoded rows of `columns` (n, features) into `scores`."""
    for first in range(0, len(columns), ROWS_AT_A_TIME):
        count = min(ROWS_AT_A_TIME, len(columns) - first)
        _begin(layout, count, room)
        part = room.values[:count]
        for c in range(len(layout.column)):
            for row in range(count):
                part[row] = columns[first + row, layout.column[c]]
            if layout.unknown_any[c]:
                scores.unknown[c] += count_unknown(thresholds, c, null, part, room.points)
            points_of_encoded(thresholds, c, null, part, room.points)
            _add(layout, c, count, room)
        _end(count, first, room, scores)
