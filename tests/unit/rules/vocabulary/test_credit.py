"""What a credit scenario may look at: fields of a category each, and nothing that sets a price or tells how much one would pay."""

import pytest

from rules.vocabulary.credit import (
    BAND_EDGES,
    BANDS,
    CATEGORIES,
    CATEGORY,
    CREDIT_COLUMNS,
    CREDIT_FIELDS,
    CREDIT_INDEX,
    DIMENSIONS,
    SCORE_MAX,
    SCORE_MIN,
    price_word,
    refused,
    words_of,
)


def test_columns_keep_their_places() -> None:
    assert CREDIT_COLUMNS == (
        *("amount", "cap", "currency", "score", "band", "score_age_days"),
        *("history", "behaviour", "ability", "identity", "relations"),
        *("open_orders", "overdue_orders", "defaulted_orders", "kept_orders", "tier", "months_on_book", "disputed"),
    )
    assert [CREDIT_INDEX[name] for name in CREDIT_COLUMNS] == list(range(len(CREDIT_COLUMNS)))


def test_every_field_about_a_person_has_a_category_and_none_other() -> None:
    assert set(CREDIT_FIELDS) - set(CATEGORY) == {"amount", "cap", "currency"} and set(CATEGORY) <= set(CREDIT_FIELDS)
    assert CATEGORIES == ("score", *DIMENSIONS, "orders", "account", "disputes")


def test_bands_part_the_range_of_scores() -> None:
    assert SCORE_MIN < min(BAND_EDGES) and max(BAND_EDGES) < SCORE_MAX and list(BAND_EDGES) == sorted(BAND_EDGES)
    assert CREDIT_FIELDS["band"].range == (1, BANDS) and CREDIT_FIELDS["score"].range == (SCORE_MIN, SCORE_MAX)
    for edge in BAND_EDGES:
        assert str(edge) in CREDIT_FIELDS["band"].meaning


@pytest.mark.parametrize("field", CREDIT_FIELDS)
def test_no_field_that_there_is_is_refused(field: str) -> None:
    assert refused(field) == "" and CREDIT_FIELDS[field].meaning


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("interestRate", ["interest", "rate"]),
        ("APRMax", ["apr", "max"]),
        ("total_FEE_2", ["total", "fee"]),
        ("x", ["x"]),
        ("", []),
        ("123", []),
    ],
)
def test_a_name_is_made_of_words_however_they_are_joined(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize("name", ["price", "maxPrice", "late_fees", "APR", "discountPercent", "COST"])
def test_a_price_is_refused_by_whatever_name(name: str) -> None:
    assert price_word(name) and "no scenario sets a price" in refused(name)


@pytest.mark.parametrize("name", ["feed", "costume", "priceless", "interesting", "marginal_note"])
def test_a_word_that_only_looks_like_one_is_none(name: str) -> None:
    assert price_word(name) == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gender", "prohibited input"),
        ("willingness_to_pay", "willingness to pay"),
        ("deviceBrand", "willingness to pay"),
        ("months_on_book", ""),
    ],
)
def test_what_a_scenario_may_not_look_at_says_why(name: str, why: str) -> None:
    assert why in refused(name) and bool(refused(name)) == bool(why)
