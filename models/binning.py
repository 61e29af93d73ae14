"""A column becomes bins, each with its weight of evidence, and every weight here is computed from the counts of the bins themselves.

optbinning finds where to cut, nothing else: its `transform` scores an unseen category as missing, and its look-up of WOE by variable finds
wrong bins (its issue 412). What a bin's rows do not show is neutral, WOE 0: missing values of which training saw fewer than
`MISSING_ROWS_MIN`, and categories it never saw.
"""

import warnings
from typing import Any, Final, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.evaluation import NULL
from models.extra import optional_module
from models.scorecard import CATEGORIES_MAX, EDGE_MAX
from models.statistics import Floats, information_value, woe

MISSING_ROWS_MIN: Final = 30
"""Fewer rows say nothing of those to come."""
DECIMALS_MAX: Final = 6
STEPS_MIN: Final = 1_000_000
"""Where no power of ten makes a column's numbers whole, so many steps lie between its lowest and highest value."""

Trend = Literal["auto", "monotonic"]
_TRENDS: Final = {"auto": "auto", "monotonic": "auto_asc_desc"}


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate, encoded as the evaluator does it: scaled integers, or places in `names`; NULL where missing."""

    feature: str
    values: NDArray[np.int64]
    scale: int = 1
    names: tuple[str, ...] | None = None


class Bins(msgspec.Struct, frozen=True, kw_only=True):
    """The bins of one feature; the last entry of `goods`, `bads` and `weights` is for missing values."""

    feature: str
    scale: int
    edges: tuple[int, ...] | None
    groups: tuple[tuple[int, ...], ...] | None
    names: tuple[str, ...] | None
    goods: NDArray[np.int64]
    bads: NDArray[np.int64]
    weights: Floats

    @property
    def iv(self) -> float:
        """Information value, that of missing values included."""
        return information_value(self.goods, self.bads)


def column_of(feature: str, data: pa.ChunkedArray) -> Column:
    """Encode a column of a table. Raises ValueError for kinds of data that no card scores."""
    kind = data.type
    if pa.types.is_dictionary(kind):
        data = data.cast(kind.value_type)
        kind = data.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return Column(feature=feature, values=data.cast(pa.int64()).fill_null(NULL).to_numpy().copy())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _of_floats(feature, data.cast(pa.float64()).fill_null(np.nan).to_numpy())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        names = tuple(sorted(pc.unique(data).drop_null().to_pylist()))
        if len(names) > CATEGORIES_MAX:
            raise ValueError(f"more than {CATEGORIES_MAX:,} categories")
        places = {name: place for place, name in enumerate(names)}
        values = [NULL if text is None else places[text] for text in data.to_pylist()]
        return Column(feature=feature, values=np.array(values, np.int64), names=names)
    raise ValueError(f"{kind} is neither a number nor text")


def bins_of(column: Column, rows: NDArray[np.intp], bad: NDArray[np.int64], trend: Trend) -> Bins:
    """Cut the column so that the bins of `rows` tell good from bad."""
    values, outcome = column.values[rows], bad[rows]
    known = values != NULL
    cuts = _cuts(column, values[known], outcome[known], trend)
    if column.names is None:
        places = {int(np.ceil(cut)) for cut in cuts}
        edges: tuple[int, ...] | None = tuple(sorted(place for place in places if abs(place) <= EDGE_MAX))
        groups = None
        count = len(edges or ()) + 1
    else:
        numbers = {name: place for place, name in enumerate(column.names)}
        edges = None
        groups = tuple(tuple(sorted(numbers[str(name)] for name in group)) for group in cuts)
        groups = groups or (tuple(int(value) for value in np.unique(values[known])),)
        count = len(groups)
    empty = np.zeros(count + 1)
    blank = Bins(
        feature=column.feature,
        scale=column.scale,
        edges=edges,
        groups=groups,
        names=column.names,
        goods=empty.astype(np.int64),
        bads=empty.astype(np.int64),
        weights=empty,
    )
    place = places_in(blank, values)
    counted = place >= 0
    goods = np.bincount(place[counted & (outcome == 0)], minlength=count + 1)
    bads = np.bincount(place[counted & (outcome == 1)], minlength=count + 1)
    weights = woe(goods, bads)
    if goods[-1] + bads[-1] < MISSING_ROWS_MIN:
        weights[-1] = 0.0
    return msgspec.structs.replace(blank, goods=goods, bads=bads, weights=weights)


def places_in(bins: Bins, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bin of each value; the last one for what is missing, -1 for a category that no bin holds."""
    missing = len(bins.weights) - 1
    if bins.edges is not None:
        found = np.searchsorted(np.array(bins.edges, np.int64), values, side="right")
        return np.where(values == NULL, missing, found)
    assert bins.groups is not None and bins.names is not None
    table = np.full(len(bins.names) + 1, -1, np.int64)
    for place, group in enumerate(bins.groups):
        table[list(group)] = place
    table[-1] = missing
    return table[np.where(values == NULL, len(bins.names), values)]


def weights_of(bins: Bins, values: NDArray[np.int64]) -> Floats:
    """The WOE of each value; 0 for a category that no bin holds."""
    return np.append(bins.weights, 0.0)[places_in(bins, values)]


def _of_floats(feature: str, numbers: Floats) -> Column:
    """Scaled by the smallest power of ten that makes all numbers whole, or else by one that leaves them a million steps apart."""
    finite = numbers[np.isfinite(numbers)]
    scale = 1
    for decimals in range(DECIMALS_MAX + 1):
        scale = 10**decimals
        if np.array_equal(np.rint(finite * scale) / scale, finite):
            break
    else:
        width = max(float(np.ptp(finite)), 1e-9)
        scale = int(10 ** np.clip(np.ceil(np.log10(STEPS_MIN / width)), 0, 9))
    bound = float(EDGE_MAX)
    scaled = np.rint(np.clip(numbers * scale, -bound, bound))
    missing = np.isnan(numbers)
    values = np.where(missing, 0.0, scaled).astype(np.int64)
    values[missing] = NULL
    return Column(feature=feature, values=values, scale=scale)


def _cuts(column: Column, values: NDArray[np.int64], bad: NDArray[np.int64], trend: Trend) -> Any:
    """optbinning's splits: numbers, or groups of categories."""
    OptimalBinning = optional_module("optbinning").OptimalBinning
    if len(np.unique(values)) < 2 or len(np.unique(bad)) < 2:
        return ()
    if column.names is None:
        data: NDArray[Any] = values.astype(np.float64)
        binning = OptimalBinning(column.feature, dtype="numerical", monotonic_trend=_TRENDS[trend])
    else:
        data = np.array(column.names, object)[values]
        binning = OptimalBinning(column.feature, dtype="categorical")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        binning.fit(data, bad)
    return binning.splits
