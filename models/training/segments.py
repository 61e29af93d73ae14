"""How a card does in parts of the held-out rows: by segment, and by week with slope and spread.

A part with fewer than `KIND_ROWS_MIN` good or bad rows has no AUC: it would be luck.
"""

from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.arrow_numbers import nearest_floats
from models.statistics import Floats, auc, probability
from models.wording import counted

KIND_ROWS_MIN: Final = 10
SEGMENTS_MAX: Final = 50
"""Of one column; a page shows no more, and each would hold few rows."""
WEEKS_MAX: Final = 520
WEEK_S: Final = 7 * 86_400
MONDAY_S: Final = 4 * 86_400
"""1970-01-05 was the first Monday of the Unix epoch."""
QUARTERS: Final = 4


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Held-out rows of one value or one week (the date of its Monday). Bad rates are predicted and observed."""

    name: str
    rows: int
    bads: int
    auc: float | None
    predicted: float
    observed: float


class SegmentReport(msgspec.Struct, frozen=True, kw_only=True):
    """Parts by the values of a column, or by the quarters of its numbers."""

    feature: str
    parts: tuple[Part, ...]


class WeeksReport(msgspec.Struct, frozen=True, kw_only=True):
    """Parts by week. `slope`: of AUC a week, by least squares over the weeks that have one, with its standard error; `spread`: the standard
    deviation of their AUC. None with fewer than three."""

    feature: str
    parts: tuple[Part, ...]
    slope: float | None
    slope_error: float | None
    spread: float | None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Held-out rows: their scores, good log odds, outcomes and weights."""

    scores: NDArray[np.int64]
    log_odds: Floats
    bad: NDArray[np.int64]
    weights: Floats


def refuse_parts(table: pa.Table, segments: tuple[str, ...], time: str | None) -> None:
    """Raises ValueError for columns by which no report can be cut."""
    for name in filter(None, (*segments, time)):
        if name not in table.column_names:
            raise ValueError(f"there is no column {name!r}; there are {', '.join(table.column_names)}")
    for name in segments:
        _, names = _segmented(name, table.column(name))
        if len(names) > SEGMENTS_MAX:
            raise ValueError(f"{name}: {len(names):,} segments; a report has at most {SEGMENTS_MAX}")
    if time is not None:
        weeks = np.unique(_weeks(time, table.column(time)))
        if len(weeks) > WEEKS_MAX:
            raise ValueError(f"{time}: {len(weeks):,} weeks; a report has at most {WEEKS_MAX}")


def segment_report(name: str, column: pa.ChunkedArray, held: Held) -> SegmentReport:
    """`column`: of the held-out rows, in their order."""
    place, names = _segmented(name, column)
    return SegmentReport(
        feature=name,
        parts=tuple(_part(text, place == at, held) for at, text in enumerate(names) if (place == at).any()),
    )


def weeks_report(name: str, column: pa.ChunkedArray, held: Held) -> WeeksReport:
    """`column`: of the held-out rows, in their order."""
    week = _weeks(name, column)
    weeks = np.unique(week)
    parts = tuple(
        _part(str(np.datetime64(int(each) * WEEK_S + MONDAY_S, "s").astype("datetime64[D]")), week == each, held)
        for each in weeks
    )
    known = [(float(at - weeks[0]), part.auc) for at, part in zip(weeks, parts, strict=True) if part.auc is not None]
    slope = error = spread = None
    if len(known) >= 3:
        at, areas = (np.array(each) for each in zip(*known, strict=True))
        away = at - at.mean()
        slope = float(away @ areas / (away @ away))
        left = areas - areas.mean() - slope * away
        error = float(np.sqrt(left @ left / (len(areas) - 2) / (away @ away)))
        spread = float(areas.std(ddof=1))
    return WeeksReport(feature=name, parts=parts, slope=slope, slope_error=error, spread=spread)


def _part(name: str, here: NDArray[np.bool_], held: Held) -> Part:
    bad, weights = held.bad[here], held.weights[here]
    enough = min(int(bad.sum()), len(bad) - int(bad.sum())) >= KIND_ROWS_MIN and weights.all()
    total = float(weights.sum())
    return Part(
        name=name,
        rows=len(bad),
        bads=int(bad.sum()),
        auc=auc(held.scores[here], bad, weights) if enough else None,
        predicted=float(weights @ probability(-held.log_odds[here])) / total if total else 0.0,
        observed=float(weights @ bad) / total if total else 0.0,
    )


def _segmented(name: str, column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    """The segment of each row, and their names."""
    if (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)) and pc.count_distinct(
        column
    ).as_py() > SEGMENTS_MAX:
        numbers: Floats = nearest_floats(column).fill_null(np.nan).to_numpy()
        cuts = np.unique(np.nanquantile(numbers, np.arange(1, QUARTERS) / QUARTERS))
        bounds = [f"{cut:,.10g}" for cut in cuts]
        between = [f"{low} to under {high}" for low, high in pairwise(bounds)]
        place = np.where(np.isnan(numbers), len(cuts) + 1, np.searchsorted(cuts, numbers, side="right"))
        return place, [f"under {bounds[0]}", *between, f"{bounds[-1]} and more", "missing"]
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    values = ["missing" if value is None else str(value) for value in encoded.dictionary.to_pylist()]
    order = sorted(range(len(values)), key=lambda at: values[at])
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    return rank[encoded.indices.to_numpy()], [values[at] for at in order]


def _weeks(name: str, column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Weeks since the first Monday of the Unix epoch."""
    if column.null_count:
        raise ValueError(f"{name}: {counted(column.null_count, 'row has', 'rows have')} no time")
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        raise ValueError(f"{name}: times are dates or timestamps, the column holds {column.type}")
    seconds = column.cast(pa.timestamp("s"), safe=False).cast(pa.int64()).to_numpy()
    weeks: NDArray[np.int64] = (seconds - MONDAY_S) // WEEK_S
    return weeks
