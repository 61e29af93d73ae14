"""One total table of outcomes: every number once, every code explained."""

import pytest

from actors.records.codes import FIRST_DECLINED, FIRST_REFUSED, LAST_DECLINED, OUTCOMES, Code, is_declined, is_untried
from tests.oracle.oracle_wallet import CODES
from tests.unit.actors.ledger.test_admission import REFUSALS
from tests.unit.actors.ledger.test_captures_refunds import MODIFICATION_DECLINES, MODIFICATION_REFUSALS
from tests.unit.actors.ledger.test_groups import GROUP_OUTCOMES
from tests.unit.actors.ledger.test_posting import DECLINES
from tests.unit.actors.ledger.test_reviews import REVIEW_OUTCOMES

FRONT_DOOR = {
    Code.HOLD_CAPTURED,
    Code.HOLD_VOIDED,
    Code.NOT_A_HOLD,
    Code.REVIEW_APPROVED,
    Code.REVIEW_DECLINED,
    Code.REVIEW_EXPIRED,
}
"""What the front door answers instead of HOLD_NOT_OPEN, having read the hold's lifecycle."""
ELSEWHERE = {
    Code.IDEMPOTENCY_MISMATCH,
    Code.KEYS_FULL,
    Code.HOLDS_FULL,
    Code.WALLETS_FULL,
    Code.CALLER_HOLDS_FULL,
    Code.BUSY,
    Code.DECLINED,
    Code.OK,
}
"""What has tests of its own: of tables that are full, of keys used before, of scores; BUSY is said by the shard around the ledger."""

CREDIT = {
    Code.CONSENTS_FULL,
    Code.ORDERS_FULL,
    Code.TOO_MANY_DECISIONS,
    Code.CASES_FULL,
    *(code for code in Code if Code.CONSENT_NOT_FOUND <= code <= Code.TOO_MANY_CONSENTS),
}
"""What credit requests are answered, which a shard decides beside the ledger: tests/unit/actors/shard."""
OF_A_CALLER = (Code.CALLER_HOLDS_FULL, Code.TOO_MANY_DECISIONS)


def test_every_code_has_an_outcome_and_nothing_else_has() -> None:
    assert list(OUTCOMES) == list(Code)


def test_numbers_are_unique_and_in_the_order_of_precedence() -> None:
    numbers = [member.value for member in Code.__members__.values()]
    assert numbers == sorted(set(numbers))


def test_every_number_is_the_documented_one() -> None:
    assert set(CODES.values()) == {int(code) for code in Code} - {Code.BUSY} - CREDIT


@pytest.mark.parametrize("code", list(Code))
def test_outcome_fits_its_class(code: Code) -> None:
    outcome = OUTCOMES[code]
    assert outcome.title.endswith(".")
    if code in (Code.OK, Code.IN_REVIEW):
        assert (outcome.status, outcome.retryable) == (201, False)
    elif is_untried(code):
        assert (outcome.status, outcome.retryable) == (429 if code in OF_A_CALLER else 503, True)
    else:
        assert outcome.status in {402, 404, 409, 422}
        assert not outcome.retryable


def test_classes_divide_the_numbers() -> None:
    for code in Code:
        assert is_untried(code) == (0 < code < FIRST_REFUSED)
        assert is_declined(code) == (FIRST_DECLINED <= code <= LAST_DECLINED)
        assert not (is_untried(code) and is_declined(code))


def test_every_code_that_the_ledger_gives_is_in_a_table_of_cases() -> None:
    reached = {code for _, code, _ in REFUSALS + DECLINES + MODIFICATION_REFUSALS + MODIFICATION_DECLINES}
    reached |= GROUP_OUTCOMES | REVIEW_OUTCOMES
    assert set(Code) - FRONT_DOOR - ELSEWHERE - CREDIT == reached - ELSEWHERE
    assert not reached & FRONT_DOOR
