"""Shape functions of one column each, the mean of two kinds, joined to few bins.

Trees that see one column each are boosted over all columns (scikit-learn's histogram boosting without interactions), so their sum is a sum
of one function for each column. Each is read off where the model is asked, cell by cell. Each of `BAGS` models stops where rows that it
does not see stop gaining, and the mean of the models is taken.

Weights of evidence of straight bins, weighed by a regression, are one function a column too. Few rows serve them better and many rows the
boosted ones, so both are averaged: half and half, as far as the rows that the bags held out do not say otherwise.

A bin has a stated share of the rows at least; and where risk turns from rising to falling or back, each stretch between two turns has
`TURN_SHARE` of them and `TURN_ROWS_MIN` rows.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.statistics import Floats
from models.training.binning import MISSING_ROWS_MIN, Bins, Column, Plan, counted, places_in, ranked, weights_of
from models.training.cutting import BIN_ROWS_MIN, STRAIGHT
from models.training.extra import optional_module
from models.training.weighed import Model, weighed

BAGS: Final = 4
"""Models that are averaged: what one of them happens to hold out moves its functions by as much as their noise."""
PARTS: Final = 7
"""Of which each bag holds out one."""
SHARE_SPREAD: Final = 0.1
"""How far from half the share of weights of evidence is expected: what held-out rows say is weighed against that. 500 rows move it by some
hundredths, 10,000 to where they say; without it 500 rows, to which the boosted functions were stopped, favour them too much."""
ROUNDS_MAX: Final = 600
ROUNDS_WITHOUT_GAIN: Final = 20
LEARNING_RATE: Final = 0.05
LEAVES: Final = 3
LEAF_ROWS_MIN: Final = 20
RIDGE: Final = 1.0
DRAWN_SHARE: Final = 0.1
DRAWN_MIN: Final = 2
"""Of the columns, those drawn for each tree, which takes the better one: columns that say the same come to share it. A column alone is
worse, as noise is then boosted as often as what matters."""
CODES_MAX: Final = 250
"""The library bins to 255 at most; numbers have about half as many cells, rare categories share a code beyond."""
BIN_SHARE: Final = 0.01
TURN_SHARE: Final = 0.1
TURN_ROWS_MIN: Final = 100
"""Below so many rows a turn is noise that no one could explain."""
STEP_MIN: Final = 0.02
"""Log odds: neighbouring bins that differ by less are one, half a point of 600 on most cards."""
BINS_MAX: Final = 32


SHARES_TRIED: Final = 101
"""Hundredths from none to all."""

Known = tuple[NDArray[np.intp], NDArray[np.int64], Floats]
"""Rows of training, and of all rows the outcomes and weights."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One column's function: good log odds by code and of each special value, less those of missing values."""

    by_code: Floats
    specials: Floats


class _Coded(msgspec.Struct, frozen=True, kw_only=True):
    """A column as trees see it. `code`: of each row of all, -1 where it is missing or special; `special`: which one, else -1.
    `count`: of codes. `of_name`: the code of each category."""

    code: NDArray[np.int64]
    special: NDArray[np.int64]
    count: int
    of_name: NDArray[np.int64] | None = None


class _Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What trees see. `inputs`: of all rows, a column each for the codes of a column, then for the specials of those that have such.
    `asked`: rows to ask a model. `signs`: directions by input. `used`: which parts the inputs are. `counts`: of codes, by part."""

    inputs: Floats
    asked: Floats
    signs: tuple[int, ...]
    used: tuple[int, ...]
    counts: tuple[int, ...]


def shapes(
    columns: Sequence[Column],
    rows: NDArray[np.intp],
    bad: NDArray[np.int64],
    weights: Floats,
    directions: Mapping[str, int],
    seed: int,
    share: float = BIN_SHARE,
) -> tuple[list[Bins], float]:
    """Bins of each column with the good log odds of each as their `weights`, zero for the average row, and the bad log odds of a row that
    gets zero everywhere. `bad` and `weights` are those of all rows. `directions`: 1 where risk may only rise with a column, -1 fall.
    `share`: the least of all rows in a bin."""
    coded = [_coded(column, rows, bad, weights) for column in columns]
    found, start = _functions(columns, coded, (rows, bad, weights), directions, seed, share)
    made = []
    for column, code, shape in zip(columns, coded, found, strict=True):
        bins = _bins(column, code, shape, (rows, bad, weights), share)
        places = places_in(bins, column.values[rows])
        mean = float(np.average(bins.weights[places], weights=weights[rows]))
        neutral = _few(column, bins)
        centred = np.where(neutral, 0.0, bins.weights - mean)
        start += mean
        made.append(msgspec.structs.replace(bins, weights=centred))
    return made, -start


def log_odds_of(
    columns: Sequence[Column],
    parts: tuple[NDArray[np.intp], NDArray[np.intp]],
    bad: NDArray[np.int64],
    weights: Floats,
    seed: int,
) -> Floats:
    """Good log odds that the functions themselves, before anything is joined, give to rows held out: `parts` are those of training and
    these. What a card is compared with."""
    rows, held_out = parts
    coded = [_coded(column, rows, bad, weights) for column in columns]
    found, start = _functions(columns, coded, (rows, bad, weights), {}, seed, BIN_SHARE)
    total = np.full(len(held_out), start)
    for code, shape in zip(coded, found, strict=True):
        total += np.append(shape.by_code, 0.0)[code.code[held_out]]
        total += np.append(shape.specials, 0.0)[code.special[held_out]]
    return total


def _coded(column: Column, rows: NDArray[np.intp], bad: NDArray[np.int64], weights: Floats) -> _Coded:
    """Numbers by their cells; categories by the rank of their bad rate, rare ones near the average."""
    special = np.full(len(column.values), -1, np.int64)
    for place, value in enumerate(column.specials):
        special[column.values == value] = place
    if column.names is None:
        return _Coded(code=column.cell, special=special, count=len(column.cells) + 1)
    known = rows[column.cell[rows] >= 0]
    rank = ranked(column.cell[known], bad[known], weights[known], len(column.names))
    count = max(int(rank.max()), 0) + 1
    if count > CODES_MAX:
        rank = np.where(rank >= 0, rank * CODES_MAX // count, -1)
        count = CODES_MAX
    code = np.append(rank, -1)[column.cell]
    return _Coded(code=code, special=special, count=count, of_name=rank)


def _functions(
    columns: Sequence[Column],
    coded: Sequence[_Coded],
    known: Known,
    directions: Mapping[str, int],
    seed: int,
    share: float,
) -> tuple[list[Shape], float]:
    """The function of each column, and the good log odds where all columns are missing."""
    rows, bad, weights = known
    plan = Plan(shapes=STRAIGHT, share=share)
    sheet = _sheet(columns, coded, rows, directions)
    log_odds = np.zeros(len(sheet.asked))
    held = []
    for bag, held_out in enumerate(held_out_parts(rows, bad, seed)):
        seen = np.setdiff1d(rows, held_out)
        model = _model(sheet.signs, seed + bag).fit(
            sheet.inputs[seen],
            bad[seen],
            sample_weight=weights[seen],
            X_val=sheet.inputs[held_out],
            y_val=bad[held_out],
            sample_weight_val=weights[held_out],
        )
        log_odds -= model.decision_function(sheet.asked) / BAGS
        boosted = -model.decision_function(sheet.inputs[held_out])
        straight = weighed(columns, seen, bad, weights, plan, directions).log_odds(columns, held_out)
        held.append((boosted, straight, bad[held_out], weights[held_out]))
    part = share_of_second(*(np.concatenate(each) for each in zip(*held, strict=True)))
    found, start = _by_cell(weighed(columns, rows, bad, weights, plan, directions), columns, coded)
    effects = _effects(sheet, log_odds)
    specials = iter(effects[len(columns) :])
    mixed = []
    for column, boost, other in zip(columns, effects[: len(columns)], found, strict=True):
        of_special = next(specials) if column.specials else np.zeros(0)
        mixed.append(
            Shape(
                by_code=(1 - part) * boost + part * other.by_code,
                specials=(1 - part) * of_special + part * other.specials,
            )
        )
    return mixed, (1 - part) * float(log_odds[0]) + part * start


def held_out_parts(rows: NDArray[np.intp], bad: NDArray[np.int64], seed: int) -> list[NDArray[np.intp]]:
    """Rows that each bag holds out: good and bad ones are dealt out at random, as many of each to all."""
    order = np.random.default_rng(seed).permutation(rows)
    order = order[np.argsort(bad[order], kind="stable")]
    return [np.sort(order[bag::PARTS]) for bag in range(BAGS)]


def share_of_second(one: Floats, two: Floats, bad: NDArray[np.int64], weights: Floats) -> float:
    """Of two good log odds, that of the second in the mean that says most of the rows; about half where these are few."""
    shares = np.linspace(0, 1, SHARES_TRIED)
    loss = ((shares - 0.5) / SHARE_SPREAD) ** 2 / 2
    for at, share in enumerate(shares):
        log_odds = (1 - share) * one + share * two
        loss[at] += weights @ np.logaddexp(0.0, np.where(bad == 1, log_odds, -log_odds))
    return float(shares[np.argmin(loss)])


def _by_cell(model: Model, columns: Sequence[Column], coded: Sequence[_Coded]) -> tuple[list[Shape], float]:
    """Weights of evidence times their coefficients, and the good log odds where all columns are missing. No edge cuts a cell, so any value
    of it says what all say; categories that share a code have their mean."""
    found = [
        Shape(by_code=np.zeros(code.count), specials=np.zeros(len(column.specials)))
        for column, code in zip(columns, coded, strict=True)
    ]
    start = -model.intercept
    for bins, place, coefficient in zip(model.bins, model.places, model.coefficients, strict=True):
        column, code = columns[place], coded[place]
        cells, first = np.unique(column.cell, return_index=True)
        at = cells if code.of_name is None else code.of_name[cells]
        missing = bins.weights[-1]
        effect = coefficient * (weights_of(bins, column.values[first]) - missing)
        used = (cells >= 0) & (at >= 0)
        sums = np.bincount(at[used], effect[used], minlength=code.count)
        found[place] = Shape(
            by_code=sums / np.maximum(np.bincount(at[used], minlength=code.count), 1),
            specials=coefficient * (weights_of(bins, np.array(column.specials, np.int64)) - missing),
        )
        start += coefficient * missing
    return found, float(start)


def _sheet(
    columns: Sequence[Column], coded: Sequence[_Coded], rows: NDArray[np.intp], directions: Mapping[str, int]
) -> _Sheet:
    """A part without a known row is not given to the library, which refuses it."""
    holders = [at for at, column in enumerate(columns) if column.specials]
    parts = [*(each.code for each in coded), *(coded[at].special for at in holders)]
    counts = [*(each.count for each in coded), *(len(columns[at].specials) for at in holders)]
    signs = [*(directions.get(column.feature, 0) for column in columns), *(0 for _ in holders)]
    used = [at for at, part in enumerate(parts) if (part[rows] >= 0).any()]
    if not used:
        raise ValueError("no column holds anything in the rows of training")
    return _Sheet(
        inputs=_as_inputs(np.column_stack([parts[at] for at in used])),
        asked=_questions([counts[at] for at in used]),
        signs=tuple(signs[at] for at in used),
        used=tuple(used),
        counts=tuple(counts),
    )


def _effects(sheet: _Sheet, log_odds: Floats) -> list[Floats]:
    """What the answers to `sheet.asked` say of each code of each part; zero of a part that was not asked about."""
    effects = [np.zeros(count) for count in sheet.counts]
    ends = np.cumsum([sheet.counts[at] for at in sheet.used])[:-1]
    for at, effect in zip(sheet.used, np.split(log_odds[1:] - log_odds[0], ends), strict=True):
        effects[at] = effect
    return effects


def _as_inputs(codes: NDArray[np.int64]) -> Floats:
    return np.where(codes < 0, np.nan, codes.astype(np.float64))


def _questions(counts: Sequence[int]) -> Floats:
    """Rows to ask a model: the first with nothing known, then one for each code of each column alone."""
    asked = np.full((1 + sum(counts), len(counts)), np.nan)
    at = 1
    for place, count in enumerate(counts):
        asked[at : at + count, place] = np.arange(count)
        at += count
    return asked


def _drawn(columns: int) -> float:
    """How many columns are drawn for a tree, less what the library's rounding up of their share may add."""
    return min(max(math.ceil(DRAWN_SHARE * columns), DRAWN_MIN), columns) - 0.5


def _model(signs: Sequence[int], seed: int) -> Any:
    boosting = optional_module("sklearn.ensemble").HistGradientBoostingClassifier
    return boosting(
        learning_rate=LEARNING_RATE,
        max_iter=ROUNDS_MAX,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAF_ROWS_MIN,
        l2_regularization=RIDGE,
        max_features=_drawn(len(signs)) / len(signs),
        interaction_cst="no_interactions",
        monotonic_cst=list(signs),
        early_stopping=True,
        scoring="loss",
        n_iter_no_change=ROUNDS_WITHOUT_GAIN,
        random_state=seed,
    )


def _bins(
    column: Column,
    code: _Coded,
    shape: Shape,
    known: Known,
    share: float,
) -> Bins:
    """The column's bins with the function's values, joined where the rows do not carry a difference."""
    rows, bad, weights = known
    at = code.code[rows]
    held = np.bincount(at[at >= 0], weights[rows][at >= 0], minlength=code.count).astype(np.float64)
    outcome = (column.values[rows], bad[rows], weights[rows])
    if code.of_name is not None:
        order = np.argsort(shape.by_code, kind="stable")
        starts, values = smoothed(shape.by_code[order], held[order], share=share, turning=False)
        group_of_code = np.empty(code.count, np.int64)
        group_of_code[order] = np.searchsorted(starts, np.arange(code.count), side="right") - 1
        of_name = np.where(code.of_name >= 0, group_of_code[code.of_name], -1)
        groups = tuple(tuple(np.flatnonzero(of_name == group).tolist()) for group in range(len(starts)))
        bins = counted(column, *outcome, groups=groups)
        return msgspec.structs.replace(bins, weights=np.append(values, 0.0))
    starts, values = smoothed(shape.by_code, held, share=share, turning=True)
    edges = [int(column.cells[start - 1]) for start in starts[1:]]
    bins = counted(column, *outcome, edges=edges)
    assert bins.edges is not None
    found = []
    for low in (None, *bins.edges):
        if low in column.specials:
            found.append(float(shape.specials[column.specials.index(low)]))
        else:
            found.append(float(values[0 if low is None else int(np.searchsorted(edges, low, side="right"))]))
    return msgspec.structs.replace(bins, weights=np.array([*found, 0.0]))


def smoothed(values: Floats, held: Floats, *, share: float, turning: bool) -> tuple[NDArray[np.int64], Floats]:
    """Where the bins begin that neighbouring cells are joined to, the first at 0, and their values: means by the rows `held`. The pair that
    is joined is that of the least loss among those which must be: a bin or a stretch between turns of too few rows, a step too small."""
    total = float(held.sum())
    least = min(max(BIN_ROWS_MIN, share * total), total)
    stretch = max(TURN_ROWS_MIN, TURN_SHARE * total)
    starts, means, sizes = list(range(len(values))), values.tolist(), held.tolist()
    while len(starts) > 1:
        steps, size = np.diff(means), np.array(sizes)
        loss = steps**2 * size[:-1] * size[1:] / np.maximum(size[:-1] + size[1:], 1e-9)
        small = size < least
        must = small[:-1] | small[1:] | (np.abs(steps) < STEP_MIN)
        if not must.any() and turning:
            must = _in_short_stretches(steps, size, stretch)
        if not must.any():
            if len(starts) <= BINS_MAX:
                break
            must[:] = True
        at = int(np.argmin(np.where(must, loss, np.inf)))
        both = sizes[at] + sizes[at + 1]
        if both:
            means[at] = (means[at] * sizes[at] + means[at + 1] * sizes[at + 1]) / both
        sizes[at] = both
        del starts[at + 1], means[at + 1], sizes[at + 1]
    return np.array(starts, np.int64), np.array(means)


def _in_short_stretches(steps: Floats, sizes: Floats, least: float) -> NDArray[np.bool_]:
    """Which steps lie in a stretch that rises or falls throughout and has too few rows: those of its bins, a turn's on both sides."""
    must: NDArray[np.bool_] = np.zeros(len(steps), bool)
    turns = np.flatnonzero(np.sign(steps[1:]) != np.sign(steps[:-1])) + 1
    if not len(turns):
        return must
    bounds = [0, *turns.tolist(), len(steps)]
    for first, last in pairwise(bounds):
        if sizes[first : last + 1].sum() < least:
            must[first:last] = True
    return must


def _few(column: Column, bins: Bins) -> NDArray[np.bool_]:
    """Which bins say nothing: missing and special values of which training saw few."""
    found: NDArray[np.bool_] = np.zeros(len(bins.weights), bool)
    found[-1] = bins.rows[-1] < MISSING_ROWS_MIN
    for place, low in enumerate(bins.edges or ()):
        if low in column.specials:
            found[place + 1] = bins.rows[place + 1] < MISSING_ROWS_MIN
    return found
