"""Tests that stand in a pack: what is not given is as usual, what contradicts itself is refused, what differs is named."""

import pytest

from models.scorecard import Scorecard
from rules.compile.compiler import compile_pack
from rules.decisions.pack import Decider, Trace
from rules.language.cases import columns_of, run_cases
from rules.language.document import read_pack
from rules.language.problems import PackError
from rules.vocabulary.catalogue import INPUTS
from rules.vocabulary.columns import COLUMNS, INDEX, NULL, USER_PAYER_COLUMNS
from rules.vocabulary.times import time_ms

HEAD = "name: p\nfallback: review\n"


def traced(text: str, cards: dict[str, Scorecard] | None = None) -> Trace:
    """What becomes of the tests of a pack."""
    document = read_pack(text)
    return Decider(compile_pack(document, cards or {}, 7, 3)).trace(columns_of(document.tests))


def payments(*given: str) -> str:
    return "tests:\n" + "".join(f"  - {{name: t, given: {{{each}}}, expect: {{}}}}\n" for each in given)


def test_hour_and_weekday_follow_the_effective_time_of_a_test() -> None:
    text = (
        HEAD
        + "rules: [{id: night, when: hour >= 22 && weekday == 7, action: review, reason: R}]\n"
        + payments(
            "effective_time: 2026-03-29T23:30:00Z", "effective_time: 2026-03-30T23:30:00Z", "hour: 23, weekday: 7"
        )
    )
    assert traced(text).hits[:, 0].tolist() == [True, False, True]


def test_the_effective_time_follows_hour_and_weekday_of_a_test() -> None:
    when = "effective_time.getHours() == 23 && effective_time.getDayOfWeek() == 0"
    text = HEAD + f"rules: [{{id: night, when: {when}, action: review, reason: R}}]\n"
    given = payments("hour: 23, weekday: 7", "hour: 23", "weekday: 7", "amount: 1")
    assert traced(text + given).hits[:, 0].tolist() == [True, False, False, False]
    (row,) = columns_of(read_pack(HEAD + payments("hour: 23")).tests)
    assert row[INDEX["effective_time"]] == time_ms("1970-01-05T23:00:00Z") and row[INDEX["weekday"]] == 1


@pytest.mark.parametrize("kind", ["external", "fee", "liquidity", "suspense"])
def test_what_is_known_of_users_is_unknown_where_a_test_has_an_operator_pay(kind: str) -> None:
    rule = 'payer_kind == "' + kind + '" && amount > 1000000 && count("24h") < 5'
    text = HEAD + f"rules: [{{id: a, when: '{rule}', action: review, reason: R}}]\n"
    given = payments(
        f"amount: 2000000, payer_kind: {kind}", f"amount: 2000000, payer_kind: {kind}, 'count(\"24h\")': null"
    )
    assert traced(text + given).hits[:, 0].tolist() == [False, False]
    (row, _) = columns_of(read_pack(text + given).tests)
    assert {name for name in COLUMNS if row[INDEX[name]] == NULL} == {*USER_PAYER_COLUMNS, "country", "device"}
    (user,) = columns_of(read_pack(HEAD + payments("payer_kind: merchant, payer_tier: 3")).tests)
    assert user[INDEX["payer_tier"]] == 3 and user[INDEX["count_24h"]] == 0


@pytest.mark.parametrize("name", ['count("24h")', "payer_tier", 'saturated("7d")', "payee_seen", "payer_credited"])
def test_a_test_that_gives_an_operator_what_only_users_have_is_refused(name: str) -> None:
    value = "true" if name.startswith("saturated") else "3"
    text = HEAD + payments(f"{name}: {value}, payer_kind: liquidity")
    with pytest.raises(PackError) as refused:
        read_pack(text)
    assert [each.message for each in refused.value.problems] == [f"{name}: it is unknown when an operator wallet pays"]
    assert len(read_pack(text, stored=True).tests) == 1, "what was published still opens"


def test_an_hour_that_contradicts_the_effective_time_of_a_test_is_refused() -> None:
    with pytest.raises(PackError) as caught:
        read_pack(HEAD + "rules: []\n" + payments("hour: 3, effective_time: 2026-03-29T23:30:00Z"))
    assert any("it is 23" in problem.message for problem in caught.value.problems)


def test_a_failed_test_says_what_was_expected() -> None:
    text = (
        HEAD
        + "rules: [{id: a, when: hold, action: review, reason: R}]\n"
        + "tests: [{name: t, given: {hold: true}, expect: {action: approve, reasons: [], points: 5, fires: []}}]\n"
    )
    document = read_pack(text)
    (outcome,) = run_cases(document.tests, Decider(compile_pack(document, {}, 1, 1)))
    assert outcome.line == 4
    assert outcome.differences == (
        "action: approve was expected, it is review",
        "points: 5 was expected, it is 0",
        "reasons: none was expected, it is R",
        "fires: none was expected, it is a",
    )


def case(given: str, expect: str = "{}") -> str:
    return f"rules: [{{id: a, when: amount > 5, action: review, reason: R}}]\ntests: [{{name: t, given: {{{given}}}, expect: {expect}}}]\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("amuont: 5", "no field is named amuont"),
        ("amount: '5'", "amount: a whole number is expected"),
        ("amount: 5.5", "amount: a whole number is expected"),
        ("amount: null", "amount: it is always known"),
        ("amount: true", "amount: a whole number is expected"),
        ("hour: 24", "hour: 24 does not occur, only 0..23 do"),
        ("hold: 1", "hold: true or false is expected"),
        ("country: UK", "country: 'UK' is no country, two letters of ISO 3166-1 like MM"),
        ("country: 5", "country: a country is expected"),
        ("effective_time: yesterday", "effective_time: an RFC 3339 time in UTC is expected, like 2026-01-31T12:00:00Z"),
        ("effective_time: 5", "effective_time: a time is expected"),
    ],
)
def test_what_a_test_cannot_give_is_refused_with_the_fields_name(given: str, message: str) -> None:
    with pytest.raises(PackError) as refused:
        read_pack(HEAD + case(given))
    assert message in [problem.message for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("{action: maybe}", "action maybe is not known"),
        ("{fires: [b]}", "no rule is called b"),
        ("{points: many}", "points: a whole number"),
        ("{other: 1}", "expect has no field other"),
        ("{fires: [[a]]}", "a list is no name"),
        ("{fires: [{a: b}]}", "a mapping is no name"),
        ("{fires: [5]}", "5 is no name"),
        ("{reasons: [[R]]}", "a list is no name"),
        ("{action: [review]}", "action a list is not known"),
    ],
)
def test_what_cannot_be_expected_is_refused(expect: str, message: str) -> None:
    with pytest.raises(PackError) as refused:
        read_pack(HEAD + case("amount: 5", expect))
    assert any(problem.message.startswith(message) for problem in refused.value.problems)


def test_what_is_not_given_has_its_usual_value_and_null_is_not_known() -> None:
    document = read_pack(HEAD + case("payer_score: null, 'saturated(\"24h\")': true, 'saturated(\"7d\")': true"))
    (row,) = columns_of(document.tests)
    for field in INPUTS.values():
        if field.column not in ("payer_score", "saturated"):
            assert row[INDEX[field.column]] == field.usual, field.name
    assert row[INDEX["payer_score"]] == NULL and row[INDEX["saturated"]] == 0b110


@pytest.mark.parametrize("names", [("24h",), ("1h", "24h", "7d"), ("7d", "1h")])
def test_saturated_is_null_for_all_windows(names: tuple[str, ...]) -> None:
    given = ", ".join(f"'saturated(\"{name}\")': null" for name in names)
    assert columns_of(read_pack(HEAD + payments(given)).tests)[0, INDEX["saturated"]] == NULL


@pytest.mark.parametrize("values", [("null", "true"), ("true", "null"), ("false", "null"), ("null", "false")])
def test_saturated_is_not_null_for_some_windows_only(values: tuple[str, str]) -> None:
    text = HEAD + payments(f"'saturated(\"1h\")': {values[0]}, 'saturated(\"24h\")': {values[1]}")
    with pytest.raises(PackError) as refused:
        read_pack(text)
    assert [each.message for each in refused.value.problems] == [
        'saturated("24h"): it is null for all windows or for none'
    ]
    (row,) = columns_of(read_pack(text, stored=True).tests)
    assert row[INDEX["saturated"]] == NULL, "what was published still opens"


def test_what_a_test_does_not_expect_is_not_compared() -> None:
    text = HEAD + case("amount: 9", "{action: review}").replace("reason: R", "reason: R, points: 7")
    document = read_pack(text)
    (outcome,) = run_cases(document.tests, Decider(compile_pack(document, {}, 1, 1)))
    assert outcome.differences == () and outcome.name == "t"


def test_rules_in_shadow_fire_too() -> None:
    text = HEAD + case("amount: 9", "{fires: [a], action: approve}").replace("reason: R", "reason: R, mode: shadow")
    document = read_pack(text)
    (outcome,) = run_cases(document.tests, Decider(compile_pack(document, {}, 1, 1)))
    assert outcome.differences == ()
