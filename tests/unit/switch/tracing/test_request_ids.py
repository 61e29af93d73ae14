"""An id that a caller gives its request is taken over where it can be printed, and only there."""

import pytest

from switch.tracing.request_ids import given_id


@pytest.mark.parametrize("given", ["till-17", "!" * 64, "a/b?c=d", "~"])
def test_visible_characters_are_taken_as_they_are(given: str) -> None:
    assert given_id({"X-Request-Id": given}) == given


@pytest.mark.parametrize("given", ["", "!" * 65, "two words", "line\nbreak", "\x7f", "Größe"])
def test_anything_else_is_no_id(given: str) -> None:
    assert given_id({"X-Request-Id": given}) == ""


def test_a_request_without_one_has_none() -> None:
    assert given_id({"Content-Type": "application/json"}) == ""
