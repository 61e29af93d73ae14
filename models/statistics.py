"""Figures of how well a score tells good from bad. Pure functions of arrays; `bad` is 1 for bad rows, a higher score is better."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMOOTHING: Final = 0.5
"""Added to each count where a bin is empty on one side: half a row (Jeffreys' prior), so a logarithm of it exists."""
NEWTON_STEPS_MAX: Final = 50
NEWTON_TOLERANCE: Final = 1e-10
LOSS_ROUNDING: Final = 1e-12
"""Of a sum over the rows: a step is not halved for less."""


def auc(scores: NDArray[Any], bad: NDArray[Any], weights: Floats | None = None) -> float:
    """Area under the ROC curve: how often a good row scores higher than a bad one; equal scores count half (Mann-Whitney). A pair of rows
    counts the product of their weights."""
    _, goods, bads = roc(scores, bad, weights)
    below = np.concatenate(([0.0], bads[:-1]))
    return float((np.diff(goods, prepend=0.0) * (below + bads) / 2).sum())


def roc(scores: NDArray[Any], bad: NDArray[Any], weights: Floats | None = None) -> tuple[Floats, Floats, Floats]:
    """Cut-offs, and the shares of the good and of the bad rows that score at or below each."""
    each = np.ones(len(bad)) if weights is None else weights
    cuts, group = np.unique(scores, return_inverse=True)
    goods = np.cumsum(np.bincount(group, each * (bad == 0)))
    bads = np.cumsum(np.bincount(group, each * (bad == 1)))
    return cuts.astype(np.float64), goods / goods[-1], bads / bads[-1]


def ks(scores: NDArray[Any], bad: NDArray[Any], weights: Floats | None = None) -> float:
    """The Kolmogorov-Smirnov statistic: the largest distance between the shares of bad and good rows below a cut-off."""
    _, goods, bads = roc(scores, bad, weights)
    return float(np.abs(bads - goods).max())


def woe(goods: NDArray[Any], bads: NDArray[Any]) -> Floats:
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


def psi(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Population stability index of two counts by bin. Below 0.1: no change to speak of; above 0.25: another population."""
    empty = (before == 0) | (after == 0)
    old = np.where(empty, before + SMOOTHING, before) / before.sum()
    new = np.where(empty, after + SMOOTHING, after) / after.sum()
    either = before + after > 0
    return float(((new - old) * np.log(new / old))[either].sum())


class Logistic(NamedTuple):
    """A fitted regression. `errors`: standard errors of the coefficients, from the curvature at the optimum."""

    intercept: float
    coefficients: Floats
    errors: Floats


def logistic(inputs: Floats, bad: NDArray[Any], ridge: float = 1.0, row_weights: Floats | None = None) -> Logistic:
    """Logistic regression of `bad` on `inputs` (n, k), by Newton's method to the optimum. A step that overshoots, as the first ones
    do where bad rows are rare, is halved until it does not. The penalty is half of `ridge` times the sum of squared coefficients; 1.0
    is what others call C=1. Raises ValueError if it does not converge."""
    rows = np.column_stack([np.ones(len(inputs)), inputs])
    each = np.ones(len(rows)) if row_weights is None else row_weights
    penalty = np.full(rows.shape[1], ridge)
    penalty[0] = 0.0
    weights = np.zeros(rows.shape[1])
    share = float((each * bad).sum() / each.sum())
    weights[0] = np.log(share / (1 - share))
    for _ in range(NEWTON_STEPS_MAX):
        chance = probability(rows @ weights)
        gradient = rows.T @ (each * (chance - bad)) + penalty * weights
        curvature = (rows * (each * chance * (1 - chance))[:, None]).T @ rows + np.diag(penalty)
        step = _leading_down(rows, bad, each, penalty, weights, np.linalg.solve(curvature, gradient))
        weights -= step
        if np.abs(step).max() < NEWTON_TOLERANCE:
            errors = np.sqrt(np.diag(np.linalg.inv(curvature)))
            return Logistic(float(weights[0]), weights[1:], errors[1:])
    raise ValueError("the logistic regression did not converge")


def _leading_down(
    rows: Floats, bad: NDArray[Any], each: Floats, penalty: Floats, weights: Floats, step: Floats
) -> Floats:
    """The step, or the half of it, and so on: the first that does not raise what is minimised but for rounding."""

    def loss(at: Floats) -> float:
        log_odds = rows @ at
        return float((each * (np.logaddexp(0.0, log_odds) - bad * log_odds)).sum() + (penalty * at * at).sum() / 2)

    before = loss(weights)
    while loss(weights - step) > before + LOSS_ROUNDING * abs(before) and np.abs(step).max() > NEWTON_TOLERANCE:
        step = step / 2
    return step


def probability(log_odds: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(log_odds))
    chance: Floats = np.where(log_odds >= 0, 1 / (1 + small), small / (1 + small))
    return chance
