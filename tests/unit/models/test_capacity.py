"""Figures at a review capacity against a plain computation."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.capacity import Capacity, at_capacity, split_by_time

payments = st.lists(
    st.tuples(st.integers(0, 5), st.integers(-3, 3), st.booleans(), st.integers(1, 10**6)), min_size=1, max_size=40
)


def columns(rows: list[tuple[int, int, bool, int]]) -> list[Any]:
    kinds = (np.int64, np.int64, np.bool_, np.int64)
    return [np.array(values, kind) for values, kind in zip(zip(*rows, strict=True), kinds, strict=True)]


@given(payments, st.floats(0, 1))
def test_the_lowest_scores_are_reviewed_the_earliest_first(
    rows: list[tuple[int, int, bool, int]], share: float
) -> None:
    times, scores, frauds_of, amounts = columns(rows)
    found = at_capacity(times, scores, frauds_of, amounts, share=share)
    chosen = sorted(rows, key=lambda row: (row[1], row[0]))[: int(len(rows) * share)]
    frauds = [row for row in rows if row[2]]
    caught = [row for row in chosen if row[2]]
    assert (found.payments, found.reviewed, found.frauds, found.caught) == (
        len(rows),
        len(chosen),
        len(frauds),
        len(caught),
    )
    assert found.caught_amount == sum(row[3] for row in caught)
    assert found.fraud_amount == sum(row[3] for row in frauds)
    assert found.precision == (len(caught) / len(chosen) if chosen else None)
    assert found.recall == (len(caught) / len(frauds) if frauds else None)
    assert found.score_max == (chosen[-1][1] if chosen else None)


def test_half_a_percent_of_a_thousand_payments_are_five() -> None:
    score = np.arange(1_000)
    fraud = np.isin(score, [0, 3, 500, 999])
    found = at_capacity(np.zeros(1_000, np.int64), score, fraud, np.where(score == 500, 700, 100))
    assert found == Capacity(
        payments=1_000,
        frauds=4,
        reviewed=5,
        caught=2,
        fraud_amount=1_000,
        caught_amount=200,
        precision=0.4,
        recall=0.5,
        amount_recall=0.2,
        score_max=4,
    )


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_no_time_lies_on_both_sides_of_a_split(times: list[int], share: float) -> None:
    array = np.array(times)
    earlier, later = split_by_time(array, share)
    assert sorted([*earlier, *later]) == list(range(len(times)))
    assert len(later) > 0
    assert not len(earlier) or array[earlier].max() < array[later].min()


def test_what_makes_no_sense_is_refused() -> None:
    row = columns([(1, 2, True, 3)])
    with pytest.raises(ValueError, match="different lengths"):
        at_capacity(row[0], row[1], row[2], np.array([1, 2]))
    with pytest.raises(ValueError, match="between 0 and 1"):
        at_capacity(row[0], row[1], row[2], row[3], share=1.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_by_time(row[0], 1.0)
    with pytest.raises(ValueError, match="no rows"):
        split_by_time(row[0][:0], 0.5)
