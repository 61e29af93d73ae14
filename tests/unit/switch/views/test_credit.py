"""Of one inquiry a merchant is told little and its holder everything; of what is not available a merchant learns nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import UNSET

from actors.records.credit_layout import Cause, InquiryResult
from actors.records.ids import encode_wallet
from actors.records.layout import CAUSE, DISPUTED, GRANTED, RECORD, RESULT_OF_INQUIRY, SCORE_SEEN, STANDING, Kind
from actors.records.secret import Secret
from actors.stores.scenarios import StoredScenario
from rules.scenarios.catalogue import texts
from rules.scenarios.document import read_scenario
from switch.views.credit import (
    CAUSES,
    NOTHING_GRANTED,
    NOTHING_TEXT,
    RIGHTS,
    consent_answer,
    decision_answer,
    inquiry_answer,
    reasons_of,
)
from switch.views.credit_records import CreditDetails, CreditRecord

SECRET = Secret.of(bytes(range(16)))
NOON = 1_795_521_600_000
HOTEL = read_scenario(texts()["hotel"])
STORED = StoredScenario(
    number=1, version=3, name="hotel", text="", hash="", made_by=None, made_at=datetime(2026, 1, 1, tzinfo=UTC)
)


def found(kind: Kind, /, **fields: Any) -> CreditRecord:
    record: dict[str, Any] = dict.fromkeys(RECORD.names or (), 0)
    record |= {"kind": int(kind), "payer": 5, "record_time": NOON, "expiry": NOON + 1_000} | fields
    return CreditRecord(100, record, CreditDetails())


def inquiry(result: InquiryResult, cause: Cause = Cause.DECIDED, /, **fields: Any) -> CreditRecord:
    return found(Kind.INQUIRY, **{RESULT_OF_INQUIRY: int(result), CAUSE: int(cause), **fields})


def test_a_merchant_learns_nothing_of_why_there_is_no_answer() -> None:
    shown = {
        decision_answer(SECRET, inquiry(InquiryResult.NOT_AVAILABLE, cause, **{SCORE_SEEN: 500, DISPUTED: 1}), HOTEL)
        for cause in Cause
        if cause != Cause.DECIDED
    }
    (only,) = shown
    assert (only.result, only.granted, only.reasons, only.disputed, only.expires_at) == (
        "not_available", UNSET, UNSET, UNSET, None,
    )  # fmt: skip


def test_a_yes_has_its_grant_and_a_no_its_reasons() -> None:
    yes = decision_answer(SECRET, inquiry(InquiryResult.YES, **{GRANTED: 30_000}), HOTEL)
    assert (yes.result, yes.granted, yes.reasons, yes.disputed) == ("yes", 30_000, UNSET, UNSET)
    badge = decision_answer(SECRET, inquiry(InquiryResult.YES), HOTEL)
    assert badge.granted is UNSET, "a yes alone"
    no = decision_answer(SECRET, inquiry(InquiryResult.NO, **{GRANTED: 7, DISPUTED: 1, "reasons": 1}), HOTEL)
    assert (no.result, no.granted, no.reasons, no.disputed) == ("no", UNSET, HOTEL.reasons[:1], True)


@pytest.mark.parametrize("mask", range(8))
def test_reasons_are_the_bits_of_the_mask_in_the_scenarios_order(mask: int) -> None:
    expected = tuple(reason for bit, reason in enumerate(HOTEL.reasons) if mask & 1 << bit)
    assert reasons_of(inquiry(InquiryResult.NO, reasons=mask).record, HOTEL) == expected


def test_a_holder_is_told_of_a_refusal_in_words_and_what_can_be_done() -> None:
    refused = inquiry(InquiryResult.NO, **{SCORE_SEEN: 590, "amount": 5_000, "reasons": 1})
    consent = found(Kind.CONSENT_GRANTED)._replace(address=99)
    shown = inquiry_answer(SECRET, refused, STORED, HOTEL, "inn", consent)
    assert (shown.score, shown.amount, shown.cause, shown.explanation) == (590, 5_000, "decided", CAUSES[Cause.DECIDED])
    assert shown.wallet == encode_wallet(SECRET, 5) and shown.consent not in (UNSET, shown.receipt)
    notice = shown.notice
    assert notice is not UNSET and (notice.merchant, notice.score, notice.rights) == ("inn", 590, RIGHTS)
    (reason,) = notice.reasons
    assert (reason.code, reason.text) == (HOTEL.reasons[0], HOTEL.requirements[0].text)


def test_nothing_granted_is_a_reason_with_words_of_its_own() -> None:
    shown = inquiry_answer(
        SECRET, inquiry(InquiryResult.NO, Cause.NOTHING_GRANTED, reasons=3), STORED, HOTEL, "inn", None
    )
    assert shown.reasons == (NOTHING_GRANTED,) and shown.consent is UNSET
    assert shown.notice is not UNSET and [each.text for each in shown.notice.reasons] == [NOTHING_TEXT]


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_is_told_its_holder_in_words(cause: Cause) -> None:
    shown = inquiry_answer(SECRET, inquiry(InquiryResult.NOT_AVAILABLE, cause), STORED, HOTEL, "inn", None)
    assert (shown.cause, shown.explanation) == (cause.name.lower(), CAUSES[cause])
    assert (shown.expires_at, shown.notice) == (None, UNSET)


def test_a_consent_shows_its_cap_only_when_it_is_standing() -> None:
    standing = consent_answer(
        SECRET, found(Kind.CONSENT_GRANTED, **{STANDING: 1, "amount": 9}), STORED, HOTEL, "inn", "active"
    )
    assert standing.standing is not UNSET and standing.standing.cap == 9
    assert (standing.purpose, standing.data, standing.version) == (HOTEL.purpose, HOTEL.data, 3)
    plain = consent_answer(SECRET, found(Kind.CONSENT_GRANTED, amount=9), STORED, HOTEL, "inn", "expired")
    assert (plain.standing, plain.status) == (UNSET, "expired")
