"""Cursors are signed for one list."""

import base64
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.records.secret import Secret
from switch.http.cursors import _mac, decode_all_places, decode_cursor, encode_cursor, halves
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


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4), st.text(max_size=20), st.integers(1, 40))
def test_no_byte_moves_between_the_places_and_the_scope(places: list[int], scope: str, moved: int) -> None:
    """What a cursor is signed for, cut elsewhere: as text its scope may begin with bytes of the places, and the other way round."""
    cursor = encode_cursor(SECRET, scope, *places)
    data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    raw, mac = data[:-8], data[-8:]
    whole = raw + scope.encode()
    for cut in {max(len(raw) - moved, 0), min(len(raw) + moved, len(whole))} - {len(raw)}:
        try:
            other = whole[cut:].decode()
        except UnicodeDecodeError:
            continue
        text = base64.urlsafe_b64encode(whole[:cut] + mac).rstrip(b"=").decode()
        with pytest.raises(ProblemError) as refused:
            decode_all_places(SECRET, other, text)
        assert refused.value.code == "invalid_query"


def test_a_cursor_that_a_reader_of_events_has_kept_goes_on() -> None:
    """Of version 0.1.0: it is a place in the journal for as long as the database lives."""
    assert list(decode_all_places(SECRET, "events", "kwHPAAABAAAAAAD9c7ezZu7TfZY")) == [1, 2**40, -3]


def test_what_is_signed_and_holds_no_places_is_refused() -> None:
    for raw in (b"", b"\xc1", b"\x91", b"\xa1a", msgspec.msgpack.encode(["a"])):
        text = base64.urlsafe_b64encode(raw + _mac(SECRET, "list", raw)).rstrip(b"=").decode()
        with pytest.raises(ProblemError):
            decode_all_places(SECRET, "list", text)


def test_an_id_is_two_places_of_a_cursor() -> None:
    identity = uuid.uuid4()
    high, low = halves(identity)
    assert uuid.UUID(int=high << 64 | low) == identity
