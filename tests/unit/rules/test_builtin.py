"""The pack a new switch starts with: its own tests, and what no operator would forgive it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rules.builtin import DOCUMENT, PACK
from rules.decisions.decision import Action
from rules.decisions.pack import Decider
from rules.language.cases import run_cases
from rules.vocabulary.columns import COLUMN_COUNT, INDEX, NULL

DECIDER = Decider(PACK)
WORTH_A_LOOK = 100_000
FAMILIES = {
    "draining": {"drain"},
    "velocity": {"burst", "sudden", "fan-out"},
    "new payee with high amount": {"above-usual", "out-of-nothing"},
    "structuring": {"slices"},
    "mules": {"pass-through"},
    "tier limits": {"tier-day"},
}
anything = st.one_of(st.just(NULL), st.integers(0, 3), st.integers(0, 2**53), st.integers(0, 200))


def test_it_passes_its_own_tests() -> None:
    failed = {each.name: each.differences for each in run_cases(DOCUMENT.tests, DECIDER) if each.differences}
    assert failed == {}


def test_it_covers_what_it_says_and_each_of_its_rules_fires_in_a_test_of_its_own() -> None:
    tried = {name for case in DOCUMENT.tests for name in case.fires or ()}
    assert {rule.id for rule in PACK.rules} == set.union(*FAMILIES.values()) == tried


@given(st.lists(anything, min_size=COLUMN_COUNT, max_size=COLUMN_COUNT), st.integers(1, WORTH_A_LOOK - 1))
def test_an_ordinary_small_payment_is_approved_whoever_makes_it(row: list[int], amount: int) -> None:
    columns = np.array([row], np.int64)
    columns[0, INDEX["amount"]] = amount
    columns[0, INDEX["count_1h"]] = min(row[INDEX["count_1h"]], 39)
    assert DECIDER.decide(columns)["action"].tolist() == [Action.APPROVE]


def test_no_card_total_stops_a_payment_by_itself() -> None:
    assert PACK.card is not None and PACK.review_below is not None
    assert PACK.card.worst >= PACK.review_below and PACK.decline_below is None


def test_its_card_knows_no_amount_so_it_does_for_any_currency() -> None:
    assert PACK.card is not None
    features = {item.feature for item in PACK.card.characteristics}
    assert features == {"payee_kind", "count_24h", "payees_7d"}
