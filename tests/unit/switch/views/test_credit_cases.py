"""Cases as JSON: status follows the last record, a statement stands only beside what was kept, each step but the source's is a notice."""

from typing import Any

import pytest
from msgspec import UNSET

from actors.records.credit_layout import Resolution
from actors.records.layout import ACCOUNT, FORWARD_BY, RECORD, RESOLUTION, Kind
from actors.records.secret import Secret
from switch.views.credit_cases import (
    IN_TIME,
    MEANINGS,
    dispute_answer,
    dispute_in_short,
    dispute_status,
    review_answer,
)
from switch.views.credit_records import CreditDetails, CreditRecord

SECRET = Secret.of(bytes(range(16)))
NOON = 1_795_521_600_000
ACCOUNTS = {1: "analyst", 2: "inn"}


def found(
    kind: Kind, at: int = 0, text: str | None = None, statement: str | None = None, /, **fields: Any
) -> CreditRecord:
    record: dict[str, Any] = dict.fromkeys(RECORD.names or (), 0)
    record |= {"kind": int(kind), "payer": 5, "record_time": NOON + at, "expiry": NOON + 1_000} | fields
    return CreditRecord(100 + at, record, CreditDetails(text=text, statement=statement))


def opened(**fields: Any) -> CreditRecord:
    return found(Kind.DISPUTE_OPENED, 0, "It is wrong.", **{ACCOUNT: 2, **fields})


def resolved(outcome: Resolution, caller: int = 1, statement: str | None = None) -> CreditRecord:
    fields: dict[str, Any] = {RESOLUTION: int(outcome), "caller": caller}
    return found(Kind.DISPUTE_RESOLVED, 3, "The bill shows it.", statement, **fields)


FORWARDED = found(Kind.DISPUTE_FORWARDED, 1)
ANSWERED = found(Kind.DISPUTE_ANSWERED, 2, "Nobody paid.", **{RESOLUTION: int(Resolution.KEPT), "caller": 2})
ENTRY = found(Kind.ORDER_CREATED, 7)


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([], "open"),
        ([FORWARDED], "forwarded"),
        ([FORWARDED, ANSWERED], "answered"),
        ([resolved(Resolution.DELETED)], "deleted"),
        ([FORWARDED, ANSWERED, resolved(Resolution.KEPT)], "kept"),
        ([resolved(Resolution.DELETED), found(Kind.DISPUTE_REINSERTED, 4, "It was right.")], "reinserted"),
    ],
)
def test_where_a_dispute_stands_is_what_its_last_record_says(steps: list[CreditRecord], status: str) -> None:
    assert dispute_status(steps) == status
    assert dispute_answer(SECRET, opened(), steps, ENTRY, ACCOUNTS).status == status
    assert dispute_in_short(SECRET, opened(), steps).status == status


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.ORDER_CREATED, "The order is back, and counts again: It was right."),
        (Kind.INQUIRY, "The entry is back: It was right."),
        (
            Kind.SCORE,
            "The score is not deleted any more; you have a score again with the next run: It was right.",
        ),
    ],
)
def test_the_holder_is_told_what_a_reinserted_entry_does(kind: Kind, words: str) -> None:
    steps = [resolved(Resolution.DELETED), found(Kind.DISPUTE_REINSERTED, 4, "It was right.")]
    assert dispute_answer(SECRET, opened(), steps, found(kind, 7), ACCOUNTS).notices[-1].text == words


def test_a_statement_stands_only_beside_an_entry_that_was_kept() -> None:
    for outcome in (Resolution.DELETED, Resolution.CORRECTED):
        assert dispute_in_short(SECRET, opened(), [resolved(outcome, statement="Mine.")]).statement is UNSET
    assert dispute_in_short(SECRET, opened(), [FORWARDED]).statement is UNSET
    own = dispute_answer(SECRET, opened(), [resolved(Resolution.KEPT, statement="Mine.")], ENTRY, ACCOUNTS)
    assert own.statement == "Mine."
    none = dispute_answer(SECRET, opened(), [resolved(Resolution.KEPT)], ENTRY, ACCOUNTS)
    assert none.statement == "It is wrong.", "without a statement of its own the dispute's words stand"


def test_the_sources_answer_is_shown_and_is_no_notice() -> None:
    shown = dispute_answer(SECRET, opened(**{FORWARD_BY: NOON + 5}), [FORWARDED, ANSWERED], ENTRY, ACCOUNTS)
    assert shown.answer is not UNSET and (shown.answer.outcome, shown.answer.text) == ("kept", "Nobody paid.")
    (notice,) = shown.notices
    assert "inn" in notice.text and notice.at == shown.forwarded_at
    assert shown.forward_by is not UNSET and shown.source == "inn" and shown.entry_kind == "order"


def test_what_a_clock_decided_has_nobody_who_decided_and_says_so() -> None:
    shown = dispute_answer(SECRET, opened(), [resolved(Resolution.DELETED, caller=0)], ENTRY, ACCOUNTS)
    assert shown.resolution is not UNSET and (shown.resolution.by, shown.resolution.text) == (None, IN_TIME)
    assert shown.notices[-1].text == f"{MEANINGS[Resolution.DELETED]} {IN_TIME}"


def test_an_entry_of_the_bureau_itself_has_no_source() -> None:
    shown = dispute_answer(SECRET, opened(**{ACCOUNT: 0}), [FORWARDED], found(Kind.SCORE, 7), ACCOUNTS)
    assert (shown.source, shown.entry_kind) == (None, "score")
    assert "those who made the entry" in shown.notices[0].text


@pytest.mark.parametrize(("now", "overdue"), [(NOON + 999, False), (NOON + 1_000, True)])
def test_a_review_is_overdue_from_the_moment_it_is_due_until_it_is_answered(now: int, overdue: bool) -> None:
    asked = found(Kind.CREDIT_REVIEW_OPENED, 0, "Please.", **{ACCOUNT: 2})
    receipt = found(Kind.INQUIRY, 7)
    waiting = review_answer(SECRET, asked, [], receipt, ACCOUNTS, now)
    assert (waiting.status, waiting.overdue, waiting.merchant, waiting.notices) == ("open", overdue, "inn", [])
    answer = found(
        Kind.CREDIT_REVIEW_RESOLVED, 3, "She earns more.", **{RESOLUTION: int(Resolution.OVERTURNED), "caller": 1}
    )
    done = review_answer(SECRET, asked, [answer], receipt, ACCOUNTS, now)
    assert (done.status, done.overdue) == ("overturned", False)
    assert done.resolution is not UNSET and done.resolution.by == "analyst"
    assert "She earns more." in done.notices[0].text
