"""What conditions mean, and what is said of those that mean nothing."""

import numpy as np
import pytest

from rules.compile.codegen import Fires
from rules.language.check import Checker
from rules.language.ir import INT_MAX, INT_MIN, Program
from rules.language.lists import NamedList
from rules.language.problems import ExpressionError
from rules.vocabulary.encodings import country_number, device_number
from tests.unit.rules.language.expressions import Payment, code_of, columns_of, evaluate, run_plain

WALLET = "00000001-0002-8abc-8123-456789abcdef"
MM, KH = country_number("MM"), country_number("KH")


@pytest.mark.parametrize(
    ("condition", "payment", "value"),
    [
        ("amount > 500", {"amount": 501}, True),
        ("amount > 500", {"amount": 500}, False),
        ("amount * 3 / 2 == 7", {"amount": 5}, True),
        ("payer_available / 2 == -3", {"payer_available": -7}, True),
        ("payer_available % 2 == -1", {"payer_available": -7}, True),
        ("payer_available > 0", {"payer_available": None}, None),
        ("payer_available > 0 || amount > 1", {"payer_available": None, "amount": 2}, True),
        ("payer_available > 0 || amount > 1", {"payer_available": None, "amount": 1}, None),
        ("payer_available > 0 && amount > 1", {"payer_available": None, "amount": 1}, False),
        ("payer_available > 0 && amount > 1", {"payer_available": None, "amount": 2}, None),
        ("!(payer_available > 0)", {"payer_available": None}, None),
        ("payer_available == null", {"payer_available": None}, True),
        ("null != payer_available", {"payer_available": None}, False),
        ("amount / hour > 0", {"amount": 9, "hour": 0}, None),
        ("amount % hour == 0", {"amount": 9, "hour": 0}, None),
        ("amount + 1 > 0", {"amount": INT_MAX}, None),
        ("amount - 1 < 0", {"amount": INT_MIN + 1}, True),
        ("amount - 2 < 0", {"amount": INT_MIN + 1}, None),
        ("amount * 2 > 0", {"amount": 2**62}, None),
        ("amount * -2 < 0", {"amount": 2**62}, True),
        ("amount * hour > 0", {"amount": 2**40, "hour": 2**23}, None),
        ("amount * hour > 0", {"amount": 2**40, "hour": 2**22}, True),
        ("-(amount) > 0", {"amount": -5}, True),
        ("(hour < 6 ? 100 : 1000) < amount", {"hour": 5, "amount": 101}, True),
        ("(hour < 6 ? payer_available : 1000) < amount", {"hour": 7, "amount": 1001, "payer_available": None}, True),
        ('country == "MM"', {"country": MM}, True),
        ('country in ["MM", "KH"]', {"country": KH}, True),
        ("country in lists.risky", {"country": MM}, True),
        ("!(country in lists.risky)", {"country": country_number("DE")}, True),
        ("country in []", {"country": MM}, False),
        ('country.startsWith("M")', {"country": MM}, True),
        ('country.startsWith("M")', {"country": KH}, False),
        ('kind.startsWith("cash")', {"kind": 3}, True),
        ('(hold ? "MM" : "KH") == country', {"hold": 1, "country": MM}, True),
        ('device == "phone"', {"device": device_number("phone")}, True),
        (f'payee == "{WALLET}"', {"payee": 0x10002 << 4 | 8}, False),
        ("payer == payee", {"payer": 9, "payee": 9}, True),
        ("hold == (amount > 3)", {"hold": 0, "amount": 3}, True),
        ('effective_time >= timestamp("2026-01-01T00:00:00Z")', {"effective_time": 1_767_225_600_000}, True),
        ('count("1h") >= 5 && sum("24h") > 10', {'count("1h")': 5, 'sum("24h")': 11}, True),
        ('distinct_payees("7d") == max("7d")', {'distinct_payees("7d")': 3, 'max("7d")': 3}, True),
        ('saturated("24h")', {'saturated("24h")': 0b010}, True),
        ('saturated("7d")', {'saturated("24h")': 0b010}, False),
        ("true", {}, True),
        ("1 + 2 * 3 == 7", {}, True),
        ("0x10 == 16", {}, True),
    ],
)
def test_a_condition_means_what_cel_means(condition: str, payment: Payment, value: bool | None) -> None:
    assert evaluate(condition, payment, {"risky": ["MM", "KH"]}) is value


def test_a_wallet_id_is_its_address() -> None:
    assert evaluate(f'payer == "{WALLET}"', {"payer": 0x0000000100028ABC >> 28}) is True


@pytest.mark.parametrize(
    ("condition", "start", "message", "hint"),
    [
        ("amout > 5", 0, "no field is named amout", "did you mean amount?"),
        ("amount > 5 && contry == 'MM'", 14, "no field is named contry", "did you mean country?"),
        ("amount", 0, "a condition is true or false, this is a whole number", "compare"),
        ("amount = 5", 7, "= is not expected here", "write =="),
        ("not hold", 4, "hold is not expected here", "write !"),
        ("amount > 1 hold", 11, "hold is not expected here", "an operator like && or == is missing"),
        ("amount > 1 and hold", 11, "and is not expected here", "write &&"),
        ("amount > 1.5", 9, "1.5 is no whole number", "minor units"),
        ("amount > country", 0, "a whole number and a country cannot be compared", ""),
        ('country > "MM"', 0, "a country has no order", "use =="),
        ('country == "Burma"', 11, "'Burma' is no country, two letters of ISO 3166-1 like MM", ""),
        ('country == "UK"', 11, "'UK' is no country, two letters of ISO 3166-1", "write GB"),
        ('country in ["GB", "gb"]', 18, "'gb' is no country", "did you mean GB?"),
        ('country.startsWith("UK")', 19, "no country begins with 'UK'", ""),
        ('currency == "EURO"', 12, "'EURO' is no currency", "did you mean EUR?"),
        ('kind == "cashin"', 8, "'cashin' is no kind", "did you mean cash_in?"),
        ('channel == "ATM"', 11, "'ATM' is no channel", "did you mean atm?"),
        ("hour == 24", 0, "hour is 0..23, so this never holds", "hour of the day"),
        ("amount > 5 && 0 == weekday", 14, "weekday is 1..7, so this never holds", "Monday first"),
        ("hour > 23", 0, "hour is 0..23, so this never holds", ""),
        ("24 <= hour", 0, "hour is 0..23, so this never holds", ""),
        ("hour in [22, 23, 24]", 17, "24 does not occur, only 0..23 do", ""),
        ("payer_tier == 256", 0, "payer_tier is 0..255, so this never holds", ""),
        ('channel == "atn"', 11, "'atn' is no channel", "did you mean atm?"),
        ("country == channel", 0, "a country and a channel cannot be compared", ""),
        ('"a" == "b"', 0, "two texts are compared", "one side must be a field"),
        ("count > 5", 0, "no field is named count", 'write count("1h")'),
        ('count("2h") > 5', 6, "no window is '2h'", '"1h", "24h", "7d"'),
        ('cont("1h") > 5', 0, "no function is named cont", "did you mean count?"),
        ("country in lists.hihg", 11, "no list is named hihg", "did you mean high?"),
        ("country in high", 11, "no field is named high", "write lists.high"),
        ("country in lists.numbers", 11, "lists.numbers: 5 is no country but a number", "put quotes around it"),
        ("amount == null", 0, "amount is always known", "leave the test out"),
        ("payer_available + 1 == null", 0, "only a field can be null", ""),
        ("hold + 1 > 0", 0, "+ needs a whole number, this is true or false", ""),
        ("!amount", 1, "! needs true or false, this is a whole number", ""),
        ("hour && hold", 0, "&& needs true or false, this is a whole number", ""),
        ("hold ? amount : country", 16, "one branch is a whole number, the other a country", ""),
        ("amount / 0 > 1", 0, "division by zero", ""),
        ("9223372036854775807 + 1 > amount", 0, "beyond 64 bits", ""),
        ("9223372036854775808 > amount", 0, "beyond 64 bits", ""),
        ("amount in [1, 'a']", 14, "a list holds entries of one type", ""),
        ("amount in [hour]", 11, "a list holds numbers or texts", ""),
        ('device.startsWith("a")', 0, "a device has no prefix", ""),
        ('country.startsWith("m")', 19, "no country begins with 'm'", ""),
        ('country.endsWith("M")', 0, "no method is named endsWith", "startsWith"),
        ("timestamp('yesterday') < effective_time", 10, "an RFC 3339 time", ""),
        ("payer == '00000001-0000-4abc-8123-456789abcdef'", 9, "a wallet id is expected", ""),
        ("(amount > 5", 10, "the expression ends too early", "a ) is missing"),
        ("amount > 'a", 9, "this text does not end", "a closing '"),
        ("amount.x > 5", 0, "nothing here has fields of its own", ""),
        ("in > 5", 0, "no field is named in", ""),
        ("", 0, "an expression is missing", ""),
    ],
)
def test_what_means_nothing_is_refused_at_its_place(condition: str, start: int, message: str, hint: str) -> None:
    lists = {"high": NamedList(name="high", entries=("MM",)), "numbers": NamedList(name="numbers", entries=(5,))}
    with pytest.raises(ExpressionError) as refused:
        Checker(Program(), lists).condition(condition)
    assert (refused.value.start, message in refused.value.message) == (start, True), refused.value
    assert hint in refused.value.hint


OVERFLOWS = [
    ("amount * payer_available < 7", INT_MIN + 1, 1_000),
    ("amount * payer_available < 7", 1_000, INT_MIN + 1),
    ("amount * payer_available > 7", INT_MAX, -2),
    ("amount * payer_available > 7", INT_MAX, 2),
    ("amount + payer_available > 0", INT_MAX, 1),
    ("amount - payer_available > 0", INT_MIN + 1, 2),
    ("-(amount - payer_available) > 0", INT_MIN + 1, 1),
    ("amount * 1000 > 0", INT_MAX, 0),
    ("amount / payer_available > 0", INT_MIN + 1, 0),
    ("(amount - 1) / payer_available > 0", INT_MIN + 1, -1),
    ("(amount - 1) % payer_available == 0", INT_MIN + 1, -1),
    ("(amount - 1) / 3 == -3074457345618258602", INT_MIN + 1, 0),
]


def test_compiled_code_sees_overflow_that_compilers_like_to_assume_away() -> None:
    payments: list[Payment] = [{"amount": a, "payer_available": b} for _, a, b in OVERFLOWS]
    code = code_of([condition for condition, _, _ in OVERFLOWS])
    columns = columns_of(payments)
    hits, unknown = np.zeros((2, len(payments), 1), np.uint64)
    Fires(code)(columns, hits, unknown)
    plain_hits, plain_unknown = run_plain(code, columns)
    assert np.array_equal(hits[:, 0], plain_hits[:, 0])
    assert np.array_equal(unknown[:, 0], plain_unknown[:, 0])
    last = len(OVERFLOWS) - 1
    assert [int(unknown[row, 0]) >> row & 1 for row in range(last + 1)] == [1] * last + [0]
    assert int(hits[last, 0]) >> last & 1
