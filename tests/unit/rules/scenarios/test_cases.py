"""Tests that stand in a scenario: a wallet as usual but for what is given, and what must be answered."""

import pytest

from rules.language.problems import PackError
from rules.scenarios.cases import USUAL, Case, columns_of, run_cases
from rules.scenarios.document import read_scenario
from rules.vocabulary.columns import NULL
from rules.vocabulary.credit import CREDIT_INDEX, DIMENSIONS, SCORE_MAX, SCORE_MIN
from tests.scenario_text import GOOD, problems


def test_a_test_that_gives_what_cannot_be_is_refused() -> None:
    case = (
        "tests:\n  - name: odd\n    given: {score: 20, colour: 3}\n    expect: {result: maybe, reasons: [SCORE_BELO]}\n"
    )
    messages = [each.message for each in problems(GOOD + case)]
    assert messages == [
        "score: 20 does not occur, only 350..950 do",
        "given has no field colour",
        "result maybe is not known",
        "no part gives the reason SCORE_BELO",
    ]


def cases_of(given: str, expect: str = "{result: yes}") -> tuple[Case, ...]:
    return read_scenario(GOOD + f"tests:\n  - {{name: t, given: {{{given}}}, expect: {expect}}}\n").tests


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("score: 350, disputed: true", {"score": 350, "disputed": 1}),
        ("amount: null, currency: EUR", {"amount": NULL, "currency": 978}),
        ("relations: null", {"relations": NULL}),
        ("", {}),
    ],
)
def test_what_is_given_is_numbers_by_field(given: str, expected: dict[str, int]) -> None:
    (case,) = cases_of(given)
    assert dict(case.given) == expected and (case.yes, case.granted, case.reasons) == (True, None, None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("score: null", "score: a int is expected"),
        ("score: 600.5", "score: a int is expected"),
        ("score: true", "score: a int is expected"),
        ("tier: 256", "tier: 256 does not occur, only 0..255 do"),
        ("disputed: 1", "disputed: a bool is expected"),
        ("currency: 978", "currency: a currency is expected"),
        ("currency: EURO", "currency: 'EURO' is no currency, an ISO 4217 code like EUR"),
    ],
)
def test_what_no_wallet_has_is_refused(given: str, message: str) -> None:
    with pytest.raises(PackError) as refused:
        cases_of(given)
    assert [each.message.partition(";")[0] for each in refused.value.problems] == [message]


def test_what_is_not_given_is_as_usual_with_the_cap_of_its_currency() -> None:
    caps = {"EUR": 500, "USD": 700}
    plain, dollars, others, capped = columns_of(
        [{}, {"currency": 840}, {"currency": 392}, {"cap": 9, "score": 700}], caps
    )
    at = CREDIT_INDEX
    assert [row[at["cap"]] for row in (plain, dollars, others, capped)] == [500, 700, 0, 9]
    assert [row[at["score"]] for row in (plain, capped)] == [600, 700] and plain[at["currency"]] == 978
    assert plain[at["amount"]] == NULL and plain[at["open_orders"]] == 0
    for name, number in USUAL.items():
        assert plain[at[name]] == number
    assert SCORE_MIN <= USUAL["score"] <= SCORE_MAX
    assert sum(USUAL[name] for name in DIMENSIONS) == USUAL["score"], "a wallet as there is one"
    assert len(columns_of([], caps)) == 0


@pytest.mark.parametrize(
    ("given", "score", "band"),
    [
        ({"score": 720}, 720, 5),
        ({"score": 699}, 699, 4),
        ({"score": 350}, 350, 1),
        ({"band": 1}, 350, 1),
        ({"band": 2}, 550, 2),
        ({"band": 5}, 700, 5),
        ({"band": 5, "score": 800}, 800, 5),
        ({}, 600, 3),
    ],
)
def test_score_and_band_of_a_test_follow_each_other(given: dict[str, int], score: int, band: int) -> None:
    (row,) = columns_of([given], {"EUR": 5})
    assert (row[CREDIT_INDEX["score"]], row[CREDIT_INDEX["band"]]) == (score, band)


@pytest.mark.parametrize(("given", "result"), [("score: 720", "yes"), ("band: 5", "yes"), ("score: 699", "no")])
def test_a_condition_on_the_band_sees_that_of_the_score(given: str, result: str) -> None:
    text = GOOD.replace("score >= 600", "band >= 5")
    document = read_scenario(text + f"tests: [{{name: t, given: {{{given}}}, expect: {{result: {result}}}}}]\n")
    (outcome,) = run_cases(document.tests, document.evaluator(), document.reasons, document.terms.cap)
    assert outcome.differences == ()


def test_a_band_that_contradicts_the_score_of_a_test_is_refused() -> None:
    with pytest.raises(PackError) as refused:
        cases_of("score: 400, band: 5")
    assert [each.message for each in refused.value.problems] == ["band: a score of 400 is in band 1"]
    text = GOOD + "tests: [{name: t, given: {score: 400, band: 5}, expect: {}}]\n"
    (case,) = read_scenario(text, stored=True).tests
    assert dict(case.given) == {"score": 400, "band": 5}, "what was published still opens"


def test_a_failed_test_says_what_was_expected_and_what_is_not_said_is_not_compared() -> None:
    text = GOOD + (
        "tests:\n"
        "  - {name: wrong, given: {score: 500}, expect: {result: yes, granted: 5, reasons: []}}\n"
        "  - {name: right, given: {score: 500}, expect: {result: no}}\n"
        "  - {name: asked, given: {amount: 700}, expect: {result: yes, granted: 700}}\n"
    )
    document = read_scenario(text)
    outcomes = run_cases(document.tests, document.evaluator(), document.reasons, document.terms.cap)
    assert outcomes[0].differences == (
        "result: yes was expected, it is no",
        "granted: 5 was expected, it is 0",
        "reasons: none was expected, it is SCORE_BELOW",
    )
    assert [each.differences for each in outcomes[1:]] == [(), ()]
    assert outcomes[0].line == GOOD.count("\n") + 2
