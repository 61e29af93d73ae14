"""Bin a column, with the weight of evidence of each bin.

Every weight is computed from the counts of the bins themselves.

What a bin's rows do not show is neutral, WOE 0: missing and special values of which training saw fewer than `MISSING_ROWS_MIN`, and
categories it never saw. A bin without good rows, or without bad ones, is kept: half a row is counted where there is none. Categories
are put in the order of their share of bad rows, a rare one near the average that its few rows do not refute, and then cut as numbers are.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.arrow_numbers import nearest_floats
from models.evaluation import NULL
from models.scorecard import CATEGORIES_MAX, EDGE_MAX, TEXT_MAX
from models.statistics import SMOOTHING, Floats, woe
from models.tidying import plain
from models.training.cutting import BIN_ROWS_MIN, CHOOSING_FOLDS, STRAIGHT, Shape, best_shape, best_starts, cells_of

MISSING_ROWS_MIN: Final = 30
"""Fewer rows predict nothing of those to come."""
CATEGORY_PRIOR_ROWS: Final = 20
"""Rows of the average that are added to a category's before it is ranked."""
DECIMALS_MAX: Final = 6
STEPS_MIN: Final = 1_000_000
"""Where no power of ten makes a column's numbers whole, so many steps lie between its lowest and highest value."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate, encoded as the evaluator does it: scaled integers, or places in `names`; NULL where missing. `specials`: values that
    stand for something else than a number. `cells`: edges between cells of all rows, and `cell`: that of each row, -1 where it has none."""

    feature: str
    values: NDArray[np.int64]
    scale: int = 1
    names: tuple[str, ...] | None = None
    specials: tuple[int, ...] = ()
    cells: NDArray[np.int64]
    cell: NDArray[np.int64]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How columns are weighed and cut: the shapes that risk may have, and the least share of all rows in a bin. `additive`: by boosted
    functions of one column each, averaged with weights of evidence."""

    additive: bool = False
    shapes: tuple[Shape, ...]
    share: float


class Bins(msgspec.Struct, frozen=True, kw_only=True):
    """The bins of one feature; the last entry of `goods`, `bads` and `weights` is for missing values. Counts are sums of row weights.
    `rows` counts rows. A special value within a bin cuts it in two, which keep one weight between them."""

    feature: str
    scale: int
    edges: tuple[int, ...] | None
    groups: tuple[tuple[int, ...], ...] | None
    names: tuple[str, ...] | None
    goods: Floats
    bads: Floats
    rows: NDArray[np.int64]
    weights: Floats

    @property
    def ivs(self) -> Floats:
        """Information value by bin."""
        if not self.goods.sum() or not self.bads.sum():
            return np.zeros(len(self.weights))
        found: Floats = (self.goods / self.goods.sum() - self.bads / self.bads.sum()) * self.weights
        return found

    @property
    def iv(self) -> float:
        """Information value, that of missing values included."""
        return float(self.ivs.sum())


def column_of(
    feature: str, data: pa.ChunkedArray, specials: Sequence[float] = (), categories_max: int = CATEGORIES_MAX
) -> Column:
    """Encode a column of a table. Raises ValueError for what no card scores."""
    if not 0 < len(feature) <= TEXT_MAX:
        raise ValueError(f"its name has {len(feature):,} characters; 1 to {TEXT_MAX} can be used")
    data = plain(data)
    kind = data.type
    if data.null_count == len(data):
        raise ValueError("always missing")
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return _number_column(feature, _of_integers(data), 1, specials)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _number_column(feature, *_of_floats(nearest_floats(data).fill_null(np.nan).to_numpy()), specials)
    if pa.types.is_string(kind):
        names = tuple(sorted(pc.unique(data).drop_null().to_pylist()))
        if len(names) > categories_max:
            raise ValueError(f"{len(names):,} categories; more than {categories_max:,}")
        places = {name: place for place, name in enumerate(names)}
        coded = np.array([NULL if text is None else places[text] for text in data.to_pylist()], np.int64)
        cell = np.where(coded == NULL, -1, coded)
        return Column(feature=feature, values=coded, names=names, cells=np.arange(1, len(names)), cell=cell)
    raise ValueError(f"{kind} is neither a number nor text")


def bins_of(
    column: Column,
    rows: NDArray[np.intp],
    bad: NDArray[np.int64],
    plan: Plan,
    row_weights: Floats | None = None,
) -> Bins:
    """Cut the column so that the bins of `rows` separate good from bad. `bad` and `row_weights` are those of all rows."""
    values, outcome = column.values[rows], bad[rows]
    weights = np.ones(len(rows)) if row_weights is None else row_weights[rows]
    known = column.cell[rows] >= 0
    cells = column.cell[rows][known]
    least = max(BIN_ROWS_MIN, plan.share * float(weights[known].sum()))
    if column.names is not None:
        groups = _groups(cells, outcome[known], weights[known], len(column.names), least)
        return counted(column, values, outcome, weights, groups=groups)
    starts = _starts(cells, outcome[known], weights[known], len(column.cells) + 1, plan.shapes, least)
    edges = [int(column.cells[start - 1]) for start in starts[1:]]
    return counted(column, values, outcome, weights, edges=edges)


def counted(
    column: Column,
    values: NDArray[np.int64],
    outcome: NDArray[np.int64],
    row_weights: Floats,
    *,
    edges: Sequence[int] = (),
    groups: tuple[tuple[int, ...], ...] | None = None,
) -> Bins:
    """The bins with these edges, or of these groups, with the counts and weights of evidence of these rows."""
    kept = [edge for edge in edges if abs(edge) <= EDGE_MAX]
    pieces = sorted({*kept, *(each + step for each in column.specials for step in (0, 1))})
    count = len(pieces) + 1 if groups is None else len(groups)
    zeros = np.zeros(count + 1)
    blank = Bins(
        feature=column.feature,
        scale=column.scale,
        edges=tuple(pieces) if groups is None else None,
        groups=groups,
        names=column.names,
        goods=zeros,
        bads=zeros,
        rows=zeros.astype(np.int64),
        weights=zeros,
    )
    place = places_in(blank, values)
    seen = place >= 0
    good, worse = seen & (outcome == 0), seen & (outcome == 1)
    goods = np.bincount(place[good], row_weights[good], minlength=count + 1)
    bads = np.bincount(place[worse], row_weights[worse], minlength=count + 1)
    rows = np.bincount(place[seen], minlength=count + 1)
    whole = _wholes(column.specials, kept, pieces) if groups is None else np.arange(count + 1)
    joined = [np.bincount(whole, each, minlength=int(whole[-1]) + 1) for each in (goods, bads, rows)]
    weights = woe(joined[0], joined[1])
    few = joined[2] < MISSING_ROWS_MIN
    weights[-1] = 0.0 if few[-1] else weights[-1]
    first_special = len(kept) + 1 if groups is None else count
    special = whole >= first_special
    weights[whole[special & few[whole]]] = 0.0
    return msgspec.structs.replace(blank, goods=goods, bads=bads, rows=rows, weights=weights[whole])


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


def _wholes(specials: Sequence[int], kept: Sequence[int], pieces: Sequence[int]) -> NDArray[np.int64]:
    """By piece, and for missing, the number of what has one weight: the bin that the piece was cut from, or the special value."""
    found = []
    for low in [None, *pieces]:
        if low in specials:
            found.append(len(kept) + 1 + specials.index(low))
        else:
            found.append(int(np.searchsorted(kept, low, side="right")) if low is not None else 0)
    return np.array([*found, len(kept) + 1 + len(specials)], np.int64)


def _starts(
    cell: NDArray[np.int64],
    bad: NDArray[np.int64],
    row_weights: Floats,
    cells: int,
    shapes: Sequence[Shape],
    least: float,
) -> NDArray[np.int64]:
    if cells == 1 or not len(cell):
        return np.zeros(1, np.int64)
    goods, bads = _by_fold(cell, bad, row_weights, cells)
    return best_starts(goods.sum(axis=0), bads.sum(axis=0), best_shape(goods, bads, shapes, least), least)


def _by_fold(cell: NDArray[np.int64], bad: NDArray[np.int64], row_weights: Floats, cells: int) -> tuple[Floats, Floats]:
    """Good and bad rows (folds, cells)."""
    at = (_in_turn(bad) * 2 + bad) * cells + cell
    counts = np.bincount(at, row_weights, minlength=CHOOSING_FOLDS * 2 * cells).reshape(CHOOSING_FOLDS, 2, cells)
    return np.ascontiguousarray(counts[:, 0], np.float64), np.ascontiguousarray(counts[:, 1], np.float64)


def _in_turn(bad: NDArray[np.int64]) -> NDArray[np.int64]:
    """Folds dealt out to good rows and to bad rows, one after the other."""
    folds = np.empty(len(bad), np.int64)
    for kind in (0, 1):
        of_kind = np.flatnonzero(bad == kind)
        folds[of_kind] = np.arange(len(of_kind)) % CHOOSING_FOLDS
    return folds


def ranked(codes: NDArray[np.int64], bad: NDArray[np.int64], row_weights: Floats, count: int) -> NDArray[np.int64]:
    """The rank of each category's bad rate, from 0; -1 where no row has it. Rare ones stand near the average."""
    goods = np.bincount(codes, row_weights * (bad == 0), minlength=count)
    bads = np.bincount(codes, row_weights * (bad == 1), minlength=count)
    seen = np.flatnonzero(np.bincount(codes, minlength=count))
    average = float(bads.sum() / max((goods + bads).sum(), SMOOTHING))
    rates = (bads + CATEGORY_PRIOR_ROWS * average) / (goods + bads + CATEGORY_PRIOR_ROWS)
    order = seen[np.argsort(rates[seen], kind="stable")]
    rank = np.full(count, -1, np.int64)
    rank[order] = np.arange(len(order))
    return rank


def direction_of(column: Column, rows: NDArray[np.intp], bad: NDArray[np.int64], row_weights: Floats) -> int:
    """1 where held-out rows say that risk rises with a column of numbers, -1 where it falls; 0 without two cells."""
    known = rows[column.cell[rows] >= 0]
    if not len(column.cells) or not len(known):
        return 0
    goods, bads = _by_fold(column.cell[known], bad[known], row_weights[known], len(column.cells) + 1)
    return 1 if best_shape(goods, bads, STRAIGHT, BIN_ROWS_MIN) == "rise" else -1


def _groups(
    codes: NDArray[np.int64], bad: NDArray[np.int64], row_weights: Floats, count: int, least: float
) -> tuple[tuple[int, ...], ...]:
    if not len(codes):
        return ((0,),)
    goods = np.bincount(codes, row_weights * (bad == 0), minlength=count)
    bads = np.bincount(codes, row_weights * (bad == 1), minlength=count)
    rank = ranked(codes, bad, row_weights, count)
    order = np.argsort(rank, kind="stable")[int((rank < 0).sum()) :]
    cell = np.searchsorted(cells_of(rank[codes]), rank[order], side="right")
    by_cell = [np.bincount(cell, each[order]).astype(np.float64) for each in (goods, bads)]
    starts = best_starts(by_cell[0], by_cell[1], "rise", least)
    group = np.searchsorted(starts, cell, side="right") - 1
    return tuple(tuple(sorted(order[group == at].tolist())) for at in range(len(starts)))


def _specials(given: Sequence[float], values: NDArray[np.int64], scale: int) -> tuple[int, ...]:
    """Those special values that the column holds, scaled as it is."""
    wanted = sorted({round(each * scale) for each in given if abs(each * scale) < EDGE_MAX})
    return tuple(each for each in wanted if (values == each).any())


def _of_integers(data: pa.ChunkedArray) -> NDArray[np.int64]:
    """Cut off where the evaluator does."""
    if pa.types.is_uint64(data.type):
        data = pc.min_element_wise(data, pa.scalar(EDGE_MAX, pa.uint64()), skip_nulls=False)
    whole = data.cast(pa.int64())
    values: NDArray[np.int64] = np.clip(whole.fill_null(0).to_numpy(), -EDGE_MAX, EDGE_MAX)
    values[whole.is_null().to_numpy()] = NULL
    return values


def _number_column(feature: str, values: NDArray[np.int64], scale: int, given: Sequence[float]) -> Column:
    specials = _specials(given, values, scale)
    plain_numbers = (values != NULL) & ~np.isin(values, np.array(specials, np.int64))
    cells = cells_of(values[plain_numbers])
    cell = np.where(plain_numbers, np.searchsorted(cells, values, side="right"), -1)
    return Column(feature=feature, values=values, scale=scale, specials=specials, cells=cells, cell=cell)


def _of_floats(numbers: Floats) -> tuple[NDArray[np.int64], int]:
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
    return values, scale
