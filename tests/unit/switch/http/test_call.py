"""What is read from headers and query."""

import pytest

from switch.http.call import name_in, page_limit, plain_key
from switch.problems.table import ProblemError


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("abc", "abc"),
        ('"abc"', "abc"),
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ("a b", "a b"),
        ('ab"', 'ab"'),
        ("x" * 255, "x" * 255),
        ('"' + "x" * 255 + '"', "x" * 255),
    ],
)
def test_keys_are_taken_bare_or_quoted(header: str, key: str) -> None:
    assert plain_key(header) == key


@pytest.mark.parametrize("header", ["", '""', '"', '"a', '"a"b"', "x" * 256, "ä", "a\tb", '"a\\b"', "\udcff"])
def test_other_keys_are_refused(header: str) -> None:
    with pytest.raises(ProblemError) as problem:
        plain_key(header)
    assert problem.value.code == "invalid_idempotency_key"


def test_limits() -> None:
    assert [page_limit(q) for q in ({}, {"limit": "1"}, {"limit": "100"})] == [20, 1, 100]
    for text in ("0", "101", "-1", "1.0", "", "ten", "²", "0000000001"):
        with pytest.raises(ProblemError):
            page_limit({"limit": text})


@pytest.mark.parametrize("text", ["Ann", "Ann\u00a0Lee", "\u200b", "a\u2028b", "\U0001f600", ""])
def test_whatever_a_name_can_have_may_be_looked_for(text: str) -> None:
    assert name_in({"owner": text}, "owner") == text


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\udfff"])
def test_what_no_name_can_have_is_refused_with_its_parameter(text: str) -> None:
    with pytest.raises(ProblemError) as problem:
        name_in({"owner": text}, "owner")
    assert (problem.value.code, problem.value.errors[0].field) == ("invalid_query", "owner")
