"""Find the best cuts of a column by dynamic programming.

Of all ways to join neighbouring cells into bins of the allowed shape, the one of the highest likelihood.

Cells come from the values alone, never from outcomes, so a cross-validation over them is honest. A bin may be pure. The number of
ways is exponential, and dynamic programming finds the best of them in cells^3 steps: the best bins of the first cells, by where their
last bin begins, lead to the best bins of one cell more. A peak or a valley is one rising and one falling part that meet where it is best.
"""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.jit import kernel
from models.statistics import Floats, cell_log_odds

CELLS: Final = 64
"""At most about twice as many: values that many rows share have cells of their own."""
BIN_ROWS_MIN: Final = 10
"""Fewer rows are no bin of their own, however small the table."""
CHOOSING_FOLDS: Final = 5
TURN_GAIN_MIN: Final = 2.0
"""By how much held-out log likelihood must rise before risk may turn: two units are what chance gives one case in twenty (Wilks)."""

Shape = Literal["rise", "fall", "valley", "peak"]
"""How the share of bad rows goes along the cells."""
STRAIGHT: Final[tuple[Shape, ...]] = ("rise", "fall")
TURNING: Final[tuple[Shape, ...]] = ("rise", "fall", "peak", "valley")


def cells_of(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Edges between cells of about equally many rows: one cell for each value where few differ, and for each that many rows share."""
    different, counts = np.unique(values, return_counts=True)
    if not len(different):
        return np.zeros(0, np.int64)
    starts = np.arange(len(different))
    if len(different) > CELLS:
        even = np.searchsorted(np.cumsum(counts), np.arange(1, CELLS) * len(values) / CELLS) + 1
        heavy = np.flatnonzero(counts >= len(values) / CELLS)
        starts = np.unique(np.concatenate(([0], even, heavy, heavy + 1)))
        starts = starts[starts < len(different)]
    below, above = different[starts[1:] - 1], different[starts[1:]]
    edges: NDArray[np.int64] = below + (above - below + 1) // 2
    return edges


def best_starts(goods: Floats, bads: Floats, shape: Shape, least: float) -> NDArray[np.int64]:
    """Where the bins begin, the first at 0, so that the share of bad rows has this shape and each bin has `least` rows."""
    least = min(least, float(goods.sum() + bads.sum()))
    if shape in ("fall", "valley"):
        goods, bads = bads, goods
    value, back = _paths(goods, bads, least)
    last = len(goods) - 1
    if shape in STRAIGHT:
        return np.array(_traced(value, back, last), np.int64)
    mirrored, mirrored_back = _paths(goods[::-1].copy(), bads[::-1].copy(), least)
    upto, onward = value.max(axis=0), mirrored.max(axis=0)[::-1]
    turns = np.concatenate(([onward[0]], upto[:-1] + onward[1:], [upto[-1]]))
    turn = int(np.argmax(turns))
    rising = _traced(value, back, turn - 1) if turn else []
    falling = _traced(mirrored, mirrored_back, last - turn) if turn <= last else []
    ends = sorted(last - start for start in falling)
    return np.array([*rising, *([turn] if falling else []), *(end + 1 for end in ends[:-1])], np.int64)


def best_shape(goods: Floats, bads: Floats, shapes: Sequence[Shape], least: float) -> Shape:
    """The shape whose bins say most of held-out rows. `goods` and `bads` are (folds, cells). A turn must earn its place."""
    all_goods, all_bads = goods.sum(axis=0), bads.sum(axis=0)
    share = 1 - 1 / len(goods)
    gains = []
    for shape in shapes:
        gain = 0.0 if shape in STRAIGHT else -TURN_GAIN_MIN
        for fold in range(len(goods)):
            kept_goods, kept_bads = all_goods - goods[fold], all_bads - bads[fold]
            starts = best_starts(kept_goods, kept_bads, shape, least * share)
            log_odds = cell_log_odds(np.add.reduceat(kept_goods, starts), np.add.reduceat(kept_bads, starts))
            gain -= float((np.add.reduceat(bads[fold], starts) * np.logaddexp(0.0, -log_odds)).sum())
            gain -= float((np.add.reduceat(goods[fold], starts) * np.logaddexp(0.0, log_odds)).sum())
        gains.append(gain)
    return shapes[int(np.argmax(gains))]


def _paths(goods: Floats, bads: Floats, least: float) -> tuple[Floats, NDArray[np.int64]]:
    """By first and last cell of the last bin: the likelihood of the best rising bins, and where the bin before begins."""
    value = np.full((len(goods), len(goods)), -np.inf)
    back = np.full(value.shape, -1, np.int64)
    _fill_paths(goods, bads, least, value, back)
    return value, back


def _traced(value: Floats, back: NDArray[np.int64], last: int) -> list[int]:
    start = int(np.argmax(value[: last + 1, last]))
    starts = []
    while start >= 0:
        starts.append(start)
        start, last = int(back[start, last]), start - 1
    return starts[::-1]


@kernel
def _fill_paths(goods, bads, least, value, back):
    """Fills `value` and `back` (cells, cells); what cannot be stays -inf."""
    for last in range(len(goods)):
        good = bad = 0.0
        for first in range(last, -1, -1):
            good += goods[first]
            bad += bads[first]
            if good + bad < least:
                continue
            gain = 0.0
            if good > 0 and bad > 0:
                gain = good * np.log(good / (good + bad)) + bad * np.log(bad / (good + bad))
            if first == 0:
                value[0, last] = gain
                continue
            good_before = bad_before = 0.0
            best, at = -np.inf, -1
            for before in range(first - 1, -1, -1):
                good_before += goods[before]
                bad_before += bads[before]
                if value[before, first - 1] > best and bad_before * (good + bad) < bad * (good_before + bad_before):
                    best, at = value[before, first - 1], before
            if at >= 0:
                value[first, last] = best + gain
                back[first, last] = at
