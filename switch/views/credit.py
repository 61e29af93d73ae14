"""Consents and decisions of credit as JSON: what a merchant is told, and what the holder is."""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from actors.records.credit_layout import Cause, InquiryResult
from actors.records.ids import encode_wallet, transfer_id
from actors.records.layout import CAUSE, DISPUTED, GRANTED, RESULT_OF_INQUIRY, SCORE_SEEN, STANDING
from actors.records.secret import Secret
from actors.stores.scenarios import StoredScenario
from rules.scenarios.document import Scenario
from switch.http.schema import Standing
from switch.http.times import time_text
from switch.views.credit_cases import CreditReviewAnswer, Dispute
from switch.views.credit_records import CreditRecord

RESULTS: Final = {int(result): result.name.lower() for result in InquiryResult}
NOTHING_GRANTED: Final = "NOTHING_GRANTED"
"""The reason of a no that no part of the condition gives: the grant has no value, or is not above 0."""
NOTHING_TEXT: Final = "By this scenario's formula nothing can be granted for what was asked."
CAUSES: Final = {
    Cause.DECIDED: "The scenario's condition was looked at.",
    Cause.NO_WALLET: "There is no such wallet, or none that can be asked about.",
    Cause.NO_CONSENT: "There was no consent of the holder for this merchant and scenario.",
    Cause.CONSENT_EXPIRED: "The holder's consent had ended.",
    Cause.CONSENT_OUTDATED: "The scenario uses more data now than the holder consented to. A new consent covers it.",
    Cause.NOT_SCORED: "The wallet has no score: too little is known.",
    Cause.TOO_MANY_OPEN: "The holder has as many open orders as the scenario allows.",
    Cause.OVERDUE: "An order of the holder is overdue.",
    Cause.NOT_OFFERED: "The scenario is not offered in the wallet's currency.",
    Cause.NOTHING_GRANTED: NOTHING_TEXT,
}


class ConsentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A consent. `purpose` and `data` are those of the scenario's version that was newest when it was given; `status`: active,
    outdated (the scenario uses more data now, so questions end as without one), withdrawn, expired or replaced by a later one."""

    id: str
    wallet: str
    scenario: str
    version: int
    merchant: str
    purpose: str
    data: tuple[str, ...]
    status: str
    standing: Standing | UnsetType = UNSET
    granted_at: str
    expires_at: str
    replayed: bool | UnsetType = UNSET


class ReasonText(msgspec.Struct, frozen=True, kw_only=True):
    """A reason and what the holder is told about it."""

    code: str
    text: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a holder must be told of a refusal: by whom, why, on what score, and what can be done about it."""

    merchant: str
    text: str
    reasons: list[ReasonText]
    score: int
    rights: tuple[str, ...]


class DecisionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant is told. `granted`: minor units of the wallet's currency; of not_available nothing but the receipt differs.
    `review`: overturned, when a person decided otherwise since."""

    result: str
    granted: int | UnsetType = UNSET
    reasons: tuple[str, ...] | UnsetType = UNSET
    disputed: bool | UnsetType = UNSET
    review: str | UnsetType = UNSET
    receipt: str
    expires_at: str | None


class InquiryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the holder is told of somebody's question: all of it. `cause`: a code, and `explanation` in words; `score`: that it was decided
    on; `notice`: of a refusal; `disputes` of the question, and the `review` of what was answered."""

    receipt: str
    merchant: str
    scenario: str
    version: int
    wallet: str
    amount: int | UnsetType = UNSET
    result: str
    granted: int | UnsetType = UNSET
    reasons: tuple[str, ...] | UnsetType = UNSET
    cause: str
    explanation: str
    score: int | UnsetType = UNSET
    consent: str | UnsetType = UNSET
    notice: Notice | UnsetType = UNSET
    disputes: list[Dispute] | UnsetType = UNSET
    review: CreditReviewAnswer | UnsetType = UNSET
    asked_at: str
    expires_at: str | None


RIGHTS: Final = (
    "You may see your score, its subtotals and reasons: GET /v1/wallets/{id}/credit.",
    "You may see everybody who asked: GET /v1/wallets/{id}/credit/inquiries.",
    "You may end your consent at any time: DELETE /v1/consents/{id}.",
    "You may ask that a person looks at this decision again: POST /v1/credit/reviews.",
    "You may dispute what was recorded of you: POST /v1/credit/disputes.",
)


def record_id(secret: Secret, found: CreditRecord) -> str:
    """Its id."""
    return transfer_id(secret, found.record["record_time"], found.address)


def consent_answer(
    secret: Secret, found: CreditRecord, stored: StoredScenario, scenario: Scenario, merchant: str, status: str
) -> ConsentAnswer:
    """A CONSENT_GRANTED record."""
    record = found.record
    return ConsentAnswer(
        id=record_id(secret, found),
        wallet=encode_wallet(secret, record["payer"]),
        scenario=stored.name,
        version=stored.version,
        merchant=merchant,
        purpose=scenario.purpose,
        data=scenario.data,
        status=status,
        standing=Standing(cap=record["amount"]) if record[STANDING] else UNSET,
        granted_at=time_text(record["record_time"]),
        expires_at=time_text(record["expiry"]),
    )


def reasons_of(record: dict[str, int], scenario: Scenario) -> tuple[str, ...]:
    """Reason codes of an INQUIRY that said no."""
    if record[CAUSE] == Cause.NOTHING_GRANTED:
        return (NOTHING_GRANTED,)
    return tuple(reason for bit, reason in enumerate(scenario.reasons) if record["reasons"] >> bit & 1)


def decision_answer(secret: Secret, found: CreditRecord, scenario: Scenario) -> DecisionAnswer:
    """An INQUIRY as its merchant is told of it."""
    record, result = found.record, found.record[RESULT_OF_INQUIRY]
    receipt = record_id(secret, found)
    if result == InquiryResult.NOT_AVAILABLE:
        return DecisionAnswer(result=RESULTS[result], receipt=receipt, expires_at=None)
    yes = result == InquiryResult.YES
    return DecisionAnswer(
        result=RESULTS[result],
        granted=record[GRANTED] if yes and record[GRANTED] else UNSET,
        reasons=UNSET if yes else reasons_of(record, scenario),
        disputed=True if record[DISPUTED] else UNSET,
        receipt=receipt,
        expires_at=time_text(record["expiry"]),
    )


def inquiry_answer(
    secret: Secret,
    found: CreditRecord,
    stored: StoredScenario,
    scenario: Scenario,
    merchant: str,
    consent: CreditRecord | None,
) -> InquiryAnswer:
    """An INQUIRY as its holder is told of it."""
    record, result, cause = found.record, found.record[RESULT_OF_INQUIRY], Cause(found.record[CAUSE])
    no = result == InquiryResult.NO
    return InquiryAnswer(
        receipt=record_id(secret, found),
        merchant=merchant,
        scenario=stored.name,
        version=stored.version,
        wallet=encode_wallet(secret, record["payer"]),
        amount=record["amount"] or UNSET,
        result=RESULTS[result],
        granted=record[GRANTED] or UNSET,
        reasons=reasons_of(record, scenario) if no else UNSET,
        cause=cause.name.lower(),
        explanation=CAUSES[cause],
        score=record[SCORE_SEEN] or UNSET,
        consent=UNSET if consent is None else record_id(secret, consent),
        notice=_notice(record, scenario, merchant) if no else UNSET,
        asked_at=time_text(record["record_time"]),
        expires_at=time_text(record["expiry"]) if result != InquiryResult.NOT_AVAILABLE else None,
    )


def _notice(record: dict[str, int], scenario: Scenario, merchant: str) -> Notice:
    texts = {each.reason: each.text for each in scenario.requirements} | {NOTHING_GRANTED: NOTHING_TEXT}
    reasons = [ReasonText(code=code, text=texts[code]) for code in reasons_of(record, scenario)]
    return Notice(merchant=merchant, text=scenario.refusal, reasons=reasons, score=record[SCORE_SEEN], rights=RIGHTS)
