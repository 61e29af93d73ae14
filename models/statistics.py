"""Figures of how well a score separates good from bad.

Pure functions of arrays; `bad` is 1 for bad rows, a higher score is better.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.arrays import Reals

Floats = NDArray[np.float64]

SMOOTHING: Final = 0.5
"""Added to each count where a bin is empty on one side: half a row (Jeffreys' prior), so a logarithm of it exists."""
NEWTON_STEPS_MAX: Final = 50
NEWTON_TOLERANCE: Final = 1e-10
CODES_MAX: Final = 2**62
"""As many combinations of codes fit in one number."""
ROUNDING: Final = 1e-9
"""A share this little below a whole number is that number."""
LOSS_ROUNDING: Final = 1e-12
"""Of a sum over the rows: a step is not halved for less."""


def auc(scores: Reals, bad: Reals, weights: Floats | None = None) -> float:
    """Area under the ROC curve: how often a good row scores higher than a bad one; equal scores count half (Mann-Whitney). A pair of rows
    counts the product of their weights."""
    _, goods, bads = roc(scores, bad, weights)
    below = np.concatenate(([0.0], bads[:-1]))
    return float((np.diff(goods, prepend=0.0) * (below + bads) / 2).sum())


def roc(scores: Reals, bad: Reals, weights: Floats | None = None) -> tuple[Floats, Floats, Floats]:
    """Cut-offs, and the shares of the good and of the bad rows that score at or below each."""
    each = np.ones(len(bad)) if weights is None else weights
    cuts, group = np.unique(scores, return_inverse=True)
    goods = np.cumsum(np.bincount(group, each * (bad == 0)))
    bads = np.cumsum(np.bincount(group, each * (bad == 1)))
    return cuts.astype(np.float64), goods / goods[-1], bads / bads[-1]


def ks(scores: Reals, bad: Reals, weights: Floats | None = None) -> float:
    """The Kolmogorov-Smirnov statistic: the largest distance between the shares of bad and good rows below a cut-off."""
    _, goods, bads = roc(scores, bad, weights)
    return float(np.abs(bads - goods).max())


def woe(goods: Reals, bads: Reals) -> Floats:
    """Weight of evidence by bin: ln(share of all good rows / share of all bad rows). Above zero is better than average."""
    pure = (goods == 0) | (bads == 0)
    good = np.where(pure, goods + SMOOTHING, goods) / goods.sum()
    worse = np.where(pure, bads + SMOOTHING, bads) / bads.sum()
    weights: Floats = np.where(goods + bads > 0, np.log(good / worse), 0.0)
    return weights


def cell_log_odds(goods: Floats, bads: Floats) -> Floats:
    """Log odds of bad in each bin, half a row counted on both sides, so that a pure bin is not taken to be certain."""
    found: Floats = np.log((bads + SMOOTHING) / (goods + SMOOTHING))
    return found


def psi(before: Reals, after: Reals) -> float:
    """Population stability index of two counts by bin, neither of them 0 in all: the sum over bins of (share after - share before) times
    ln(share after / share before). Below 0.1: no change to speak of; above 0.25: another population (N. Siddiqi, Credit Risk Scorecards,
    Wiley 2006, on monitoring). Half a row is added on both sides of a bin that is empty on one."""
    empty = (before == 0) | (after == 0)
    old = np.where(empty, before + SMOOTHING, before) / before.sum()
    new = np.where(empty, after + SMOOTHING, after) / after.sum()
    either = before + after > 0
    return float(((new - old) * np.log(new / old))[either].sum())


def rows_by_outcome(bad: Reals, weights: Floats | None = None) -> Floats:
    """(2, n): for how many good and for how many bad rows each row stands."""
    each = np.ones(len(bad)) if weights is None else weights
    return np.stack([each * (bad == 0), each * (bad == 1)])


def joined(codes: Sequence[NDArray[np.int64]], counts: Floats) -> tuple[list[NDArray[np.int64]], Floats]:
    """Rows that have the same codes, not below 0, in all columns made one, with the sums of their `counts` (2, n). Bins have few codes,
    so a large table becomes a small one that says the same."""
    mixed, span = np.zeros(counts.shape[1], np.int64), 1
    for column in codes:
        size = int(column.max()) + 1
        if span > CODES_MAX // size:
            mixed = np.unique(mixed, return_inverse=True)[1]
            span = int(mixed.max()) + 1
        mixed, span = mixed * size + column, span * size
    _, first, group = np.unique(mixed, return_index=True, return_inverse=True)
    return [column[first] for column in codes], np.stack([np.bincount(group, each) for each in counts])


class Logistic(NamedTuple):
    """A fitted regression. `errors`: standard errors of the coefficients, from the curvature at the optimum."""

    intercept: float
    coefficients: Floats
    errors: Floats


def logistic(inputs: Floats, goods: Floats, bads: Floats, ridge: float = 1.0, start: Floats | None = None) -> Logistic:
    """Logistic regression of bad on `inputs` (n, k), each of which stands for `goods` and `bads` rows, by Newton's method to the optimum.
    A step that overshoots, as the first ones do where bad rows are rare, is halved until it does not. The penalty is half of `ridge`
    times the sum of squared coefficients; 1.0 is what others call C=1. `start`: intercept and coefficients to begin at, which save
    steps and do not change the optimum. Raises ValueError if it does not converge."""
    terms = np.column_stack([np.ones(len(inputs)), inputs])
    each = goods + bads
    penalty = np.full(terms.shape[1], ridge)
    penalty[0] = 0.0
    weights = np.zeros(terms.shape[1])
    weights[0] = np.log(bads.sum() / goods.sum())
    if start is not None:
        weights = start.copy()

    def loss(log_odds: Floats, at: Floats) -> float:
        """What is minimised: the deviance, halved, and the penalty."""
        certain = np.maximum(log_odds, 0.0) + np.log1p(np.exp(-np.abs(log_odds)))
        return float(each @ certain - bads @ log_odds + penalty @ (at * at) / 2)

    log_odds = terms @ weights
    least = loss(log_odds, weights)
    for _ in range(NEWTON_STEPS_MAX):
        chance = probability(log_odds)
        gradient = terms.T @ (each * chance - bads) + penalty * weights
        curvature = (terms * (each * chance * (1 - chance))[:, None]).T @ terms + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        onward = terms @ step
        there = loss(log_odds - onward, weights - step)
        while there > least + LOSS_ROUNDING * abs(least) and np.abs(step).max() > NEWTON_TOLERANCE:
            step, onward = step / 2, onward / 2
            there = loss(log_odds - onward, weights - step)
        weights, log_odds, least = weights - step, log_odds - onward, there
        if np.abs(step).max() < NEWTON_TOLERANCE:
            errors = np.sqrt(np.diag(np.linalg.inv(curvature)))
            return Logistic(float(weights[0]), weights[1:], errors[1:])
    raise ValueError("the logistic regression did not converge")


def probability(log_odds: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(log_odds))
    chance: Floats = np.where(log_odds >= 0, 1 / (1 + small), small / (1 + small))
    return chance


def whole_numbers(shares: Floats, total: int) -> NDArray[np.int64]:
    """Whole numbers that sum to `total`: rounded down, and what is left goes to the largest remainders, the first of equal ones."""
    down = np.floor(shares + ROUNDING).astype(np.int64)
    order = np.argsort(-(shares - down), kind="stable")
    down[order[: total - int(down.sum())]] += 1
    return down
