"""What became of a hold or a payment in review, from its record and the records that refer to it."""

from typing import Any

import pytest
from msgspec import UNSET

from actors.records.layout import FLAG_FINAL, FLAG_REVIEW, Kind, ReviewStatus
from switch.gateway.encode import Details
from switch.views.lifecycle import answer_in, asked_kind, case_of, context_of, ended_as, is_case, own_expiry
from switch.views.statement import NO_PARTS, Part, Parts

AT, MADE, EXPIRES = 77, 1_000_000, 1_600_000


def hold(**fields: int) -> dict[str, int]:
    return {
        **{"kind": int(Kind.HOLD), "code": 0, "flags": 0, "payee_lag": 0, "channel": 0, "country": 0},
        **{"record_time": MADE, "expiry": EXPIRES, **fields},
    }


def review(seconds: int = 0) -> dict[str, int]:
    return hold(flags=FLAG_REVIEW, payee_lag=seconds)


def parts(*records: tuple[Kind, int], target: int = AT) -> Parts:
    listed = [Part(target, 100 + at, {"kind": int(kind), "flags": flags}) for at, (kind, flags) in enumerate(records)]
    return Parts(listed, 0, 0)


@pytest.mark.parametrize(
    ("after", "now", "state"),
    [
        (NO_PARTS, EXPIRES - 1, "held"),
        (NO_PARTS, EXPIRES, "expired"),
        (parts((Kind.VOID, 0)), MADE, "voided"),
        (parts((Kind.EXPIRY, 0)), EXPIRES, "expired"),
        (parts((Kind.CAPTURE, 0)), MADE, "held"),
        (parts((Kind.CAPTURE, 0), (Kind.CAPTURE, FLAG_FINAL)), EXPIRES, "captured"),
        (parts((Kind.CAPTURE, 0), (Kind.VOID, 0)), MADE, "voided"),
        (parts((Kind.VOID, 0), target=AT + 1), MADE, "held"),
    ],
    ids=str,
)
def test_a_hold_stands_until_it_is_captured_voided_or_its_time_is_over(after: Parts, now: int, state: str) -> None:
    assert ended_as(hold(), AT, after, now) == state


@pytest.mark.parametrize(
    ("answer", "now", "state"),
    [
        (NO_PARTS, EXPIRES - 1, "in_review"),
        (NO_PARTS, EXPIRES, "review_expired"),
        (parts((Kind.EXPIRY, FLAG_REVIEW)), EXPIRES, "review_expired"),
        (parts((Kind.VOID, FLAG_REVIEW)), MADE, "review_declined"),
        (parts((Kind.VOID, FLAG_REVIEW | FLAG_FINAL)), MADE, "voided"),
        (parts((Kind.CAPTURE, FLAG_REVIEW | FLAG_FINAL)), MADE, "captured"),
        (parts((Kind.APPROVAL, FLAG_REVIEW)), MADE, "held"),
        (parts((Kind.APPROVAL, FLAG_REVIEW), (Kind.CAPTURE, FLAG_FINAL)), MADE, "captured"),
        (parts((Kind.CAPTURE, FLAG_FINAL)), MADE, "in_review"),
    ],
    ids=str,
)
def test_a_review_is_ended_by_its_answer_alone(answer: Parts, now: int, state: str) -> None:
    assert ended_as(review(3_600), AT, answer, now) == state


def test_an_approved_hold_lives_as_long_as_was_asked_for_and_not_as_its_case() -> None:
    approved = parts((Kind.APPROVAL, FLAG_REVIEW))
    ends = MADE + 3_600_000
    assert own_expiry(review(3_600)) == ends and own_expiry(hold()) == EXPIRES
    assert ended_as(review(3_600), AT, approved, ends - 1) == "held"
    assert ended_as(review(3_600), AT, approved, ends) == "expired"


def test_a_payment_in_review_is_a_hold_in_the_journal_and_a_payment_to_its_caller() -> None:
    assert asked_kind(review()) is Kind.TRANSFER and asked_kind(review(60)) is Kind.HOLD
    assert asked_kind(hold()) is Kind.HOLD and asked_kind({**hold(), "kind": Kind.CAPTURE}) is Kind.CAPTURE


def test_what_was_declined_is_no_case() -> None:
    assert is_case(review()) and not is_case(hold(flags=FLAG_REVIEW, code=100)) and not is_case(hold())


def test_the_answer_of_a_case_is_the_first_record_about_it_that_says_so() -> None:
    answers = parts((Kind.CAPTURE, 0), (Kind.VOID, FLAG_REVIEW))
    assert answer_in(AT, answers) == {"kind": Kind.VOID, "flags": FLAG_REVIEW}
    assert answer_in(AT + 1, answers) is None
    assert case_of(review(), answer_in(AT, answers), EXPIRES).status is ReviewStatus.DECLINED
    assert case_of(review(), None, MADE).answer is None


@pytest.mark.parametrize(
    ("fields", "details", "shown"),
    [
        ({}, Details(), None),
        ({"channel": 1}, Details(), ("channel",)),
        ({}, Details(device="d1", ip="192.0.2.1"), ("device", "ip")),
    ],
)
def test_the_context_has_what_is_known_and_nothing_else(
    fields: dict[str, int], details: Details, shown: tuple[str, ...] | None
) -> None:
    context: Any = context_of(hold(**fields), details)
    if shown is None:
        assert context is UNSET
    else:
        assert {name for name in context.__struct_fields__ if getattr(context, name) is not UNSET} == set(shown)
