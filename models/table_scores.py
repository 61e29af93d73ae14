"""Score a table's rows as they come from a file.

Each batch is scored on its own, and the same whatever the batches are.

Text where the card wants a number is read as in training; the first batch with a comma decides what commas mean, and a later one
that contradicts it is an error.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.evaluation import Evaluator
from models.scorecard import REASONS_MAX, Scorecard
from models.tidying import as_numbers, commas_are_decimal, plain
from models.wording import counted

LOST_SHOWN: Final = 3


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What was scored. `bands`: rows by band; `unknown`: by feature, rows with a category that the card does not name; `notes`: what was
    taken as missing, a line each."""

    card: str
    version: int
    rows: int
    mean: float
    lowest: int
    highest: int
    bands: dict[str, int]
    unknown: dict[str, int]
    notes: tuple[str, ...]


class TableScorer:
    """A card that scores batch after batch and adds up what it met. `nulls`: texts that stand for a missing value in this file."""

    def __init__(self, card: Scorecard, nulls: Sequence[str] = ()) -> None:
        self.card = card
        self._nulls = pa.array(nulls, pa.string())
        self._evaluator = Evaluator(card)
        self.features = self._evaluator.features
        self.texts = frozenset(item.feature for item in card.characteristics if item.categories is not None)
        self._commas: dict[str, bool] = {}
        self._lost: dict[str, Counter[str]] = {}
        self._unknown: Counter[str] = Counter()
        self._bands: Counter[str] = Counter()
        self._rows = self._total = 0
        self._limits: tuple[int, int] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns that scoring adds."""
        reasons = [f"{what}_{at}" for at in range(1, REASONS_MAX + 1) for what in ("reason", "gap")]
        subtotals = [f"subtotal_{dimension}" for dimension in self.card.dimensions]
        return ("score", *(["band"] if self.card.bands else []), *subtotals, *reasons)

    def score(self, batch: pa.Table) -> pa.Table:
        """The added columns of a batch. Raises ValueError for a feature that is not there or not of the card's kind, and UnknownCategory
        where the card says so."""
        wanted = batch.select([name for name in self.features if name in batch.column_names])
        for at, name in enumerate(wanted.column_names):
            wanted = wanted.set_column(at, name, self._feature(name, wanted.column(at)))
        scores = self._evaluator.evaluate_table(wanted)
        self._count(scores.totals, scores.unknown)
        added: dict[str, Any] = {"score": scores.totals.astype(np.int64)}
        if self.card.bands:
            lows = np.array([band.low for band in self.card.bands[1:]], np.int64)
            place = np.searchsorted(lows, scores.totals, side="right")
            names = [band.name for band in self.card.bands]
            added["band"] = pa.array(names).take(pa.array(place))
            self._bands.update({name: int((place == at).sum()) for at, name in enumerate(names)})
        for at, dimension in enumerate(self.card.dimensions):
            added[f"subtotal_{dimension}"] = scores.subtotals[at].astype(np.int64)
        codes = pa.array(self.card.reasons, pa.string())
        for at in range(REASONS_MAX):
            none = scores.gaps[at] <= 0
            added[f"reason_{at + 1}"] = codes.take(pa.array(scores.reasons[at], mask=none))
            added[f"gap_{at + 1}"] = pa.array(scores.gaps[at].astype(np.int64), mask=none)
        return pa.table(added).select(self.names)

    def summary(self) -> Summary:
        """Of all batches so far."""
        lowest, highest = self._limits or (0, 0)
        notes = []
        for name, texts in self._lost.items():
            shown = ", ".join(repr(text) for text in list(texts)[:LOST_SHOWN])
            notes.append(
                f"{name}: {counted(texts.total(), 'row holds', 'rows hold')} {shown} where the card wants a number: taken as missing"
            )
        notes += [
            f"{name}: {counted(rows, 'row holds', 'rows hold')} a category that the card does not name"
            for name, rows in self._unknown.items()
        ]
        return Summary(
            card=self.card.name,
            version=self.card.version,
            rows=self._rows,
            mean=self._total / self._rows if self._rows else 0.0,
            lowest=lowest,
            highest=highest,
            bands=dict(self._bands),
            unknown=dict(self._unknown),
            notes=tuple(notes),
        )

    def _feature(self, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """In the card's kind, where text can be read as that."""
        column = plain(column)
        if not pa.types.is_string(column.type):
            return column
        if len(self._nulls):
            column = pc.if_else(pc.is_in(column, value_set=self._nulls), pa.scalar(None, pa.string()), column)
        if name in self.texts:
            return column
        column = _truths_as_numbers(column)
        decimal = self._commas.get(name)
        seen = commas_are_decimal(pc.unique(column).drop_null().to_pylist())
        if decimal is False and seen:
            raise ValueError(f"{name}: commas group thousands in the rows before, and are decimal in these")
        if decimal is None and seen is not None:
            self._commas[name] = seen
        found = as_numbers(column, self._commas.get(name))
        if found.rows:
            lost = self._lost.setdefault(name, Counter())
            lost[found.lost[0]] += found.rows - len(found.lost) + 1
            lost.update(found.lost[1:])
        return found.column

    def _count(self, totals: NDArray[np.int32], unknown: NDArray[np.int64]) -> None:
        for item, rows in zip(self.card.characteristics, unknown.tolist(), strict=True):
            if rows:
                self._unknown[item.feature] += rows
        if not len(totals):
            return
        low, high = int(totals.min()), int(totals.max())
        self._limits = (min(low, self._limits[0]), max(high, self._limits[1])) if self._limits else (low, high)
        self._rows += len(totals)
        self._total += int(totals.sum(dtype=np.int64))


def _truths_as_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """True and false are 1 and 0 in training."""
    texts = column.combine_chunks().dictionary_encode()
    named = [{"true": "1", "false": "0"}.get(text.lower(), text) for text in texts.dictionary.to_pylist()]
    return pa.chunked_array(
        [pa.DictionaryArray.from_arrays(texts.indices, pa.array(named, pa.string())).cast(pa.string())]
    )


def added_to(batch: pa.Table, scorer: TableScorer, keep: Sequence[str], name: object) -> pa.Table:
    """The batch's columns, or those to keep, and the scores. Raises ValueError for columns that are not there or would be there twice."""
    for column in (*keep, *scorer.features):
        if column not in batch.column_names:
            raise ValueError(f"{name}: there is no column {column!r}; there are {', '.join(batch.column_names)}")
    kept = list(dict.fromkeys(keep)) or batch.column_names
    twins = sorted(set(kept) & set(scorer.names))
    if twins:
        raise ValueError(
            f"{name}: it has a column {twins[0]!r} already, which scoring adds; say with --keep what to keep"
        )
    scored = scorer.score(batch)
    return pa.table(
        {**{column: batch.column(column) for column in kept}, **{each: scored.column(each) for each in scorer.names}}
    )
