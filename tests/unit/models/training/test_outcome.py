"""An outcome is the value that was meant, and is never guessed."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.training.outcome import outcome_of, sorted_by_outcome


@pytest.mark.parametrize(
    ("values", "bad", "good", "expected"),
    [
        ([2.0, 1.0, 2.0], "2", None, [1, 0, 1]),
        ([2, 1, 2], "2.0", None, [1, 0, 1]),
        ([True, False], "true", None, [1, 0]),
        ([True, False], "1", None, [1, 0]),
        (["True", "False"], "true", None, [1, 0]),
        (["2", "1"], "2.0", None, [1, 0]),
        (["paid", "late", "lost"], None, "paid", [0, 1, 1]),
        (["paid", "open", "lost"], "lost", "paid", [0, 1]),
        ([1, 0, 1], None, None, [1, 0, 1]),
    ],
)
def test_an_outcome_is_the_value_that_was_meant(
    values: list[Any], bad: str | None, good: str | None, expected: list[int]
) -> None:
    column = pa.chunked_array([pa.array(values * 20)])
    found = outcome_of("y", column, bad, good, 2)
    assert found.bad.tolist() == expected * 20
    assert ("20 rows are neither good nor bad (open)" in "".join(found.notes)) == ("open" in values)


@pytest.mark.parametrize(
    "column", [pa.array([1.0, 0.0, float("nan")] * 50), pa.array(["a", "b", ""] * 50), pa.array(["a", None, "b"] * 50)]
)
def test_a_missing_outcome_is_refused_and_never_good(column: pa.Array) -> None:
    for bad in ("1", "a"):
        with pytest.raises(ValueError, match="y: 50 rows have no outcome"):
            outcome_of("y", pa.chunked_array([column]), bad, None, 2)


def test_outcomes_that_are_named_twice_or_are_not_there_are_refused() -> None:
    column = pa.chunked_array([pa.array(["a", "b"] * 30)])
    with pytest.raises(ValueError, match="no row is c as --good says; it holds a, b"):
        outcome_of("y", column, "a", "c", 2)
    with pytest.raises(ValueError, match="name the same value"):
        outcome_of("y", column, "a", "a", 2)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["a", "b"], "y holds a, b: say with --bad which value means bad"),
        ([0, 1, 2], "y holds 2: say with --bad"),
        ([1, 1, 1], "y: 0 good rows; 2 folds need at least 20"),
        ([0], "y: 0 bad rows"),
    ],
)
def test_without_words_only_0_and_1_are_an_outcome_and_each_fold_needs_both(values: list[Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        outcome_of("y", pa.chunked_array([pa.array(values * 30)]), None, None, 2)


@pytest.mark.parametrize(("rows", "enough"), [(19, False), (20, True)])
def test_each_fold_needs_ten_rows_of_both(rows: int, enough: bool) -> None:
    column = pa.chunked_array([pa.array([1] * rows + [0] * 50)])
    if enough:
        assert outcome_of("y", column, None, None, 2).bad.sum() == rows
        return
    with pytest.raises(ValueError, match=f"{rows} bad rows; 2 folds need at least 20"):
        outcome_of("y", column, None, None, 2)


def test_rows_that_are_neither_are_not_trained_on() -> None:
    column = pa.chunked_array([pa.array(["good", "open", "bad"] * 20)])
    found = outcome_of("y", column, "bad", "good", 2)
    assert found.rows.tolist() == [at for at in range(60) if at % 3 != 1] and found.bad.tolist() == [0, 1] * 20


@pytest.mark.parametrize(
    ("bad", "expected"), [([0, 0, 1, 1], True), ([1, 0], True), ([0, 1, 0], False), ([0, 0], False), ([], False)]
)
def test_rows_in_the_order_of_their_outcome(bad: list[int], expected: bool) -> None:
    assert sorted_by_outcome(np.array(bad, np.int64)) is expected
