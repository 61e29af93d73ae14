"""Currencies by letters and by number."""

from rules.vocabulary.currencies import ALPHA, NUMERIC


def test_known_codes() -> None:
    expected = {"EUR": 978, "USD": 840, "JPY": 392, "CZK": 203, "XTS": 963, "XXX": 999, "ALL": 8}
    assert expected.items() <= NUMERIC.items()
    assert {ALPHA[number] for number in expected.values()} == set(expected)
    assert all(len(letters) == 3 and letters.isupper() and 0 < number < 1000 for letters, number in NUMERIC.items())
