"""A score is a record with other names for its bytes: nothing of it lies in what all records keep."""

import numpy as np
import pytest

from actors.records.credit_layout import (
    CREDIT,
    CREDIT_REQUEST,
    CREDIT_RESULT,
    CREDIT_STATE,
    DIMENSIONS,
    OPEN_STATES,
    ORDER,
    REASONS_MAX,
    SCORE,
    SCORE_RANGE,
    SCORE_ROW,
    SCORE_WORDS,
    OrderState,
    is_credit,
    outcomes_of,
)
from actors.records.layout import FIELDS_OF_KIND, RECORD, Kind

SHARED = {
    "kind": "kind",
    "band": "label",
    "cause": "channel",
    "holder": "payer",
    "previous": "payer_prev",
    "score": "points",
    "card": "pack",
    "run": "device",
    "as_of": "effective_time",
    "record_time": "record_time",
}
PACKED = {"subtotals": len(DIMENSIONS), "reasons": REASONS_MAX, "gaps": REASONS_MAX}
UNDER_THEM = {"amount", "payer_posted", "payee_posted", "payer_held"}


@pytest.mark.parametrize(("name", "field"), SHARED.items())
def test_a_field_of_a_score_is_the_field_of_its_record(name: str, field: str) -> None:
    scores = np.zeros(2, SCORE)
    scores[name] = [5, 77]
    records = scores.view(RECORD) if scores.itemsize == RECORD.itemsize else None
    assert records is not None and records[field].tolist() == [5, 77]
    others = [other for other in RECORD.names or () if other != field]
    assert not any(records[other].any() for other in others)


def test_what_a_score_packs_lies_apart_and_only_in_balances() -> None:
    score = np.zeros(1, SCORE)
    value = 1
    for name, count in PACKED.items():
        score[name] = range(value, value + count)
        value += count
    record = score.view(RECORD)
    assert {name for name in RECORD.names or () if record[name].any()} <= UNDER_THEM
    for name, count in PACKED.items():
        assert len(set(score[name][0].tolist())) == count
    found = np.concatenate([score[name][0].astype(int) for name in PACKED])
    assert found.tolist() == list(range(1, value)), "none lies over another"


@pytest.mark.parametrize("gap", [-(2**15), -1, 0, 2**15 - 1])
def test_gaps_and_subtotals_keep_their_sign(gap: int) -> None:
    score = np.zeros(1, SCORE)
    score["gaps"], score["subtotals"] = gap, gap
    assert set(score["gaps"][0].tolist()) == set(score["subtotals"][0].tolist()) == {gap}


def test_credit_records_are_those_of_a_chain_of_their_own() -> None:
    records = np.zeros(len(Kind), RECORD)
    records["kind"] = list(Kind)
    found = [Kind(kind) for kind in records["kind"][is_credit(records)].tolist()]
    assert found == [kind for kind in Kind if kind >= 30]
    assert all("payer" in FIELDS_OF_KIND[kind].values() for kind in found)
    assert not is_credit(records[:0]).any()


def test_an_order_is_open_until_nothing_more_can_happen_to_it() -> None:
    assert set(OrderState) - OPEN_STATES == {
        OrderState.PAID,
        OrderState.CANCELLED,
        OrderState.PAID_ELSEWHERE,
        OrderState.EXPIRED,
        OrderState.WRITTEN_OFF,
    }


def test_rows_are_aligned_and_hold_every_score() -> None:
    for dtype in (CREDIT, CREDIT_REQUEST, CREDIT_RESULT, CREDIT_STATE, ORDER):
        assert dtype.itemsize % 8 == 0
        for name in dtype.names or ():
            field, offset = dtype.fields[name][:2]  # type: ignore[index]
            assert offset % field.base.alignment == 0, (dtype, name)
    assert max(SCORE_RANGE) <= np.iinfo(CREDIT["score"]).max and min(SCORE_RANGE) > 0


def test_an_outcome_is_how_a_result_begins() -> None:
    results = np.zeros(3, CREDIT_RESULT)
    results["code"], results["replayed"], results["address"] = [0, 404, 65_535], [1, 0, 255], 2**40
    found = outcomes_of(results)
    assert found["code"].tolist() == [0, 404, 65_535] and found["replayed"].tolist() == [1, 0, 255]
    assert len(outcomes_of(results[:0])) == 0


def test_words_of_a_row_lie_where_its_numbers_do() -> None:
    row = np.zeros(1, SCORE_ROW)
    row["subtotals"], row["reasons"], row["gaps"] = range(1, 6), range(6, 10), range(10, 14)
    words = row.view(SCORE_WORDS)[0]
    packed = b"".join(int(words[name]).to_bytes(8, "little") for name in ("first", "second", "third", "last"))
    assert np.frombuffer(packed, "<i2").tolist() == [*range(1, 14), 0, 0, 0]
    for name in ("holder", "as_of", "band", "cause", "card", "run", "score"):
        assert SCORE_ROW.fields[name] == SCORE_WORDS.fields[name]  # type: ignore[index]
