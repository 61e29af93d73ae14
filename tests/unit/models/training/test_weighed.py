"""Columns are weighed beside each other: what would give points for risk, or finds no room, is left out and named."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.statistics import probability
from models.training.binning import Column, Plan, column_of, weights_of
from models.training.cutting import STRAIGHT
from models.training.train import (
    fit,
    prepare,
)
from models.training.weighed import weighed
from tests.extra import needs
from tests.unit.models.training.sample import BAD, ROWS, X, settings, table

pytestmark = pytest.mark.long
needs("optbinning")
RNG = np.random.default_rng(12)


def test_of_more_columns_than_a_card_has_room_for_the_best_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.training.weighed.CHARACTERISTICS_MAX", 2)
    wide = table(**{f"n{at}": X + RNG.normal(0, 20, ROWS) for at in range(3)})
    fitted = fit(prepare(wide, settings()), settings())
    assert len(fitted.card.characteristics) <= 2 and "x" in {item.feature for item in fitted.card.characteristics}
    assert sum("2 characteristics at most" in each.why for each in fitted.left_out) == 2


PLAN = Plan(shapes=STRAIGHT, share=0.05)
EVERY = np.arange(ROWS)


def columns_of(**values: Any) -> list[Column]:
    return [column_of(name, pa.chunked_array([pa.array(each)])) for name, each in values.items()]


def test_a_column_that_says_nothing_is_left_out_and_the_others_have_weights_above_zero() -> None:
    columns = columns_of(x=X, same=np.ones(ROWS), y=X + np.random.default_rng(3).normal(0, 9, ROWS))
    made = weighed(columns, EVERY, BAD, np.ones(ROWS), PLAN, {})
    assert [each.feature for each in made.left_out] == ["same"] and made.places == (0, 2)
    assert (made.coefficients > 0).all() and len(made.errors) == 2
    few = weighed(columns, EVERY, BAD, np.ones(ROWS), PLAN, {}, iv_min=99.0)
    assert len(few.left_out) == 3 and few.places == ()


def test_a_model_of_no_column_gives_everybody_the_average() -> None:
    made = weighed(columns_of(same=np.ones(ROWS)), EVERY, BAD, np.ones(ROWS), PLAN, {})
    found = made.log_odds(columns_of(same=np.ones(ROWS)), EVERY)
    assert np.allclose(found, np.log((ROWS - BAD.sum()) / BAD.sum()))


def test_log_odds_are_the_intercept_and_the_weighed_weights_of_evidence() -> None:
    columns = columns_of(x=X)
    made = weighed(columns, EVERY, BAD, np.ones(ROWS), PLAN, {})
    by_hand = -made.intercept + made.coefficients[0] * weights_of(made.bins[0], columns[0].values)
    assert np.allclose(made.log_odds(columns, EVERY), by_hand)
    assert abs(probability(-by_hand).sum() - BAD.sum()) < 0.5, "a regression's predictions add up to what was observed"
    assert len(made.log_odds(columns, EVERY[:0])) == 0


def test_two_columns_of_which_one_is_the_other_turned_do_not_both_give_points_for_risk() -> None:
    rng = np.random.default_rng(5)
    noisy = X + rng.normal(0, 1.5, ROWS)
    made = weighed(columns_of(x=X, y=noisy, z=noisy + rng.normal(0, 0.1, ROWS)), EVERY, BAD, np.ones(ROWS), PLAN, {})
    assert (made.coefficients > 0).all()
    assert all("more points for more risk" in each.why for each in made.left_out)


@pytest.mark.parametrize("direction", [1, -1])
def test_risk_goes_only_in_the_direction_that_was_asked_for(direction: int) -> None:
    (bins,) = weighed(columns_of(x=X), EVERY, BAD, np.ones(ROWS), PLAN, {"x": -1}).bins
    assert (np.diff(bins.weights[:-1]) > 0).all(), "risk falls with x: weights of evidence of good rise"
    found = weighed(columns_of(x=X), EVERY, BAD, np.ones(ROWS), PLAN, {"x": direction})
    assert len(found.bins) == (1 if direction < 0 else 0)


def test_a_row_of_weight_two_is_the_row_twice() -> None:
    weights = np.random.default_rng(7).integers(1, 3, ROWS)
    twice = np.repeat(EVERY, weights)
    columns = columns_of(x=np.round(X / 20))
    one = weighed(columns, EVERY, BAD, weights.astype(float), PLAN, {})
    other = weighed(columns, twice, BAD, np.ones(ROWS), PLAN, {})
    assert one.intercept == pytest.approx(other.intercept) and one.coefficients == pytest.approx(other.coefficients)
