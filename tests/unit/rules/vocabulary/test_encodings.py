"""How words become numbers: the same ones for ever, for journals hold them."""

import uuid
from string import ascii_uppercase

import pytest

from rules.vocabulary.encodings import (
    COUNTRIES,
    Channel,
    Label,
    WalletKind,
    country_number,
    country_text,
    device_number,
    wallet_number,
)


def test_numbers_of_words_are_never_given_to_others() -> None:
    assert [kind.name for kind in sorted(WalletKind)] == [
        "USER",
        "MERCHANT",
        "EXTERNAL",
        "FEE",
        "LIQUIDITY",
        "SUSPENSE",
    ]
    assert {label.name: int(label) for label in Label} == {
        "TRANSFER": 0,
        "PAYMENT": 1,
        "CASH_IN": 2,
        "CASH_OUT": 3,
        "DEBIT": 4,
        "TOP_UP": 5,
        "FEE": 6,
        "EXCHANGE": 7,
        "PAYOUT": 8,
        "INTEREST": 9,
    }
    assert [channel.name for channel in sorted(Channel)] == [
        *("UNKNOWN", "APP", "WEB", "POS", "ATM", "API", "USSD", "AGENT", "BRANCH", "CARD", "BATCH")
    ]


@pytest.mark.parametrize(("country", "number"), [("AA", 33), ("MM", 429), ("DE", 133), ("ZZ", 858)])
def test_a_country_has_its_number(country: str, number: int) -> None:
    assert country_number(country) == number and country_text(number) == country


def test_every_pair_of_letters_has_a_number_of_its_own_above_0() -> None:
    pairs = [a + b for a in ascii_uppercase for b in ascii_uppercase]
    assert {country_text(number): number for number in COUNTRIES} == {pair: country_number(pair) for pair in pairs}
    assert len(COUNTRIES) == 26 * 26 and min(COUNTRIES) > 0 and max(COUNTRIES) < 2**16


@pytest.mark.parametrize(("device", "number"), [("phone", 2482055708), ("", 634351890), ("тел", 2923681073)])
def test_a_device_has_its_number(device: str, number: int) -> None:
    assert device_number(device) == number


def test_devices_are_spread_and_never_0() -> None:
    numbers = [device_number(f"device {at}") for at in range(5_000)]
    assert 0 < min(numbers) and max(numbers) < 2**32 and len(set(numbers)) == 5_000
    assert 2_300 < sum(number & 1 for number in numbers) < 2_700


@pytest.mark.parametrize("address", [1, 1 << 16, (1 << 36) - 1])
def test_a_wallets_id_has_its_address(address: int) -> None:
    identity = uuid.UUID(int=address << 92 | 8 << 76 | 2 << 62 | 12345)
    assert wallet_number(str(identity)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00000001-0000-4abc-8123-456789abcdef",
        "00000000-0000-8abc-8123-456789abcdef",
        "00000001-0000-8abc-8123-456789abcdeg",
        "0000000100008abc8123456789abcdef",
        "00000001-0000-8abc-8123-456789abcdef ",
        "x" * 36,
        "-" * 36,
    ],
)
def test_what_is_no_wallets_id_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="like 00000001-0000-8abc-8123-456789abcdef"):
        wallet_number(text)
