"""Words of a pack become numbers, and one that no request has is refused with what was meant."""

import pytest

from rules.language.words import word_number
from rules.vocabulary.catalogue import COUNTRY, CURRENCY


def test_a_word_in_use_is_its_number() -> None:
    assert COUNTRY.domain is not None and COUNTRY.domain.words is not None
    assert word_number(COUNTRY, "MM") == COUNTRY.domain.words["MM"]
    assert word_number(CURRENCY, "EUR") == 978


@pytest.mark.parametrize(
    ("word", "stated"),
    [
        ("UK", "write GB"),
        ("uk", "two letters of ISO 3166-1"),
        ("EU", "write each of its countries"),
        ("", "is no country"),
    ],
)
def test_a_country_that_no_request_has_is_refused_with_a_hint(word: str, stated: str) -> None:
    with pytest.raises(ValueError, match="is no country") as caught:
        word_number(COUNTRY, word)
    assert stated in str(caught.value)


def test_a_pack_published_before_words_were_compared_keeps_its_meaning() -> None:
    assert COUNTRY.domain is not None and COUNTRY.domain.words is not None
    assert word_number(COUNTRY, "UK", stored=True) == COUNTRY.domain.words["UK"]
