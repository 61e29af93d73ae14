"""What the checker of scenarios refuses, and where it says so."""

from pathlib import Path

import pytest

from rules.language.problems import PackError
from rules.scenarios.cases import run_cases
from rules.scenarios.document import is_scenario, read_scenario
from rules.vocabulary.credit import CATEGORY, CREDIT, CREDIT_FIELDS
from tests.scenario_text import GOOD, only, problems


def test_the_example_is_good() -> None:
    found = read_scenario(GOOD)
    assert found.reasons == ("SCORE_BELOW", "OVERDUE_ORDERS")
    assert found.terms.cap == {"EUR": 50000} and not found.terms.standing
    assert is_scenario(GOOD) and not is_scenario("name: velocity\nfallback: approve\n")


def test_a_rule_pack_is_told_so_and_nothing_else() -> None:
    text = "name: velocity\nfallback: approve\nrules: []\nfee: 1\n"
    with pytest.raises(PackError) as refused:
        read_scenario(text)
    (problem,) = refused.value.problems
    assert (problem.line, problem.message) == (2, "this is a rule pack, not a credit scenario")


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "message"),
    [
        ("score >= 600", "scor >= 600", 7, 9, "no field is named scor"),
        ("score >= 600", "score >= 1000", 7, 9, "score is 350..950, so this never holds"),
        ("score >= 600", "score + 1", 7, 9, "a condition is true or false"),
        ("score >= 600", 'sex == "male"', 7, 9, "nobody is judged by sex"),
        ("score >= 600", "maritalStatus == 1", 7, 9, "nobody is judged by marital"),
        ("score >= 600", "willingness_to_pay > 5", 7, 9, "the willingness to pay are refused"),
        ("score >= 600", "monthly_spend > 5", 7, 9, "the willingness to pay are refused"),
        ("score >= 600", "fee_paid > 5", 7, 9, "no scenario sets a price"),
        ("score >= 600", 'count("1h") > 5', 7, 9, "no function is named count"),
        (
            "score >= 600",
            'score >= 600 && timestamp("2026-01-31T12:00:00Z").getHours() > 5',
            7,
            3,
            "a scenario has no clocks",
        ),
        ("data: [score, orders]", "data: [score]", 5, 7, "data does not name orders, which overdue_orders belongs to"),
        (
            "data: [score, orders]",
            "data: [score, orders, ability]",
            5,
            7,
            "data names ability, which nothing here uses",
        ),
        ("data: [score, orders]", "data: [score, orders, income]", 5, 23, "data income is not known"),
        ("reason: OVERDUE_ORDERS", "reason: SCORE_BELOW", 11, 13, "two parts give the reason SCORE_BELOW"),
        ("kind: deposit_waived", "kind: subscription", 3, 7, "kind subscription is not known"),
        ("decisions: 10", "decisions: 0", 14, 37, "decisions: a whole number from 1"),
        ("decisions: 10", "decisions: -1", 14, 37, "decisions: a whole number from 1"),
        ("EUR: 50000", "EUX: 50000", 14, 52, "EUX is no currency"),
        ("default_days: 30", "default_days: score / 20", 15, 79, "personal terms are refused"),
        ("EUR: 50000", 'EUR: "score * 100"', 14, 52, "personal terms are refused"),
        ("refusal: Please pay the deposit.", "refusal: ''", 16, 10, "refusal: a text is expected"),
        ('grant: "amount == null ? cap : amount"', "grant: score > 600", 13, 8, "a grant is a whole number"),
    ],
)
def test_what_is_wrong_is_named_at_its_place(old: str, new: str, line: int, column: int, message: str) -> None:
    found = only(old, new)
    assert message in found.message
    assert found.line == line, found.render()
    assert found.column == column, found.render()


@pytest.mark.parametrize("name", ["price", "monthly_fee", "interestRate", "discount", "risk_premium"])
def test_no_scenario_sets_a_price_at_whatever_place(name: str) -> None:
    for document in (
        f"{GOOD}{name}: 5\n",
        GOOD.replace("{open_orders: 3,", f"{{{name}: 3, open_orders: 3,"),
        GOOD.replace("    reason: SCORE_BELOW\n", f"    reason: SCORE_BELOW\n    {name}: score * 3\n"),
    ):
        (found,) = problems(document)
        assert found.message == f"a scenario sets no price: {name}"


@pytest.mark.parametrize("key", ["1", "true", "~", "null", '""', "-5"])
def test_a_key_that_is_no_word_is_a_field_that_is_not_known(key: str) -> None:
    (found,) = problems(f"{GOOD}{key}: 5\n")
    assert found.message.startswith("a scenario has no field") and found.line == GOOD.count("\n") + 1
    (within,) = problems(GOOD.replace("{open_orders: 3,", f"{{{key}: 3, open_orders: 3,"))
    assert within.message.startswith("limits has no field")


def test_a_badge_grants_nothing_and_an_order_needs_its_terms() -> None:
    assert "a badge grants nothing" in only("kind: deposit_waived", "kind: badge").message
    assert "needs the field grant" in only('grant: "amount == null ? cap : amount"\n', "").message
    assert "terms needs the field default_days" in only(", default_days: 30", "").message
    assert "limits needs the field open_orders" in only("open_orders: 3, ", "").message


def test_all_problems_are_named_at_once() -> None:
    wrong = (
        GOOD.replace("score >= 600", "scor >= 600").replace("EUR: 50000", "EUR: -5").replace("kind: deposit", "kind: d")
    )
    assert len(problems(wrong)) == 3


def test_every_field_has_its_row_on_the_page_of_scenarios() -> None:
    page = (Path(__file__).parents[4] / CREDIT.page).read_text(encoding="utf-8")
    for field in CREDIT_FIELDS.values():
        row = (
            f"`{field.name}`",
            field.type.name,
            field.unit,
            CATEGORY.get(field.name, ""),
            field.meaning,
            field.unknown,
        )
        assert "| " + " | ".join(row) + " |" in page
    example = page.partition("```yaml\n")[2].partition("```")[0]
    found = read_scenario(example)
    assert not [
        each for each in run_cases(found.tests, found.evaluator(), found.reasons, found.terms.cap) if each.differences
    ]
