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
from models.scorecard import REASONS_MAX, CardTables, Scorecard, bin_of, flatten
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
    """n rows' scores. `reasons` (n, 4) are indexes into the card's `reasons`, NONE where there is none, and `gaps` (n, 4) what each
    cost; `subtotals` (n, dimensions); `unknown` (characteristics,) counts rows."""

    totals: NDArray[np.int64]
    reasons: NDArray[np.int64]
    gaps: NDArray[np.int64]
    subtotals: NDArray[np.int64]
    unknown: NDArray[np.int64]


class _Groups(NamedTuple):
    """For each characteristic the index of its reason code and of its dimension."""

    reason: NDArray[np.int64]
    dimension: NDArray[np.int64]


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
    """How the values of one feature become integers: scaled numbers, or codes of its categories and one more for all others."""

    def __init__(self, card: Scorecard, feature: str) -> None:
        uses = [item for item in card.characteristics if item.feature == feature]
        named = [category for item in uses for group in item.categories or () for category in group]
        self.feature = feature
        self.scale = uses[0].scale
        self.codes = None if uses[0].categories is None else {name: at for at, name in enumerate(dict.fromkeys(named))}

    def encode(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        """A whole column."""
        column = plain(column)
        kind = column.type
        if pa.types.is_null(kind):
            return np.full(len(column), NULL)
        if self.codes is not None:
            return self._encode_texts(column, self.codes)
        if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
            return self._encode_integers(column)
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            return self._encode_floats(column)
        raise ValueError(f"{self.feature}: the card wants numbers, the column holds {kind}")

    def _encode_texts(self, column: pa.ChunkedArray, codes: Mapping[str, int]) -> NDArray[np.int64]:
        if not pa.types.is_string(column.type):
            raise ValueError(f"{self.feature}: the card wants text, the column holds {column.type}")
        array = column.combine_chunks().dictionary_encode()
        looked_up = [codes.get(text, len(codes)) for text in array.dictionary.to_pylist()]
        indices = array.indices.fill_null(len(looked_up)).to_numpy(zero_copy_only=False)
        found: NDArray[np.int64] = np.array([*looked_up, NULL], np.int64)[indices]
        return found

    def _encode_integers(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        bound = VALUE_MAX // self.scale
        values = column.cast(pa.int64()).fill_null(0).to_numpy()
        scaled: NDArray[np.int64] = np.clip(values, -bound, bound) * self.scale
        scaled[column.is_null().to_numpy()] = NULL
        return scaled

    def _encode_floats(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        values = column.cast(pa.float64()).fill_null(np.nan).to_numpy()
        with np.errstate(over="ignore"):
            scaled = np.rint(np.clip(values * float(self.scale), -_FAR, _FAR))
        unknown = np.isnan(scaled)
        encoded: NDArray[np.int64] = np.where(unknown, 0.0, scaled).astype(np.int64)
        encoded[unknown] = NULL
        return encoded


class Evaluator:
    """A card laid out for scoring; make one per card and keep it. It has room for one row of its own, so threads need one each."""

    def __init__(self, card: Scorecard) -> None:
        self.card = card
        self.features = tuple(dict.fromkeys(item.feature for item in card.characteristics))
        self.columns = {name: place for place, name in enumerate(self.features)}
        self._inputs = [_Input(card, name) for name in self.features]
        self._kinds = [(item.feature, item.scale, item.codes) for item in self._inputs]
        codes = {item.feature: item.codes for item in self._inputs if item.codes is not None}
        self._tables: CardTables = flatten(card, self.columns, codes)
        reasons, dimensions = card.reasons, card.dimensions
        self._groups = _Groups(
            reason=np.array([reasons.index(item.reason) for item in card.characteristics], np.int64),
            dimension=np.array(
                [dimensions.index(item.dimension) if item.dimension else NONE for item in card.characteristics],
                np.int64,
            ),
        )
        self._refusing = [at for at, item in enumerate(card.characteristics) if item.unknown == "error"]
        self._named_at = [item.feature for item in card.characteristics]
        self._scratch = np.zeros(len(reasons), np.int64)
        self._row = np.zeros((1, len(self.features)), np.int64)
        self._one = self._room(1)
        self._dimensions = dimensions
        self._reasons = reasons
        self._best = card.best

    def encode(self, table: pa.Table) -> NDArray[np.int64]:
        """The columns of the card's features as integers, (n, features). Raises ValueError for a column that is not there or is not
        of the card's kind, UnknownCategory where the card says so."""
        for name in self.features:
            if name not in table.column_names:
                raise ValueError(f"there is no column {name!r}")
        encoded = np.empty((table.num_rows, len(self.features)), np.int64)
        for place, item in enumerate(self._inputs):
            encoded[:, place] = item.encode(table.column(item.feature))
        return encoded

    def encode_record(self, record: Mapping[str, Any]) -> NDArray[np.int64]:
        """One record as `encode` makes a table's rows, (1, features). Raises ValueError as `score` does."""
        return np.array([self._encode_record(record)], np.int64)

    def evaluate(self, columns: NDArray[np.int64]) -> Scores:
        """Score encoded rows. Raises UnknownCategory where the card says so."""
        scores = self._room(len(columns))
        self._run(columns, scores)
        return scores

    def score(self, record: Mapping[str, Any]) -> Score:
        """Score one record: numbers, texts, and None for what is not known. Raises ValueError for a feature that is not there
        or is not of the card's kind, UnknownCategory where the card says so."""
        self._row[0] = self._encode_record(record)
        scores = self._one
        scores.unknown.fill(0)
        self._run(self._row, scores)
        total = int(scores.totals[0])
        codes, gaps = self._reasons, scores.gaps[0].tolist()
        reasons = zip(scores.reasons[0].tolist(), gaps, strict=True)
        unseen = scores.unknown.tolist()
        return Score(
            score=total,
            shortfall=self._best - total,
            reasons=tuple([Reason(code=codes[at], gap=gap) for at, gap in reasons if gap]),
            rest=self._best - total - sum(gaps),
            subtotals=dict(zip(self._dimensions, scores.subtotals[0].tolist(), strict=True)),
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

    def _room(self, rows: int) -> Scores:
        return Scores(
            totals=np.empty(rows, np.int64),
            reasons=np.empty((rows, REASONS_MAX), np.int64),
            gaps=np.empty((rows, REASONS_MAX), np.int64),
            subtotals=np.empty((rows, len(self.card.dimensions)), np.int64),
            unknown=np.zeros(len(self.card.characteristics), np.int64),
        )

    def _run(self, columns: NDArray[np.int64], scores: Scores) -> None:
        evaluate_rows(self._tables, self._groups, NULL, columns, self._scratch, scores)
        if self._refusing and scores.unknown[self._refusing].any():
            counts = scores.unknown.tolist()
            raise UnknownCategory({self._named_at[c]: counts[c] for c in self._refusing if counts[c]})

    def _named(self, counts: list[int]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name, count in zip(self._named_at, counts, strict=True) if count))


@inlined
def _name_reasons(gaps, row, scores):
    """The largest gaps that are not zero. The four largest are kept in order without a branch: a gap and its reason are one number, so
    that of equal gaps the first reason's is larger."""
    first = second = third = fourth = 0
    for reason in range(len(gaps)):
        rising = (gaps[reason] << _REASON_BITS) + _LAST_REASON - reason
        first, rising = max(first, rising), min(first, rising)
        second, rising = max(second, rising), min(second, rising)
        third, rising = max(third, rising), min(third, rising)
        fourth = max(fourth, rising)
    for place, key in enumerate((first, second, third, fourth)):
        gap = key >> _REASON_BITS
        scores.gaps[row, place] = gap
        scores.reasons[row, place] = _LAST_REASON - (key & _LAST_REASON) if gap > 0 else NONE


@kernel
def evaluate_rows(card, groups, null, columns, scratch, scores):
    """Score rows of `columns` (n, features) into `scores`. `scratch` has an entry for each reason code."""
    characteristics = len(card.column)
    for row in range(columns.shape[0]):
        total = card.base
        for reason in range(len(scratch)):
            scratch[reason] = 0
        for dimension in range(scores.subtotals.shape[1]):
            scores.subtotals[row, dimension] = 0
        for c in range(characteristics):
            value = columns[row, card.column[c]]
            if value == null:
                points = card.missing[c]
            else:
                place = bin_of(card, c, value)
                points = card.points[place]
                scores.unknown[c] += card.unknown[place]
            total += points
            scratch[groups.reason[c]] += card.best[c] - points
            if groups.dimension[c] >= 0:
                scores.subtotals[row, groups.dimension[c]] += points
        scores.totals[row] = total
        _name_reasons(scratch, row, scores)
