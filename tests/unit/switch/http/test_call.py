"""What is read from headers and query."""

import pytest

from switch.http.call import page_limit, plain_key
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
