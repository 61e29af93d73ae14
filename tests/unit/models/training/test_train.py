"""A trained card is exact, repeatable, and refuses what it must; its report says what was found."""

import json
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from models.evaluation import NULL, Evaluator
from models.scorecard import Characteristic, Override, Scorecard, canonical, parse
from models.training.binning import MISSING_ROWS_MIN, column_of
from models.training.page import page
from models.training.report import TrainingReport, _score_psi, report_of
from models.training.train import Data, Fitted, Fold, Pdo, Range, Settings, fit, prepare, train
from tests.extra import needs

pytestmark = pytest.mark.long

needs("optbinning")

ROWS = 3_000


def sample(seed: int = 1) -> pa.Table:
    """Rows whose risk falls with `income` and rises with `late`; `city` matters, `noise` does not, half of `tenure` is missing."""
    rng = np.random.default_rng(seed)
    income, late = rng.gamma(2.0, 1_500.0, ROWS).round(2), rng.poisson(0.7, ROWS)
    city = rng.choice(["north", "south", "east", "sea"], ROWS)
    tenure = np.where(rng.random(ROWS) < 0.5, np.nan, rng.exponential(3.0, ROWS))
    log_odds = (
        -0.0006 * income + 0.9 * late + np.where(city == "sea", 0.8, 0.0) - 0.8 + np.where(np.isnan(tenure), 0.7, 0)
    )
    return pa.table(
        {
            "row": np.arange(ROWS),
            "income": income,
            "late": late,
            "city": city,
            "tenure": pa.array(tenure, from_pandas=True),
            "same": np.ones(ROWS),
            "nothing": pa.nulls(ROWS),
            "bad": (rng.random(ROWS) < 1 / (1 + np.exp(-log_odds))).astype(np.int64),
        }
    )


TABLE = sample()


def settings(**changes: Any) -> Settings:
    """Of weights of evidence alone: the other method has tests of its own, and takes five times as long."""
    return Settings(**{"name": "sample", "target": "bad", "method": "logistic", **changes})


@pytest.fixture(scope="module")
def trained() -> tuple[Data, Fitted, list[Fold]]:
    return train(TABLE, settings())


def test_the_range_is_hit_exactly_by_the_worst_and_the_best_case(trained: tuple[Data, Fitted, list[Fold]]) -> None:
    card = trained[1].card
    assert (card.worst, card.best, card.base) == (350, 950, 350)
    assert all(min(item.points) == 0 or item.missing == 0 for item in card.characteristics)
    for limits in ((0, 100), (300, 850), (-50, 7)):
        card = fit(trained[0], settings(scaling=Range(low=limits[0], high=limits[1]))).card
        assert (card.worst, card.best) == limits


def test_the_same_table_and_settings_give_the_same_bytes_also_of_the_report(
    trained: tuple[Data, Fitted, list[Fold]],
) -> None:
    again = train(TABLE, settings())
    assert canonical(again[1].card) == canonical(trained[1].card)
    pages = [page(report_of(*each, settings())) for each in (trained, again)]
    assert pages[0] == pages[1]


def test_another_seed_changes_the_folds_and_not_the_card(trained: tuple[Data, Fitted, list[Fold]]) -> None:
    other = train(TABLE, settings(seed=7))
    assert canonical(other[1].card) == canonical(trained[1].card)
    assert other[2][0].rows.tolist() != trained[2][0].rows.tolist()


def test_folds_hold_every_row_once_and_score_it_by_a_card_of_the_others(
    trained: tuple[Data, Fitted, list[Fold]],
) -> None:
    data, _, folds = trained
    assert sorted(np.concatenate([fold.rows for fold in folds]).tolist()) == list(range(ROWS))
    others = np.setdiff1d(np.arange(ROWS), folds[0].rows)
    evaluator = Evaluator(fit(data, settings(), others).card)
    assert evaluator.evaluate_table(TABLE.take(folds[0].rows)).totals.tolist() == folds[0].scores.tolist()


def test_columns_that_say_nothing_are_left_out_and_the_report_says_why(
    trained: tuple[Data, Fitted, list[Fold]],
) -> None:
    data, fitted, _ = trained
    assert {item.feature for item in fitted.card.characteristics} == {"income", "late", "city", "tenure"}
    assert {item.feature: item.why for item in data.left_out} == {
        "row": "it numbers the rows",
        "same": "always the same",
        "nothing": "always missing",
    }


def test_points_rise_with_what_is_safe(trained: tuple[Data, Fitted, list[Fold]]) -> None:
    by_name = {item.feature: item for item in trained[1].card.characteristics}
    assert list(by_name["income"].points) == sorted(by_name["income"].points)
    assert list(by_name["late"].points) == sorted(by_name["late"].points, reverse=True)
    assert by_name["income"].scale == 100
    groups = by_name["city"].categories or ()
    assert by_name["city"].points[[("sea" in group) for group in groups].index(True)] == min(by_name["city"].points)
    assert by_name["tenure"].missing == 0


@pytest.mark.parametrize("unknown", ["neutral", "worst", "error"])
def test_what_a_new_category_gets_is_stated(unknown: Any, trained: tuple[Data, Fitted, list[Fold]]) -> None:
    card = fit(trained[0], settings(unknown=unknown)).card
    (city,) = [item for item in card.characteristics if item.feature == "city"]
    if unknown == "error":
        assert city.unknown == "error"
    elif unknown == "worst":
        assert city.unknown == 0
    else:
        assert isinstance(city.unknown, int) and 0 < city.unknown < max(city.points)
        assert city.missing == city.unknown, "training saw no missing city, so it is neutral too"


def test_missing_values_of_which_training_saw_few_are_neutral() -> None:
    few = [None] * (MISSING_ROWS_MIN - 1) + TABLE["income"].to_pylist()[MISSING_ROWS_MIN - 1 :]
    table = TABLE.set_column(1, "income", pa.array(few, pa.float64()))
    fitted = fit(prepare(table, settings()), settings())
    (income,) = [item for item in fitted.card.characteristics if item.feature == "income"]
    assert min(income.points) < income.missing < max(income.points)


def test_pdo_scaling_doubles_the_odds() -> None:
    chosen = settings(scaling=Pdo(pdo=40, points=600, odds=5))
    data = prepare(TABLE, chosen)
    fitted = fit(data, chosen)
    assert fitted.card.range == (fitted.card.worst, fitted.card.best)
    evaluator = Evaluator(fitted.card)
    scores = evaluator.evaluate_table(TABLE).totals.astype(float)
    from models.statistics import logistic, probability, rows_by_outcome

    intercept, (slope,), _ = logistic((scores / 100)[:, None], *rows_by_outcome(data.bad))
    assert np.log(2) / -slope * 100 == pytest.approx(40, rel=0.1)
    assert probability(np.array([intercept + slope * 6]))[0] == pytest.approx(1 / 6, abs=0.03)


def test_bands_begin_at_given_odds_and_the_observed_odds_rise(trained: tuple[Data, Fitted, list[Fold]]) -> None:
    report = report_of(*trained, settings())
    odds = [band.odds for band in report.bands]
    assert [band.name for band in report.bands] == ["E", "D", "C", "B", "A"]
    assert odds == sorted(odds, key=lambda each: each or np.inf)
    chosen = settings(band_odds=(1.0, 3.0))
    data = prepare(TABLE, chosen)
    bands = fit(data, chosen).card.bands or ()
    assert [band.name for band in bands] == ["C", "B", "A"]


PROHIBITED = TABLE.append_column("Applicant_Sex", pa.array(["f", "m"] * (ROWS // 2)))


def test_prohibited_inputs_are_refused_by_name_and_by_their_categories() -> None:
    with pytest.raises(ValueError, match=r"prohibited inputs: Applicant_Sex \(sex\).*--exclude"):
        prepare(PROHIBITED, settings())
    hidden = TABLE.append_column("x9", pa.array(["female : single", "male : divorced"] * (ROWS // 2)))
    with pytest.raises(ValueError, match=r"x9 \(female\)"):
        prepare(hidden, settings())
    prepare(PROHIBITED, settings(exclude=("Applicant_Sex",)))


def test_an_override_is_kept_in_the_card() -> None:
    late = pa.table({**{name: TABLE[name] for name in ("late", "bad")}, "gender": TABLE["income"]})
    override = Override(feature="gender", because="a test")
    card = fit(prepare(late, settings(overrides=(override,))), settings(overrides=(override,))).card
    assert card.overrides == (override,)
    assert parse(canonical(card)) == card
    with pytest.raises(ValueError, match="names no column that is used: sex"):
        prepare(late, settings(overrides=(override, Override(feature="sex", because="x"))))


@pytest.mark.parametrize(
    ("table", "changes", "message"),
    [
        (TABLE, {"target": "outcome"}, "there is no column 'outcome'; there are row, income"),
        (TABLE, {"exclude": ("outcome",)}, "there is no column 'outcome'"),
        (TABLE, {"target": "city"}, "city holds east, north, sea: say with --bad"),
        (TABLE, {"target": "tenure"}, "rows have no outcome"),
        (TABLE, {"target": "city", "bad": "moon"}, "no row is moon as --bad says; it holds east, north, sea, south"),
        (TABLE.slice(0, 60), {}, "bad rows; 5 folds need at least 50"),
        (TABLE.select(["same", "bad"]), {}, "no column is left to train on"),
    ],
)
def test_what_cannot_be_trained_on_is_said(table: pa.Table, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prepare(table, settings(**changes))


def test_columns_of_noise_make_no_card() -> None:
    noise = pa.table({"noise": np.random.default_rng(3).random(ROWS), "bad": TABLE["bad"]})
    with pytest.raises(ValueError, match="no column tells good from bad"):
        fit(prepare(noise, settings(iv_min=0.1)), settings(iv_min=0.1))


@pytest.mark.parametrize(
    ("numbers", "scale"),
    [([1.0, 2.0], 1), ([0.5, 0.25], 100), ([0.000001, 1.0], 10**6), ([np.pi, np.e], 10**7), ([1e-7, 1.1e-7], 10**9)],
)
def test_floats_get_the_smallest_scale_that_makes_them_whole(numbers: list[float], scale: int) -> None:
    column = column_of("x", pa.chunked_array([pa.array([*numbers, None])]))
    assert column.scale == scale
    assert column.values.tolist() == [*(round(number * scale) for number in numbers), NULL]


def test_the_report_reads_back_and_its_page_needs_nothing_else(trained: tuple[Data, Fitted, list[Fold]]) -> None:
    report = report_of(*trained, settings())
    assert msgspec.json.decode(msgspec.json.encode(report), type=TrainingReport) == report
    assert report.auc == pytest.approx(np.mean([fold.auc for fold in report.folds]))
    assert 0.7 < report.auc <= report.training_auc
    assert sum(each.rows for each in report.calibration) == sum(band.rows for band in report.bands) == ROWS
    assert sum(report.distribution.good) + sum(report.distribution.bad) == ROWS
    html = page(report)
    assert html.count("<svg") == 6 + len(report.characteristics)
    for outside in ("<script", "<link", " src=", "@import"):
        assert outside not in html


@pytest.mark.parametrize(("before", "after", "moved"), [(0, 1, True), (1, 0, True), (1, 1, False)])
def test_scores_below_and_above_all_before_are_another_population(before: int, after: int, moved: bool) -> None:
    item = Characteristic(feature="x", reason="X", edges=(1,), points=(0, 100), missing=0)
    evaluator = Evaluator(Scorecard(name="two", version=1, characteristics=(item,)))
    found = _score_psi(evaluator, *(pa.table({"x": [value] * 50}) for value in (before, after)))
    assert found > 1 if moved else found == 0


def test_stability_is_measured_against_another_table(trained: tuple[Data, Fitted, list[Fold]]) -> None:
    same = report_of(*trained, settings(), TABLE, "itself")
    assert same.score_psi == 0 and all(item.psi == 0 for item in same.characteristics)
    moved = TABLE.set_column(TABLE.column_names.index("city"), "city", pa.array(["moon"] * ROWS))
    report = report_of(*trained, settings(), moved, "moved")
    assert report.score_psi > 0
    assert {item.feature: item.psi > 1 for item in report.characteristics}["city"]
    assert report.psi_of == "moved against the rows of training"


def test_text_of_columns_is_escaped_in_the_page(trained: tuple[Data, Fitted, list[Fold]]) -> None:
    report = report_of(*trained, settings())
    text = json.dumps(msgspec.to_builtins(report)).replace("income", "<b>$in$")
    assert "<b>$in$" not in page(msgspec.json.decode(text, type=TrainingReport))
