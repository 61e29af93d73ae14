"""What a condition may be where a field is null, against every payment there is; and comparisons that cannot differ."""

import itertools

import pytest

from rules.language.check import Checker
from rules.language.ir import Program
from rules.language.remarks import columns_of, may_hold, may_lack_value, outcome
from rules.vocabulary.columns import INDEX
from tests.unit.rules.language.expressions import evaluate


@pytest.mark.parametrize(
    ("sign", "number", "expected"),
    [
        ("eq", 5, None),
        ("eq", 0, None),
        ("eq", 10, None),
        ("eq", -1, False),
        ("eq", 11, False),
        ("ne", 5, None),
        ("ne", 11, True),
        ("lt", 0, False),
        ("lt", 1, None),
        ("lt", 10, None),
        ("lt", 11, True),
        ("le", -1, False),
        ("le", 0, None),
        ("le", 10, True),
        ("gt", 10, False),
        ("gt", 9, None),
        ("gt", -1, True),
        ("ge", 11, False),
        ("ge", 10, None),
        ("ge", 0, True),
    ],
)
def test_a_comparison_of_what_is_among_0_and_10(sign: str, number: int, expected: bool | None) -> None:
    assert outcome(sign, (0, 10), number) is expected


@pytest.mark.parametrize("sign", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_a_comparison_holds_always_or_never_exactly_if_it_does_for_every_number(sign: str) -> None:
    holds = {
        "eq": int.__eq__,
        "ne": int.__ne__,
        "lt": int.__lt__,
        "le": int.__le__,
        "gt": int.__gt__,
        "ge": int.__ge__,
    }[sign]
    for low, high, number in itertools.product(range(-2, 3), range(-2, 3), range(-4, 5)):
        if low <= high:
            found = {bool(holds(value, number)) for value in range(low, high + 1)}
            assert outcome(sign, (low, high), number) is (found.pop() if len(found) == 1 else None)


CONDITIONS = [
    'country == "MM"',
    'country != "MM"',
    'country == "MM" && hold',
    'country == "MM" || hold',
    'country == null || country == "MM"',
    'country != null && country == "MM"',
    'hold ? country == "MM" : hour > 3',
    'country == null ? hold : country == "MM"',
    "!hold",
    "hour > 3 && hold",
    'country in ["MM", "KH"]',
    'country.startsWith("M")',
    '!(country == "MM") && hold',
    'country == "MM" && country != "MM"',
    '(country == "MM") == hold',
    "true || country == null",
    'false && country == "MM"',
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_what_a_condition_may_be_without_a_country_is_all_that_it_is_for_some_payment(condition: str) -> None:
    program = Program()
    root = Checker(program, {}, stored=True).condition(condition)
    found = {
        evaluate(condition, {"country": None, "hold": hold, "hour": hour})
        for hold, hour in itertools.product((0, 1), (0, 3, 4, 23))
    }
    column = INDEX["country"]
    assert may_lack_value(program.ops, [root], column) == [None in found]
    assert may_hold(program.ops, [root], column) == [True in found]


def test_columns_that_a_value_depends_on_are_named_and_no_others() -> None:
    program = Program()
    checker = Checker(program, {}, stored=True)
    first, second = checker.condition("amount > 5 && hold"), checker.condition('count("1h") > hour')
    names = {place: name for name, place in INDEX.items()}
    assert {names[place] for place in columns_of(program.ops, [first])} == {"amount", "hold"}
    assert {names[place] for place in columns_of(program.ops, [second])} == {"count_1h", "hour"}
    assert columns_of(program.ops, []) == set()
