"""What is wrong with columns of scores is found where it is, and the rest becomes fields of rows."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from actors.records.credit_layout import SCORE_ROW
from actors.records.score_columns import (
    CAUSE,
    GAP_MAX,
    NO_GAP,
    NOTHING,
    SCORE,
    SUBTOTALS,
    TOO_MANY,
    TWICE,
    UNKNOWN,
    fill_plain,
    fill_reasons,
    fill_subtotals,
)
from models.arrow_buffers import bits_of, values_and_bits

ALL = np.empty(0, np.uint8)
BANDS = np.array([0, 0, 5, 6], np.uint8)
NUMBERS = np.array([3, 2, 0], np.uint16)
"""Of the texts of a dictionary: the last is not known."""


def column(values: list[int | None]) -> tuple[Any, Any]:
    return values_and_bits(pa.array(values, pa.int32()), np.int32)


def plain(scores: list[int | None], causes: list[int | None], rows: Any) -> tuple[int, int]:
    count = len(scores)
    given = np.arange(7, 7 + count), np.arange(2**41, 2**41 + count), column(scores), (*column(causes), NUMBERS), BANDS
    wrong, row = fill_plain(0, count, *given, rows)
    return int(wrong), int(row)


def test_what_takes_no_adding_up_is_written_and_nothing_else() -> None:
    rows = np.frombuffer(bytearray(b"\xff" * 3 * SCORE_ROW.itemsize), SCORE_ROW)
    for name in ("score", "band", "cause"):
        rows[name] = 0
    before = rows.copy()
    assert plain([2, None, 3], [None, 1, None], rows) == (NOTHING, 0)
    found = [rows[name].tolist() for name in ("holder", "as_of", "score", "band", "cause")]
    times = [2**41, 2**41 + 1, 2**41 + 2]
    assert found == [[7, 8, 9], times, [2, 0, 3], [5, 0, 6], [0, 2, 0]]
    assert all((rows[name] == before[name]).all() for name in ("card", "run", "subtotals", "reasons", "gaps"))


def test_a_piece_is_written_and_what_lies_beside_it_is_not() -> None:
    rows = np.zeros(4, SCORE_ROW)
    given = np.arange(1, 5), np.zeros(4, np.int64), column([2, 2, None, 2]), (*column([None, None, 0, None]), NUMBERS)
    assert fill_plain(1, 3, *given, BANDS, rows) == (NOTHING, 0)
    assert rows["holder"].tolist() == [0, 2, 3, 0] and rows["cause"].tolist() == [0, 0, 3, 0]


@pytest.mark.parametrize(
    ("scores", "causes", "wrong"),
    [
        ([2, 1], [None, None], (SCORE, 1)),
        ([4, 2], [None, None], (SCORE, 0)),
        ([-1, 2], [None, None], (SCORE, 0)),
        ([2, 2], [None, 0], (CAUSE, 1)),
        ([2, None], [None, None], (CAUSE, 1)),
        ([None, 2], [2, None], (CAUSE, 0)),
    ],
)
def test_a_score_without_a_band_or_a_cause_that_does_not_fit_is_named(
    scores: list[int | None], causes: list[int | None], wrong: tuple[int, int]
) -> None:
    assert plain(scores, causes, np.zeros(2, SCORE_ROW)) == wrong


def subtotals(scores: list[int | None], *rows: tuple[int | None, ...] | None) -> tuple[tuple[int, int], Any]:
    made = np.zeros(len(rows), SCORE_ROW)
    whole = bits_of(pa.array([None if row is None else 1 for row in rows], pa.int8()))
    parts = tuple(column(list(each)) for each in zip(*(row or (9,) * 5 for row in rows), strict=True))
    wrong, row = fill_subtotals(0, len(rows), parts, whole, column(scores), made)
    return (int(wrong), int(row)), made["subtotals"].tolist()


def test_points_that_add_up_are_a_row_each_negative_ones_too() -> None:
    rows = [(100, 100, 100, 100, 100), (-20, 300, 300, 10, 10), (500, None, 0, 0, 0)]
    assert subtotals([500, 600, 500], *rows) == ((NOTHING, 0), [*map(list, rows[:2]), [500, 0, 0, 0, 0]])


def test_without_a_score_nothing_counts_and_there_is_nothing() -> None:
    assert subtotals([None, None, 5], None, (0, None, 0, 0, 0), (1,) * 5) == ((NOTHING, 0), [[0] * 5, [0] * 5, [1] * 5])


@pytest.mark.parametrize(
    "row",
    [(100, 100, 100, 100, 101), (GAP_MAX + 1, 499 - GAP_MAX, 0, 0, 0), (-GAP_MAX - 1, 501 + GAP_MAX, 0, 0, 0), None],
)
def test_the_first_row_that_does_not_add_up_or_fit_is_named(row: tuple[int, ...] | None) -> None:
    assert subtotals([500, 500, 500], (500, 0, 0, 0, 0), row, row)[0] == (SUBTOTALS, 1)
    assert subtotals([None], (1, 0, 0, 0, 0))[0] == (SUBTOTALS, 0)


def reasons(lists: list[list[tuple[int, int]] | None], scored: list[bool] | None = None) -> tuple[Any, Any, Any]:
    made = np.zeros(len(lists), SCORE_ROW)
    flat = np.array([pair for row in lists for pair in row or ()], np.int32).reshape(-1, 2)
    starts = np.cumsum([0, *(len(row or ()) for row in lists)]).astype(np.int32)
    given = bits_of(pa.array([None if row is None else 1 for row in lists], pa.int8()))
    scores = ALL if scored is None else bits_of(pa.array([1 if there else None for there in scored], pa.int8()))
    meant = np.array([1, 2, 3, 4, 5, 0], np.uint16)
    codes, points = (flat[:, 0].copy(), meant), flat[:, 1].copy()
    wrong, at = fill_reasons(0, len(lists), (starts, given), codes, points, scores, made)
    return (int(wrong), int(at)), made["reasons"].tolist(), made["gaps"].tolist()


def test_reasons_of_a_row_are_numbers_from_one_on_with_their_gaps() -> None:
    found = reasons([[(2, 30), (0, 20)], None, [(1, 5)], []])
    kept = [[3, 1, 0, 0], [0] * 4, [2, 0, 0, 0], [0] * 4], [[30, 20, 0, 0], [0] * 4, [5, 0, 0, 0], [0] * 4]
    assert found == ((NOTHING, 0), *kept)


def test_a_list_begins_where_its_row_says_whatever_lies_between() -> None:
    made = np.zeros(2, SCORE_ROW)
    starts, given = np.array([1, 3, 4], np.int32), bits_of(pa.array([None, 1], pa.int8()))
    codes = np.array([9, 9, 9, 0, 9], np.int32), np.array([7], np.uint16)
    points = np.array([0, 0, 0, 5, 0], np.int32)
    assert fill_reasons(0, 2, (starts, given), codes, points, ALL, made) == (NOTHING, 0)
    assert made["reasons"].tolist() == [[0] * 4, [7, 0, 0, 0]] and made["gaps"].tolist() == [[0] * 4, [5, 0, 0, 0]]


@pytest.mark.parametrize(
    ("lists", "scored", "wrong"),
    [
        ([[(0, 1)], [(at, 1) for at in range(5)]], [True, True], (TOO_MANY, 1)),
        ([[], [(0, 1)]], [True, False], (TOO_MANY, 1)),
        ([[(0, 1)], [(1, 1), (5, 1)]], [True, True], (UNKNOWN, 2)),
        ([[(0, 1)], [(0, 0)]], [True, True], (NO_GAP, 1)),
        ([[(0, GAP_MAX)], [(0, GAP_MAX + 1)]], [True, True], (NO_GAP, 1)),
        ([[(0, 1)], [(0, 2), (1, 1), (0, 1)]], [True, True], (TWICE, 1)),
    ],
)
def test_what_is_wrong_with_reasons_is_named_where_it_is(
    lists: list[list[tuple[int, int]] | None], scored: list[bool], wrong: tuple[int, int]
) -> None:
    assert reasons(lists, scored)[0] == wrong
