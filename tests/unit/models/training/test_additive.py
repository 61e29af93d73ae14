"""An additive card is a card: integer points that say what its functions say, no wilder than its rows carry."""

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from models.evaluation import Evaluator
from models.scorecard import canonical
from models.statistics import Floats, auc, probability
from models.training import additive
from models.training.additive import (
    BAGS,
    BIN_SHARE,
    PARTS,
    STEP_MIN,
    TURN_ROWS_MIN,
    TURN_SHARE,
    held_out_parts,
    log_odds_of,
    share_of_second,
    smoothed,
)
from models.training.binning import MISSING_ROWS_MIN, Plan, weights_of
from models.training.cutting import STRAIGHT
from models.training.extra import optional_module
from models.training.page import page
from models.training.report import report_of
from models.training.train import (
    Data,
    Fitted,
    Pdo,
    Settings,
    Special,
    cross_validated,
    fit,
    folds,
    parts_of,
    plans_of,
    prepare,
)
from models.training.weighed import weighed
from tests.extra import needs

pytestmark = pytest.mark.long

needs("sklearn")

ROWS = 3_000


def sample() -> pa.Table:
    """Risk falls with `income`, has a valley over `account`, rises where `debt` is missing or -9; `city` matters, `noise` does not."""
    rng = np.random.default_rng(3)
    income, account = rng.gamma(2.0, 1_500.0, ROWS).round(2), rng.uniform(0, 10, ROWS).round(1)
    debt = np.where(rng.random(ROWS) < 0.15, np.nan, rng.integers(0, 40, ROWS).astype(float))
    debt[rng.random(ROWS) < 0.05] = -9
    city = rng.choice(["north", "south", "east", "sea"], ROWS)
    log_odds = -0.0005 * income + 0.15 * (account - 5) ** 2 + np.where(city == "sea", 0.9, 0) - 1.6
    log_odds += np.where(np.isnan(debt), 1.0, np.where(debt == -9, 1.5, 0.03 * debt))
    columns = {"income": income, "account": account, "debt": pa.array(debt, from_pandas=True), "city": city}
    noise = rng.normal(size=ROWS).round(2)
    return pa.table({**columns, "noise": noise, "bad": (rng.random(ROWS) < probability(log_odds)).astype(np.int64)})


TABLE = sample()


def settings(**changes: Any) -> Settings:
    special = (Special(feature="debt", value=-9),)
    return Settings(**{"name": "sample", "target": "bad", "method": "additive", "special": special, **changes})


@pytest.fixture(scope="module")
def trained() -> tuple[Data, Fitted]:
    data = prepare(TABLE, settings())
    return data, fit(data, settings())


def log_odds_of_bins(data: Data, fitted: Fitted) -> Floats:
    columns = {column.feature: column for column in data.columns}
    stated = [weights_of(bins, columns[bins.feature].values) for bins in fitted.bins]
    return np.sum(stated, axis=0) - fitted.intercept


def test_the_integer_points_say_what_the_functions_say(trained: tuple[Data, Fitted]) -> None:
    data, fitted = trained
    log_odds = log_odds_of_bins(data, fitted)
    scores = Evaluator(fitted.card).evaluate_table(TABLE).totals
    assert (fitted.card.worst, fitted.card.best) == (350, 950)
    assert np.abs((scores - fitted.offset) / fitted.factor - log_odds).max() * fitted.factor <= len(fitted.bins)
    assert auc(scores, data.bad) == pytest.approx(auc(log_odds, data.bad), abs=0.001)


def test_the_log_odds_of_the_functions_are_those_of_the_rows(trained: tuple[Data, Fitted]) -> None:
    data, fitted = trained
    log_odds = log_odds_of_bins(data, fitted)
    assert probability(-log_odds).mean() == pytest.approx(data.bad.mean(), abs=0.01)


def test_the_same_table_and_settings_give_the_same_bytes(trained: tuple[Data, Fitted]) -> None:
    assert canonical(fit(prepare(TABLE, settings()), settings()).card) == canonical(trained[1].card)


def test_special_and_missing_values_have_points_of_their_own(trained: tuple[Data, Fitted]) -> None:
    (debt,) = [item for item in trained[1].card.characteristics if item.feature == "debt"]
    special = debt.points[int(np.searchsorted(debt.edges or (), -9, side="right"))]
    assert special < debt.missing < max(debt.points)


def test_missing_and_special_values_of_which_training_saw_few_are_neutral() -> None:
    debt = [0.0 if value in (None, -9) else value for value in TABLE["debt"].to_pylist()]
    debt[: MISSING_ROWS_MIN - 1] = [None] * (MISSING_ROWS_MIN - 1)
    debt[-3:] = [-9.0] * 3
    table = TABLE.set_column(2, "debt", pa.array(debt, pa.float64()))
    (bins,) = [each for each in fit(prepare(table, settings()), settings()).bins if each.feature == "debt"]
    assert bins.weights[-1] == 0
    assert bins.weights[int(np.searchsorted(bins.edges or (), -9, side="right"))] == 0


def test_what_a_card_does_not_know_is_the_average_row(trained: tuple[Data, Fitted]) -> None:
    data, fitted = trained
    columns = {column.feature: column for column in data.columns}
    for bins in fitted.bins:
        assert weights_of(bins, columns[bins.feature].values).mean() == pytest.approx(0, abs=1e-9)
    (city,) = [item for item in fitted.card.characteristics if item.feature == "city"]
    assert isinstance(city.unknown, int) and min(city.points) < city.unknown < max(city.points)


def test_no_bin_and_no_stretch_between_turns_has_fewer_rows_than_stated(trained: tuple[Data, Fitted]) -> None:
    for bins in fitted_numbers(trained[1]):
        plain = bins.rows[:-1] if bins.feature != "debt" else bins.rows[2:-1]
        assert plain.min() >= BIN_SHARE * plain.sum()
        values = bins.weights[:-1] if bins.feature != "debt" else bins.weights[2:-1]
        assert min(stretches(values, plain)) >= min(max(TURN_ROWS_MIN, TURN_SHARE * plain.sum()), plain.sum())


def fitted_numbers(fitted: Fitted) -> list[Any]:
    return [bins for bins in fitted.bins if bins.edges is not None]


def stretches(values: Any, rows: Any) -> list[float]:
    steps = np.sign(np.diff(values))
    turns = [0, *(at + 1 for at in range(len(steps) - 1) if steps[at] != steps[at + 1]), len(steps)]
    return [float(rows[first : last + 1].sum()) for first, last in pairwise(turns)]


@pytest.mark.parametrize("seed", range(20))
def test_joined_cells_keep_their_mean_and_zigzag_no_more_than_stated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, held = rng.normal(size=64).cumsum() * 0.2, rng.integers(0, 60, 64).astype(float)
    starts, means = smoothed(values, held, share=BIN_SHARE, turning=True)
    rows = np.add.reduceat(held, starts)
    assert starts[0] == 0 and (np.diff(starts) > 0).all()
    assert means @ rows == pytest.approx(values @ held)
    assert rows.min() >= BIN_SHARE * held.sum()
    assert (np.abs(np.diff(means)) >= STEP_MIN).all()
    assert min(stretches(means, rows)) >= max(TURN_ROWS_MIN, TURN_SHARE * held.sum())


def test_weights_of_evidence_that_are_read_by_cell_say_what_their_bins_say(
    trained: tuple[Data, Fitted], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, rows = trained[0], np.arange(ROWS // 2)
    held_out = np.arange(ROWS // 2, ROWS)
    plan = Plan(shapes=STRAIGHT, share=BIN_SHARE)
    model = weighed(data.columns, rows, data.bad, data.weights, plan, {})
    monkeypatch.setattr(additive, "BAGS", 1)
    monkeypatch.setattr(additive, "share_of_second", lambda *held: 1.0)
    found = log_odds_of(data.columns, (rows, held_out), data.bad, data.weights, seed=1)
    assert found == pytest.approx(model.log_odds(data.columns, held_out))
    assert np.ptp(found) > 1


def test_a_regression_without_a_column_gives_the_odds_of_all_rows() -> None:
    of = np.arange(400)
    table = pa.table({"same": of % 2, "bad": (of // 2 % 4 == 0).astype(np.int64)})
    data = prepare(table, settings(special=()))
    model = weighed(data.columns, of, data.bad, data.weights, Plan(shapes=STRAIGHT, share=BIN_SHARE), {})
    assert model.places == ()
    assert model.log_odds(data.columns, of) == pytest.approx(np.log(3))


def test_few_rows_leave_two_kinds_of_functions_half_and_half_and_many_rows_decide() -> None:
    rng = np.random.default_rng(11)
    truth, noise = rng.normal(size=(2, 20_000))
    bad, weights = (rng.random(len(truth)) < probability(-truth)).astype(np.int64), np.ones(len(truth))
    assert share_of_second(truth, noise, bad, weights) == 0
    assert share_of_second(noise, truth, bad, weights) > 0.9
    few = slice(0, 40)
    assert share_of_second(truth[few], noise[few], bad[few], weights[few]) == pytest.approx(0.5, abs=0.1)
    assert share_of_second(truth, truth, bad, weights) == 0.5
    assert share_of_second(truth, noise, bad, weights * 1e-6) == pytest.approx(0.5, abs=0.01)


def test_each_bag_holds_out_other_rows_and_as_many_bad_ones() -> None:
    rows, bad = np.arange(100, 800), (np.arange(800) % 10 == 0).astype(np.int64)
    parts = held_out_parts(rows, bad, seed=5)
    joined = np.concatenate(parts)
    assert len(parts) == BAGS and len(joined) == len(set(joined.tolist())) == BAGS * len(rows) // PARTS
    assert {int(bad[part].sum()) for part in parts} == {10}
    assert not np.array_equal(parts[0], held_out_parts(rows, bad, seed=6)[0])


def test_risk_is_straight_where_asked() -> None:
    chosen = settings(rising=("account",), falling=("income",))
    by_name = {bins.feature: bins for bins in fit(prepare(TABLE, chosen), chosen).bins}
    assert (np.diff(by_name["account"].weights[:-1]) <= 0).all()
    assert (np.diff(by_name["income"].weights[:-1]) >= 0).all()
    straight = settings(trend="monotonic")
    for bins in fitted_numbers(fit(prepare(TABLE, straight), straight)):
        steps = np.diff(bins.weights[:-1] if bins.feature != "debt" else bins.weights[2:-1])
        assert (steps <= 0).all() or (steps >= 0).all()


def test_a_regression_keeps_a_direction_that_is_asked_for() -> None:
    chosen = settings(method="logistic", rising=("account",))
    (account,) = [each for each in fit(prepare(TABLE, chosen), chosen).bins if each.feature == "account"]
    assert (np.diff(account.weights[:-1]) <= 0).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rising": ("city",)}, "city: it holds categories"),
        ({"rising": ("income",), "falling": ("income",)}, "income: risk cannot both rise and fall"),
        ({"falling": ("nothing",)}, "there is no column 'nothing'"),
    ],
)
def test_a_direction_that_cannot_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        prepare(TABLE, settings(**changes))


def test_a_column_that_is_missing_in_all_rows_of_training_is_left_out() -> None:
    rare = pa.array([None] * (ROWS // 2) + ["a", "b"] * (ROWS // 4))
    late = pa.array([None] * (ROWS // 2) + list(range(ROWS // 2)), pa.int64())
    table = TABLE.append_column("rare", rare).append_column("late", late)
    fitted = fit(prepare(table, settings()), settings(), np.arange(ROWS // 2))
    assert {"rare", "late"} <= {each.feature for each in fitted.left_out}


def test_auto_takes_what_cross_validation_shows_to_be_best() -> None:
    chosen = settings(method="auto", trend="monotonic", bin_share=0.05)
    rows = np.arange(400)
    data = prepare(TABLE.select(["account", "bad"]).slice(0, len(rows)), msgspec.structs.replace(chosen, special=()))
    parts = parts_of(data, chosen, rows)
    with optional_module("threadpoolctl").threadpool_limits(1):
        areas = {plan: cross_validated(data, chosen, parts, plan).mean() for plan in plans_of(chosen)}
    assert len(areas) == 2
    assert fit(data, chosen, rows).plan == max(areas, key=lambda plan: areas[plan])


def test_the_report_of_an_additive_card_says_how_it_was_made(trained: tuple[Data, Fitted]) -> None:
    data, fitted = trained
    report = report_of(data, fitted, folds(data, settings(folds=2)), settings(folds=2))
    assert report.plan.additive and report.auc > 0.7
    assert "boosted functions of one column each" in page(report)


def test_points_that_double_the_odds_can_be_given() -> None:
    chosen = settings(scaling=Pdo(pdo=40, points=600, odds=5))
    fitted = fit(prepare(TABLE, chosen), chosen)
    assert fitted.card.range == (fitted.card.worst, fitted.card.best)
    assert fitted.factor == pytest.approx(40 / np.log(2))
