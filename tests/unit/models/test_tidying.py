"""A column has the type of most of its rows: numbers are read as people write them, codes stay text, and what was decided is told."""

import numpy as np
import pyarrow as pa
import pytest

from models.tidying import as_numbers, commas_are_decimal, duplicated_rows, is_sorted, kinds_that_differ, plain, tidy


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["52,300", "1,200.5", "7"], [52300, 1200.5, 7]),
        (["52,3", "1.200,55", "7"], [52.3, 1200.55, 7]),
        (["$1,200", "$7", "$ 9"], [1200, 7, 9]),
        (["12%", "7.5%", "1e3"], [12, 7.5, 1000]),
        (["1.234,50", "1.234", "-1.234.567", "0.123", "1.5"], [1234.5, 1234, -1234567, 0.123, 1.5]),
        (["$1", "inf", "-Infinity", "+INF", "2"], [1, np.inf, -np.inf, np.inf, 2]),
        (["1 200", "1\u00a0300", "-4"], [1200, 1300, -4]),
    ],
)
def test_numbers_are_read_as_people_write_them_and_it_is_told(texts: list[str], numbers: list[float]) -> None:
    found = tidy(pa.table({"n": texts * 10, "y": [1] * 10 * len(texts)}))
    assert found.table["n"].to_pylist() == numbers * 10
    assert found.notes[0].startswith("n: numbers written as text")


@pytest.mark.parametrize("texts", [["007", "123", "999"], ["a", "b", "1"], ["yes", "no", "?"], ["inf", "nan", "1_000"]])
def test_codes_and_words_stay_text(texts: list[str]) -> None:
    assert tidy(pa.table({"n": texts * 10})).table["n"].to_pylist() == texts * 10


def test_a_column_that_is_text_by_a_minority_of_its_rows_is_told() -> None:
    texts = [str(number) for number in range(700)] + [f"word {number}" for number in range(300)]
    found = tidy(pa.table({"n": texts}))
    assert found.table["n"].type == pa.string()
    assert "n: text, though 70% of its rows are numbers; taken as categories because of 'word 0'" in found.notes[0]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None]).dictionary_encode(),
        pa.array(["a", None], pa.large_string()),
        pa.array(["a", None], pa.string_view()),
        pa.array(["a", None], pa.large_string()).dictionary_encode(),
    ],
)
def test_text_of_all_kinds_is_plain_text(column: pa.Array) -> None:
    found = plain(pa.chunked_array([column]))
    assert found.type == pa.string() and found.to_pylist() == ["a", None]


def test_what_is_no_text_stays_what_it_is() -> None:
    for column in (pa.array([1, None]), pa.array([0.5]), pa.array([True]), pa.array([[1]])):
        assert plain(pa.chunked_array([column])).type == column.type
    numbers = pa.array([7, 8, 7]).dictionary_encode()
    assert plain(pa.chunked_array([numbers])).to_pylist() == [7, 8, 7]


def test_columns_besides_keep_their_kind() -> None:
    table = pa.table({"n": ["1", "2", "3"], "kept": ["1", "2", "3"]})
    found = tidy(table, besides={"kept"}).table
    assert found["n"].type == pa.float64() and found["kept"].type == pa.string()


@pytest.mark.parametrize(
    ("distinct", "decimal"),
    [
        (["1", "2.5"], None),
        ([], None),
        (["a,b", "1"], None),
        (["1,000"], False),
        (["1,000", "12,345,678.9"], False),
        (["1,000", "2,5"], True),
        (["1.000,5"], True),
    ],
)
def test_commas_are_decimal_where_one_cannot_group_thousands(distinct: list[str], decimal: bool | None) -> None:
    assert commas_are_decimal(distinct) is decimal


@pytest.mark.parametrize(("decimal", "expected"), [(None, 1_000.0), (False, 1_000.0), (True, 1.0)])
def test_rows_before_decide_what_a_comma_is(decimal: bool | None, expected: float) -> None:
    found = as_numbers(pa.chunked_array([pa.array(["1,000", None, "?"])]), decimal)
    assert found.column.to_pylist() == [expected, None, None]
    assert (found.lost, found.rows, found.decimal) == (("?",), 1, bool(decimal))


def test_a_column_without_texts_is_left_alone() -> None:
    for texts in ([], [None, None]):
        found = tidy(pa.table({"n": pa.array(texts, pa.string())}))
        assert found.notes == () and found.table["n"].null_count == len(texts)


def test_columns_that_are_text_in_one_table_and_numbers_in_the_other_are_named() -> None:
    one = pa.table({"a": ["x"], "b": [1], "c": [1], "d": ["x"]})
    other = pa.table({"a": [1], "b": [2.5], "d": pa.nulls(1)})
    assert kinds_that_differ(one, other, ["a", "b", "c", "d"]) == [
        "a holds numbers, not text",
        "there is no column 'c'",
    ]


def test_rows_that_stand_before_are_counted_by_all_their_columns() -> None:
    one, other = np.array([1, 2, 1, 1]), np.array([5, 5, 5, 6])
    assert [duplicated_rows(each) for each in ([one], [one, other], [other, one], [])] == [2, 1, 1, 0]
    assert duplicated_rows([np.array([1, 2]), np.array([2, 1])]) == 0, "a row is not its columns in another order"
    assert duplicated_rows([np.arange(100_000)]) == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 2, 5], True),
        ([5, 2, 2, 1], True),
        ([1, 3, 2], False),
        ([1, 1, 1], False),
        ([1], False),
        ([1, None, 2], False),
    ],
)
def test_a_column_is_sorted_up_or_down(values: list[int | None], expected: bool) -> None:
    assert is_sorted(pa.chunked_array([pa.array(values, pa.int64())])) is expected
    texts = pa.array([None if value is None else f"{value:03}" for value in values], pa.string())
    assert is_sorted(pa.chunked_array([texts])) is expected
