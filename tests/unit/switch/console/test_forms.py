"""Forms are read as the standard library reads them, in steps of a bounded size."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.console.forms import FORM_FIELDS_MAX, STEP_BYTES, at_once, form_fields
from switch.console.sessions import HOME, OWN_CHARACTERS_MAX, own_path
from switch.problems.table import ProblemError


def by_the_library(body: bytes) -> dict[str, str]:
    return dict(reversed(parse_qsl(body.decode(), keep_blank_values=True, errors="strict")))


@given(
    st.lists(st.sampled_from([b"a", b"%", b"%4", b"%41", b"%C3%A9", "é".encode(), b"+", b"&", b"=", b"%2", b"\r\n"]))
)
def test_fields_are_those_that_the_library_finds(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    assert at_once(body) == by_the_library(body)


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("piece", [b"%41", b"%C3%A9", b"%%4", b"%4", b"%zz%41", "é%41".encode()])
def test_an_escape_between_two_steps_is_one(before: int, piece: bytes) -> None:
    body = b"a=" + b"x" * before + piece * (2 * STEP_BYTES // len(piece))
    assert at_once(body) == by_the_library(body)


@pytest.mark.parametrize("body", [b"a=%41", "é%41".encode(), b"a=" + b"+" * 9, b"%41=b"])
def test_a_large_form_is_read_in_steps_of_a_bounded_size(body: bytes) -> None:
    large = body * (40 * STEP_BYTES // len(body))
    assert sum(1 for _ in form_fields(large)) >= len(large) // (STEP_BYTES + 3)


@pytest.mark.parametrize(
    "body",
    [b"&" * FORM_FIELDS_MAX, b"&".join([b"a=1"] * (FORM_FIELDS_MAX + 1)), b"a=%FF", b"\xff=1", b"a=%C3"],
    ids=["separators", "fields", "escape", "byte", "half"],
)
def test_too_many_fields_and_what_is_no_text_are_refused(body: bytes) -> None:
    with pytest.raises(ProblemError, match="malformed_request"):
        at_once(body)


def test_as_many_fields_as_may_be_are_read_and_the_first_of_a_name_counts() -> None:
    body = b"&".join(b"%d=x" % number for number in range(FORM_FIELDS_MAX - 1)) + b"&0=y"
    assert len(at_once(body)) == FORM_FIELDS_MAX - 1 and at_once(body)["0"] == "x"


def test_a_path_to_go_back_to_has_a_bounded_length() -> None:
    path = f"{HOME}/reviews?a="
    longest = path + "x" * (OWN_CHARACTERS_MAX - len(path))
    assert own_path(longest) == longest
    assert own_path(longest + "x") == HOME
