"""Cursors are signed for one list."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.records.secret import Secret
from switch.http.cursors import decode_cursor, encode_cursor, halves
from switch.problems.table import ProblemError

SECRET, OTHER = Secret.of(bytes(range(16))), Secret.of(bytes(16))


@given(st.integers(-(2**63), 2**63 - 1), st.text())
def test_a_cursor_survives(place: int, scope: str) -> None:
    assert decode_cursor(SECRET, scope, encode_cursor(SECRET, scope, place)) == place


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ProblemError):
        decode_cursor(SECRET, "list", text)


def test_a_cursor_of_another_list_or_cluster_is_refused() -> None:
    cursor = encode_cursor(SECRET, "list", 5)
    for secret, scope in ((SECRET, "other"), (OTHER, "list")):
        with pytest.raises(ProblemError):
            decode_cursor(secret, scope, cursor)


def test_an_id_is_two_places_of_a_cursor() -> None:
    identity = uuid.uuid4()
    high, low = halves(identity)
    assert uuid.UUID(int=high << 64 | low) == identity
