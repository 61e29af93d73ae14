"""A wallet's score is what docs/credit.md says, to the bit, however many are scored at once; all of its parts add up."""

import json
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.credit.score import Cause, Minimum, WalletScorer
from models.scorecard import Scorecard, canonical
from tests.oracle import oracle_credit
from tests.unit.models.credit.wallets import RECORD, WALLET_SCHEMA, small_card, wallet_cards, wallets


def plain(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


@settings(deadline=None)
@given(wallet_cards(), st.lists(wallets(), min_size=1, max_size=6), st.integers(80, 100), st.integers(0, 20))
def test_one_wallet_and_a_table_score_as_the_oracle(
    card: Scorecard, rows: list[dict[str, Any]], days: int, payments: int
) -> None:
    scorer = WalletScorer(card, Minimum(days=days, payments=payments))
    document = json.loads(canonical(card))
    expected = [oracle_credit.wallet_score(document, row, days, payments) for row in rows]
    assert [plain(scorer.score(row)) for row in rows] == expected
    scores = scorer.score_table(pa.Table.from_pylist(rows, WALLET_SCHEMA))
    assert [plain(scorer.shown(scores, row)) for row in range(len(rows))] == expected


@settings(deadline=None)
@given(wallet_cards(), wallets())
def test_subtotals_add_up_to_the_score_and_gaps_to_what_is_missing(card: Scorecard, row: dict[str, Any]) -> None:
    scorer = WalletScorer(card, Minimum(days=0, payments=0))
    score = scorer.score(row)
    assert score.score is not None
    assert sum(score.subtotals.values()) == score.score
    assert len(score.reasons) <= 4
    assert sum(each.gap for each in score.reasons) + sum(score.rest.values()) == score.shortfall == 950 - score.score
    dimension_of = {item.reason: item.dimension for item in card.characteristics}
    for name, subtotal in score.subtotals.items():
        gaps = sum(each.gap for each in score.reasons if dimension_of[each.code] == name)
        assert gaps + score.rest.get(name, 0) == scorer.best[name] - subtotal


@pytest.mark.parametrize(
    ("days", "payments", "cause"),
    [(89, 10, Cause.FEW_DAYS), (90, 9, Cause.FEW_PAYMENTS), (89, 9, Cause.FEW_DAYS), (90, 10, Cause.NONE)],
)
def test_too_little_known_gives_its_cause_and_nothing_else(days: int, payments: int, cause: Cause) -> None:
    score = WalletScorer(small_card()).score({**RECORD, "wallet_age_days": days, "payments_360d": payments})
    if cause == Cause.NONE:
        assert score.cause is None and score.score is not None
    else:
        assert score.cause == cause.code
        assert (score.score, score.band, score.subtotals, score.reasons, score.rest) == (None, None, {}, (), {})


@pytest.mark.parametrize("name", ["wallet_age_days", "payments_360d"])
def test_a_table_that_does_not_say_how_much_is_known_is_refused(name: str) -> None:
    scorer = WalletScorer(small_card())
    table = pa.Table.from_pylist([{key: value for key, value in RECORD.items() if key != name}])
    with pytest.raises(ValueError, match=name):
        scorer.score_table(table)
    with pytest.raises(ValueError, match=name):
        scorer.score({**RECORD, name: "many"})
    with pytest.raises(ValueError, match=name):
        scorer.score_table(pa.Table.from_pylist([{**RECORD, name: "many"}]))


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.uint64()], ids=str)
@pytest.mark.parametrize("name", ["wallet_age_days", "payments_360d"])
def test_numbers_of_days_or_payments_beyond_64_bits_are_many_in_records_and_tables(
    name: str, kind: pa.DataType
) -> None:
    scorer = WalletScorer(small_card())
    for value in (2**63, 2**64 - 1) if kind == pa.uint64() else (2.0**63, 1e30, float("inf")):
        record = {**RECORD, name: value}
        table = pa.Table.from_pylist(
            [record], pa.schema([(each, kind if each == name else pa.int64()) for each in record])
        )
        expected = scorer.score(RECORD)
        assert scorer.score(record) == expected and expected.cause is None
        assert scorer.shown(scorer.score_table(table), 0) == expected
    if kind != pa.uint64():
        few = scorer.score({**RECORD, name: float("-inf")})
        assert few.cause == (Cause.FEW_DAYS if name == "wallet_age_days" else Cause.FEW_PAYMENTS).code
