"""Prohibited inputs are found however a name is written, and nothing else is."""

import pytest

from models.prohibited import prohibited_word


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("sex", "sex"),
        ("SEX", "sex"),
        ("applicant_sex", "sex"),
        ("Sex_male", "sex"),
        ("MARRIAGE_2", "marriage"),
        ("maritalStatus", "marital"),
        ("personal_status_and_sex", "sex"),
        ("status: female", "female"),
        ("RaceCode", "race"),
        ("foreign.worker", "foreign"),
        ("ethnicity1", "ethnicity"),
        ("Religion", "religion"),
        ("NATIONALITY", "nationality"),
        ("national origin", "national origin"),
        ("skinColour", "skin colour"),
        ("country_of_birth", "country birth"),
        ("birth-country", "birth country"),
        ("sextant", None),
        ("traceability", None),
        ("age_in_years", None),
        ("embrace", None),
        ("payer_age_days", None),
        ("international_share", None),
        ("x", None),
        ("", None),
    ],
)
def test_names(name: str, word: str | None) -> None:
    assert prohibited_word(name) == word
