"""A problem is shown at its place with a caret, whatever a document holds; hostile texts make short messages."""

import pytest

from rules.language.problems import (
    HINTS_AMONG_MAX,
    PROBLEMS_MAX,
    SHOWN_MAX,
    PackError,
    Problem,
    did_you_mean,
    shortened,
)


def problem(line: int = 1, column: int = 1, **more: object) -> Problem:
    return Problem(line=line, column=column, message="wrong", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (problem(3, 5, text="abc defg", width=4), "3:5: wrong\n    abc defg\n        ^^^^"),
        (problem(3, 5, text="abc defg", width=99, hint="do"), "3:5: wrong\n    abc defg\n        ^^^^\n    hint: do"),
        (problem(), "1:1: wrong"),
        (problem(2, 9, text="a", width=0), "2:9: wrong\n    a\n            ^"),
        (problem(2, 2, text="\tx", width=1), "2:2: wrong\n     x\n     ^"),
    ],
)
def test_a_problem_is_shown_with_its_line_and_a_caret_under_what_is_meant(shown: Problem, expected: str) -> None:
    assert shown.render() == expected
    assert shown.render("p.yaml").startswith("p.yaml:")


@pytest.mark.parametrize("column", [1, 500, 5_000, 9_999])
def test_of_a_long_line_what_is_around_the_place_is_shown(column: int) -> None:
    text = "".join(chr(97 + at % 26) for at in range(9_999))
    _, line, carets = problem(1, column, text=text).render().split("\n")
    at = carets.index("^") - 4
    assert len(line) <= 4 + SHOWN_MAX and line[4:][at] == text[column - 1]


def test_problems_come_in_the_order_of_the_document_and_not_without_end() -> None:
    error = PackError(problem(line, column) for line in range(200, 0, -1) for column in (2, 1))
    places = [(each.line, each.column) for each in error.problems]
    assert len(places) == PROBLEMS_MAX and places == sorted(places) and places[0] == (1, 1)
    assert str(error).count("wrong") == PROBLEMS_MAX


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("amuont", "did you mean amount?"),
        ("AMOUNT", "did you mean amount?"),
        ("county", "did you mean Country?"),
        ("zzz", "otherwise"),
        ("", "otherwise"),
        ("x" * 100_000, "otherwise"),
    ],
)
def test_the_nearest_name_is_suggested(word: str, hint: str) -> None:
    assert did_you_mean(word, ["amount", "Country"], "otherwise") == hint


def test_a_word_is_compared_with_so_many_names_at_most() -> None:
    asked: list[str] = []

    def names() -> object:
        for at in range(10 * HINTS_AMONG_MAX):
            asked.append(f"name{at}")
            yield asked[-1]

    did_you_mean("other", names())  # type: ignore[arg-type]
    assert len(asked) == HINTS_AMONG_MAX


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a" * 40, "a" * 40),
        ("a" * 41, "a" * 40 + "..."),
        ("a\nb\x1b[31m\u202e", "a?b?[31m?"),
        ("é中", "é中"),
        ("", ""),
    ],
)
def test_a_text_in_a_message_is_one_short_printable_line(text: str, expected: str) -> None:
    assert shortened(text) == expected
