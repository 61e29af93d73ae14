"""Features that are published give the score that is: what is not looked at, is missing or gives another score is refused with its row."""

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from actors.records.credit_layout import DIMENSIONS, SCORE_ROW, ScoreRows
from models.credit.score import DAYS, PAYMENTS, WalletScorer
from models.credit.shipped import shipped
from switch.api.score_features import EVERYBODY, Features, card_features, feature_details, features_of
from switch.gateway.score_columns import ScoreTable
from switch.problems.table import ProblemError
from switch.views.credit_records import CreditDetails
from tests.steps import to_end

CARD = shipped("wallet")
NAMES = card_features(CARD)


def computed(values: list[dict[str, Any] | None]) -> tuple[ScoreTable, ScoreRows]:
    """A batch as a publisher makes it; None: a row without features and without a score."""
    scorer, rows = WalletScorer(CARD, EVERYBODY), np.zeros(len(values), SCORE_ROW)
    for row, known in zip(rows, values, strict=True):
        if known is None:
            continue
        found = scorer.score({DAYS: 1, PAYMENTS: 1, **known})
        assert found.score is not None
        row["score"] = found.score
        row["subtotals"] = [found.subtotals.get(name, 0) for name in DIMENSIONS]
        for at, reason in enumerate(found.reasons):
            row["reasons"][at], row["gaps"][at] = CARD.reasons.index(reason.code) + 1, reason.gap
    kind = pa.struct([(name, pa.int64()) for name in NAMES])
    return ScoreTable(pa.table({"features": pa.array(values, kind)}), "wallet@1", 1), rows


def known(value: int | None) -> dict[str, Any]:
    return dict.fromkeys(NAMES, value)


def refused(given: ScoreTable, rows: ScoreRows) -> str:
    with pytest.raises(ProblemError) as problem:
        features_of(given, CARD, rows)
    (error,) = problem.value.errors
    return f"{error.field}: {error.message}"


def test_features_that_give_the_score_are_taken_in_the_order_of_the_card() -> None:
    given, rows = computed([known(3), None, known(2)])
    found = features_of(given, CARD, rows)
    assert found is not None and found.rows.tolist() == [0, 2]
    assert tuple(found.table.column_names) == NAMES and found.table.num_rows == 2


def test_a_batch_without_features_has_none() -> None:
    given, rows = computed([known(3)])
    assert features_of(given._replace(columns=given.columns.drop_columns("features")), CARD, rows) is None


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((*NAMES, "income"), "features: income is not looked at by the card"),
        (NAMES[1:], f"features: {NAMES[0]} is missing"),
        ((*NAMES, NAMES[0]), "features: one is there twice"),
        ((), "is missing"),
    ],
)
def test_features_are_those_of_the_card_each_once(names: tuple[str, ...], words: str) -> None:
    _, rows = computed([known(3)])
    arrays = [pa.array([3], pa.int64()) for _ in names]
    struct = pa.StructArray.from_arrays(arrays, names) if names else pa.array([{}], pa.struct([]))
    assert words in refused(ScoreTable(pa.table({"features": struct}), "wallet@1", 1), rows)


@pytest.mark.parametrize("field", ["score", "subtotals", "reasons", "gaps"])
def test_the_first_row_that_says_otherwise_is_named(field: str) -> None:
    given, rows = computed([known(3), None, known(2), known(1)])
    rows[2:][field] = rows[2:][field] + 1
    assert refused(given, rows).startswith("features[2]: they give ")


def test_details_are_kept_by_row_and_read_back_in_the_order_of_the_card() -> None:
    table = pa.table({name: pa.array([at, None], pa.int64()) for at, name in enumerate(NAMES)})
    kept = to_end(feature_details(Features(np.array([4, 9]), table)))
    read = {row: msgspec.msgpack.decode(entry, type=CreditDetails).features for row, entry in kept.items()}
    assert read == {4: list(range(len(NAMES))), 9: [None] * len(NAMES)}
