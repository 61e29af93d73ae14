"""What files hold in truth: pure flags, leaks, words among numbers, names in any script. Each is used, noted or refused by name."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.evaluation import Evaluator
from models.scorecard import canonical
from models.training.cutting import TURNING
from models.training.train import (
    cross_validated,
    fit,
    parts_of,
    prepare,
    reason_code,
    scores_of,
)
from tests.extra import needs
from tests.unit.models.training.sample import BAD, ROWS, X, points_of, settings, stated, table

pytestmark = pytest.mark.long
needs("optbinning")
RNG = np.random.default_rng(12)


@pytest.mark.parametrize("kind", ["dictionary", "view", "large"])
def test_prohibited_categories_are_refused_in_every_type_of_text(kind: str) -> None:
    text = pa.array(["male", "female"] * (ROWS // 2))
    kinds = {
        "dictionary": text.dictionary_encode(),
        "view": text.cast(pa.string_view()),
        "large": text.cast("large_string"),
    }
    with pytest.raises(ValueError, match=r"prohibited inputs: who \((fe)?male\)"):
        prepare(table(who=kinds[kind]), settings())


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())])
def test_text_is_text_in_every_arrow_type_in_training_and_in_scoring(kind: pa.DataType) -> None:
    text = pa.array(np.where(BAD == 1, RNG.choice(["a", "b"], ROWS), RNG.choice(["b", "c"], ROWS)))
    cards = [fit(prepare(table(g=column), settings()), settings()).card for column in (text, text.cast(kind))]
    assert canonical(cards[0]) == canonical(cards[1])
    both = [scores_of(cards[0], table(g=column)).tolist() for column in (text, text.cast(kind))]
    assert both[0] == both[1]


def test_words_for_missing_values_leave_a_column_of_numbers_one_and_are_told() -> None:
    words = np.where(np.arange(ROWS) % 30 == 0, np.where(np.arange(ROWS) % 60 == 0, "?", "N/A"), X.astype(str))
    data = prepare(table(y=words), settings())
    assert "y: numbers written as text; 40 rows hold '?', 'N/A': taken as missing" in stated(data)
    item = points_of(data, "y")
    assert item.edges is not None and item.categories is None


def test_columns_of_one_name_are_refused_by_it() -> None:
    twice = pa.Table.from_arrays([pa.array(X), pa.array(X), pa.array(BAD)], names=["x", "x", "bad"])
    with pytest.raises(ValueError, match="columns of the same name: x"):
        prepare(twice, settings())


def test_reasons_differ_where_names_differ_by_signs_alone() -> None:
    taken: set[str] = set()
    for name in ("a-b", "a_b", "A b", "!!", "??"):
        taken.add(reason_code(name, taken))
    assert taken == {"A_B", "A_B_2", "A_B_3", "OTHER", "OTHER_2"}


@pytest.mark.parametrize("weights", [np.full(ROWS, -1.0), np.zeros(ROWS), np.full(ROWS, np.nan), ["a"] * ROWS])
def test_weights_that_are_none_are_refused_by_name(weights: Any) -> None:
    with pytest.raises(ValueError, match="w: weights are"):
        prepare(table(w=weights), settings(weight="w"))


def test_auto_is_never_worse_than_monotonic_by_cross_validation_on_what_it_sees() -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, z = rng.normal(size=ROWS), rng.normal(size=ROWS)
        bad = (rng.random(ROWS) < 1 / (1 + np.exp(1 - x - (seed - 1) * z**2))).astype(np.int64)
        data = prepare(pa.table({"x": x, "z": z, "bad": bad}), settings())
        parts = parts_of(data, settings(), np.arange(ROWS))
        plans = [fit(data, settings(trend=trend)).plan for trend in ("auto", "monotonic")]
        auto, monotonic = (cross_validated(data, settings(), parts, plan).mean() for plan in plans)
        assert auto >= monotonic
        if seed != 1:
            assert plans[0].shapes == TURNING and auto > monotonic + 0.02


def test_the_evaluator_takes_views_of_text() -> None:
    data = prepare(table(g=np.where(BAD == 1, "a", RNG.choice(["a", "b"], ROWS))), settings())
    evaluator = Evaluator(fit(data, settings()).card)
    view = data.table["g"].cast(pa.string_view())
    both = [evaluator.evaluate_table(each).totals.tolist() for each in (data.table, table(g=view))]
    assert both[0] == both[1]
