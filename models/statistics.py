"""Figures of how well a score tells good from bad. Pure functions of arrays; `bad` is 1 for bad rows, a higher score is better."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMOOTHING: Final = 0.5
"""Added to each count where a bin is empty on one side: half a row (Jeffreys' prior), so a logarithm of it exists."""
NEWTON_STEPS_MAX: Final = 50
NEWTON_TOLERANCE: Final = 1e-10
LOSS_ROUNDING: Final = 1e-12
"""Of a sum over the rows: a step is not halved for less."""


def auc(scores: NDArray[Any], bad: NDArray[Any]) -> float:
    """Area under the ROC curve: how often a good row scores higher than a bad one; equal scores count half (Mann-Whitney)."""
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[group]
    bads = int(bad.sum())
    goods = len(bad) - bads
    return float((ranks[bad == 0].sum() - goods * (goods + 1) / 2) / (goods * bads))


def roc(scores: NDArray[Any], bad: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Cut-offs, and the shares of the good and of the bad rows that score at or below each."""
    cuts, group = np.unique(scores, return_inverse=True)
    goods = np.cumsum(np.bincount(group, bad == 0))
    bads = np.cumsum(np.bincount(group, bad == 1))
    return cuts.astype(np.float64), goods / goods[-1], bads / bads[-1]


def ks(scores: NDArray[Any], bad: NDArray[Any]) -> float:
    """The Kolmogorov-Smirnov statistic: the largest distance between the shares of bad and good rows below a cut-off."""
    _, goods, bads = roc(scores, bad)
    return float(np.abs(bads - goods).max())


def woe(goods: NDArray[Any], bads: NDArray[Any]) -> Floats:
    """Weight of evidence by bin: ln(share of all good rows / share of all bad rows). Above zero is better than average."""
    pure = (goods == 0) | (bads == 0)
    good = np.where(pure, goods + SMOOTHING, goods) / goods.sum()
    worse = np.where(pure, bads + SMOOTHING, bads) / bads.sum()
    weights: Floats = np.where(goods + bads > 0, np.log(good / worse), 0.0)
    return weights


def information_value(goods: NDArray[Any], bads: NDArray[Any]) -> float:
    """IV: sum over bins of (share of good - share of bad) * WOE. Below 0.02 a characteristic says next to nothing."""
    return float(((goods / goods.sum() - bads / bads.sum()) * woe(goods, bads)).sum())


def psi(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Population stability index of two counts by bin. Below 0.1: no change to speak of; above 0.25: another population."""
    empty = (before == 0) | (after == 0)
    old = np.where(empty, before + SMOOTHING, before) / before.sum()
    new = np.where(empty, after + SMOOTHING, after) / after.sum()
    either = before + after > 0
    return float(((new - old) * np.log(new / old))[either].sum())


def logistic(inputs: Floats, bad: NDArray[Any], ridge: float = 1.0) -> tuple[float, Floats]:
    """Intercept and coefficients of a logistic regression of `bad` on `inputs` (n, k), by Newton's method to the optimum. A step that
    overshoots, as the first ones do where bad rows are rare, is halved until it does not. The penalty is half of `ridge` times the sum of
    squared coefficients; 1.0 is what others call C=1. Raises ValueError if it does not converge."""
    rows = np.column_stack([np.ones(len(inputs)), inputs])
    penalty = np.full(rows.shape[1], ridge)
    penalty[0] = 0.0
    weights = np.zeros(rows.shape[1])
    share = float(bad.mean())
    weights[0] = np.log(share / (1 - share))
    for _ in range(NEWTON_STEPS_MAX):
        chance = probability(rows @ weights)
        gradient = rows.T @ (chance - bad) + penalty * weights
        curvature = (rows * (chance * (1 - chance))[:, None]).T @ rows + np.diag(penalty)
        step = _leading_down(rows, bad, penalty, weights, np.linalg.solve(curvature, gradient))
        weights -= step
        if np.abs(step).max() < NEWTON_TOLERANCE:
            return float(weights[0]), weights[1:]
    raise ValueError("the logistic regression did not converge")


def _leading_down(rows: Floats, bad: NDArray[Any], penalty: Floats, weights: Floats, step: Floats) -> Floats:
    """The step, or the half of it, and so on: the first that does not raise what is minimised but for rounding."""

    def loss(at: Floats) -> float:
        log_odds = rows @ at
        return float((np.logaddexp(0.0, log_odds) - bad * log_odds).sum() + (penalty * at * at).sum() / 2)

    before = loss(weights)
    while loss(weights - step) > before + LOSS_ROUNDING * abs(before) and np.abs(step).max() > NEWTON_TOLERANCE:
        step = step / 2
    return step


def probability(log_odds: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(log_odds))
    chance: Floats = np.where(log_odds >= 0, 1 / (1 + small), small / (1 + small))
    return chance
