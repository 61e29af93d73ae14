"""Of one thing a text says so, whatever its plural is."""

import pytest

from models.wording import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (12_000, "12,000 files")])
def test_what_is_counted_is_one_or_several(number: int, text: str) -> None:
    assert counted(number, "file") == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 entries are"), (1, "1 entry is"), (1_000, "1,000 entries are")])
def test_words_that_are_not_one_and_an_s_are_given(number: int, text: str) -> None:
    assert counted(number, "entry is", "entries are") == text
