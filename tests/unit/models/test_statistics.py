"""Figures against their definitions, and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.statistics import auc, joined, ks, logistic, probability, psi, roc, rows_by_outcome, woe

rows = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=30).filter(
    lambda pairs: len({bad for _, bad in pairs}) == 2
)


def arrays(pairs: list[tuple[int, bool]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.array([score for score, _ in pairs]), np.array([bad for _, bad in pairs], np.int64)


@given(rows)
def test_auc_is_how_often_good_beats_bad(pairs: list[tuple[int, bool]]) -> None:
    scores, bad = arrays(pairs)
    duels = [(good > worse) + (good == worse) / 2 for good in scores[bad == 0] for worse in scores[bad == 1]]
    assert auc(scores, bad) == pytest.approx(np.mean(duels))


@given(rows)
def test_ks_is_the_largest_distance_of_the_shares_below_a_cut_off(pairs: list[tuple[int, bool]]) -> None:
    scores, bad = arrays(pairs)
    distances = [
        abs((scores[bad == 1] <= cut).mean() - (scores[bad == 0] <= cut).mean()) for cut in set(scores.tolist())
    ]
    assert ks(scores, bad) == pytest.approx(max(distances))
    _, goods, bads = roc(scores, bad)
    assert goods[-1] == bads[-1] == 1


def test_weights_of_evidence_by_hand_and_of_bins_that_are_empty_on_one_side() -> None:
    goods, bads = np.array([30, 60, 10, 0]), np.array([30, 10, 0, 0])
    weights = woe(goods, bads)
    assert weights[:2] == pytest.approx([np.log(0.3 / 0.75), np.log(0.6 / 0.25)])
    assert weights[2] == pytest.approx(np.log((10.5 / 100) / (0.5 / 40)))
    assert weights[3] == 0


def test_psi_is_zero_for_the_same_shares_and_grows() -> None:
    before = np.array([10, 20, 70, 0])
    assert psi(before, before * 3) == pytest.approx(0)
    assert 0 < psi(before, np.array([10, 30, 60, 0])) < psi(before, np.array([50, 40, 10, 0]))
    assert np.isfinite(psi(before, np.array([0, 20, 70, 5])))


def test_the_logistic_regression_is_that_of_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(7)
    inputs = rng.normal(size=(500, 4))
    bad = (rng.random(500) < probability(inputs @ np.array([1.0, -2.0, 0.0, 0.3]) - 1)).astype(np.int64)
    intercept, weights, _ = logistic(inputs, *rows_by_outcome(bad))
    model = linear_model.LogisticRegression(tol=1e-10, max_iter=10_000).fit(inputs, bad)
    assert weights == pytest.approx(model.coef_[0], abs=1e-6)
    assert intercept == pytest.approx(model.intercept_[0], abs=1e-6)


@pytest.mark.parametrize("most", [2**62, 20])
def test_rows_of_the_same_codes_are_joined_and_give_the_same_regression(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("models.statistics.CODES_MAX", most)
    rng = np.random.default_rng(9)
    codes = [rng.integers(0, size, 3_000) for size in (2, 5, 3)]
    bad = (rng.random(3_000) < probability(np.column_stack(codes) @ np.array([0.5, -0.2, 0.1]) - 1)).astype(np.int64)
    counts = rows_by_outcome(bad, rng.uniform(0, 2, len(bad)))
    few, sums = joined(codes, counts)
    seen = list(zip(*(column.tolist() for column in few), strict=True))
    assert len(seen) == len(set(seen)) == 30
    for at, combination in enumerate(seen):
        same = np.all([column == code for column, code in zip(codes, combination, strict=True)], axis=0)
        assert sums[:, at] == pytest.approx(counts[:, same].sum(axis=1))
    found, expected = logistic(np.column_stack(few), *sums), logistic(np.column_stack(codes), *counts)
    assert found.coefficients == pytest.approx(expected.coefficients, abs=1e-8)
    good_rows, bad_rows = sums
    again = logistic(np.column_stack(few), good_rows, bad_rows, start=np.array([2.0, 1.0, -1.0, 0.5]))
    assert again.coefficients == pytest.approx(found.coefficients, abs=1e-8), "wherever it starts"


def test_separable_rows_still_have_an_optimum() -> None:
    inputs = np.array([[-1.0], [-2.0], [1.0], [2.0]])
    assert np.isfinite(logistic(inputs, *rows_by_outcome(np.array([0, 0, 1, 1])))[1]).all()


def test_the_regression_of_rare_rows_does_not_overshoot() -> None:
    """Newton's full steps lead away from the optimum here, until no row tells anything of the slope."""
    rng = np.random.default_rng(3)
    bad = (np.arange(200_000) < 20).astype(np.int64)
    inputs = np.where(bad == 1, -9.0, 1.0)[:, None] * rng.uniform(0.5, 1.5, (len(bad), 8))
    intercept, weights, _ = logistic(inputs, *rows_by_outcome(bad))
    chance = probability(intercept + inputs @ weights)
    assert inputs.T @ (chance - bad) + weights == pytest.approx(np.zeros(8), abs=1e-6), (
        "the gradient at the optimum is none"
    )
    assert chance[:20].min() > 0.5 > chance[20:].max()


def test_probabilities_do_not_overflow() -> None:
    assert probability(np.array([-1e4, 0.0, 1e4])).tolist() == [0, 0.5, 1]
