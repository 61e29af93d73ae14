"""What is wrong with columns of scores is found where it is, and the rest becomes fields of rows."""

from typing import Any

import numpy as np
import pytest

from actors.records.credit_layout import SCORE_ROW
from actors.records.score_columns import (
    GAP_MAX,
    NO_GAP,
    NOTHING,
    TOO_MANY,
    TWICE,
    UNKNOWN,
    fill_plain,
    fill_reasons,
    fill_subtotals,
)


def test_what_takes_no_looking_at_is_written_and_nothing_else() -> None:
    rows = np.frombuffer(bytearray(b"\xff" * 2 * SCORE_ROW.itemsize), SCORE_ROW)
    before = rows.copy()
    bands = np.array([0, 0, 5], np.uint8)
    columns = np.array([7, 2**40]), np.array([9, 2**41]), np.array([2, 0], np.int32), bands, np.array([0, 3], np.uint8)
    fill_plain(*columns, 4, 2**32 - 1, rows)
    found = [rows[name].tolist() for name in ("holder", "as_of", "score", "band", "cause", "card", "run")]
    assert found == [[7, 2**40], [9, 2**41], [2, 0], [5, 0], [0, 3], [4, 4], [2**32 - 1] * 2]
    assert all((rows[name] == before[name]).all() for name in ("subtotals", "reasons", "gaps"))


def subtotals(scores: list[int], *rows: tuple[int, ...]) -> tuple[int, Any]:
    made = np.zeros((len(rows), 5), np.int16)
    parts = tuple(np.array(column, np.int32) for column in zip(*rows, strict=True))
    return int(fill_subtotals(parts, np.array(scores, np.int32), made)), made.tolist()


def test_points_that_add_up_are_a_row_each_negative_ones_too() -> None:
    rows = [(100, 100, 100, 100, 100), (-20, 300, 300, 10, 10), (0, 0, 0, 0, 0)]
    assert subtotals([500, 600, 0], *rows) == (-1, [list(row) for row in rows])


@pytest.mark.parametrize(
    "row", [(100, 100, 100, 100, 101), (GAP_MAX + 1, 499 - GAP_MAX, 0, 0, 0), (-GAP_MAX - 1, 501 + GAP_MAX, 0, 0, 0)]
)
def test_the_first_row_that_does_not_add_up_or_fit_is_named(row: tuple[int, ...]) -> None:
    assert subtotals([500, 500, 500], (500, 0, 0, 0, 0), row, row)[0] == 1


def reasons(lists: list[list[tuple[int, int]]], scored: list[bool] | None = None) -> tuple[tuple[int, int], Any, Any]:
    numbers, gaps = np.zeros((len(lists), 4), np.uint16), np.zeros((len(lists), 4), np.int16)
    flat = np.array([pair for row in lists for pair in row], np.int32).reshape(-1, 2)
    counts = np.array([len(row) for row in lists], np.int32)
    is_scored = np.array([True] * len(lists) if scored is None else scored)
    wrong, at = fill_reasons(counts, is_scored, flat[:, 0].copy(), flat[:, 1].copy(), numbers, gaps)
    return (int(wrong), int(at)), numbers.tolist(), gaps.tolist()


def test_reasons_of_a_row_are_numbers_from_one_on_with_their_gaps() -> None:
    found = reasons([[(2, 30), (0, 20)], [], [(1, 5)]])
    assert found == ((NOTHING, 0), [[3, 1, 0, 0], [0] * 4, [2, 0, 0, 0]], [[30, 20, 0, 0], [0] * 4, [5, 0, 0, 0]])


@pytest.mark.parametrize(
    ("lists", "scored", "wrong"),
    [
        ([[(0, 1)], [(at, 1) for at in range(5)]], [True, True], (TOO_MANY, 1)),
        ([[], [(0, 1)]], [True, False], (TOO_MANY, 1)),
        ([[(0, 1)], [(1, 1), (-1, 1)]], [True, True], (UNKNOWN, 2)),
        ([[(0, 1)], [(0, 0)]], [True, True], (NO_GAP, 1)),
        ([[(0, GAP_MAX)], [(0, GAP_MAX + 1)]], [True, True], (NO_GAP, 1)),
        ([[(0, 1)], [(0, 2), (1, 1), (0, 1)]], [True, True], (TWICE, 1)),
    ],
)
def test_what_is_wrong_with_reasons_is_named_where_it_is(
    lists: list[list[tuple[int, int]]], scored: list[bool], wrong: tuple[int, int]
) -> None:
    assert reasons(lists, scored)[0] == wrong
