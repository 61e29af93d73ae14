"""The catalogue says of each field what a rule author needs, and its words have the numbers that columns hold."""

import pytest

from models.prohibited import prohibited_word
from rules.vocabulary.catalogue import (
    BOOL,
    CLOCKS,
    CODES,
    COUNTRY,
    CURRENCY,
    DEVICE,
    FIELDS,
    INPUTS,
    INT,
    TIME,
    WALLET,
    WINDOWS,
    WORDS,
    Field,
)
from rules.vocabulary.columns import DAY_MS, HOUR_MS, INDEX, NULL, WINDOW_NAMES
from rules.vocabulary.encodings import Channel, Label, WalletKind, country_number, device_number


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_a_field_is_complete(field: Field) -> None:
    assert field.column in INDEX and field.meaning and prohibited_word(field.name) is None
    assert field.type in (INT, BOOL, TIME) or field.type.domain is not None
    if field.range is not None:
        low, high = field.range
        assert low <= high and field.type is INT
        assert field.usual in (None, NULL) or low <= field.usual <= high


@pytest.mark.parametrize("name", ["country", "currency", "channel", "kind", "payer_kind", "payee_kind"])
def test_words_have_numbers_of_their_own_and_cards_use_the_same(name: str) -> None:
    domain = FIELDS[name].type.domain
    assert domain is not None and domain.words
    assert len(set(domain.words.values())) == len(domain.words)
    column = FIELDS[name].column
    assert WORDS[column] is FIELDS[name].type and CODES[column] == domain.words


def test_numbers_of_words_are_those_of_the_wire_and_the_journal() -> None:
    for name, members in (("channel", Channel), ("kind", Label), ("payee_kind", WalletKind)):
        domain = FIELDS[name].type.domain
        assert domain is not None and domain.words == {member.name.lower(): int(member) for member in members}
    assert COUNTRY.domain and COUNTRY.domain.words and COUNTRY.domain.words["MM"] == country_number("MM")
    assert COUNTRY.domain.in_use is not None and "UK" not in COUNTRY.domain.in_use
    assert COUNTRY.domain.near["UK"] == "GB"
    assert CURRENCY.domain and CURRENCY.domain.words and CURRENCY.domain.words["EUR"] == 978


def test_words_without_a_list_are_made_numbers() -> None:
    assert DEVICE.domain and DEVICE.domain.number and DEVICE.domain.number("phone") == device_number("phone")
    assert WALLET.domain and WALLET.domain.words is None


def test_inputs_are_fields_and_each_window_of_each_function() -> None:
    assert INPUTS.items() >= FIELDS.items()
    for name in WINDOWS:
        for window in WINDOW_NAMES:
            assert f'{name}("{window}")' in INPUTS
    assert len(INPUTS) == len(FIELDS) + len(WINDOWS) * len(WINDOW_NAMES)


@pytest.mark.parametrize(
    ("name", "ms", "expected"),
    [
        ("getHours", 0, 0),
        ("getHours", 23 * HOUR_MS + 1, 23),
        ("getHours", DAY_MS, 0),
        ("getMinutes", 59 * 60_000 + 59_999, 59),
        ("getDayOfWeek", 0, 4),
        ("getDayOfWeek", 3 * DAY_MS, 0),
        ("getDayOfWeek", 2 * DAY_MS + 1, 6),
    ],
)
def test_a_clock_shows_its_unit_of_the_day_and_1970_began_on_a_thursday(name: str, ms: int, expected: int) -> None:
    clock = CLOCKS[name]
    assert (ms // clock.unit_ms + clock.first) % clock.cycle == expected
    assert clock.range == (0, clock.cycle - 1)
