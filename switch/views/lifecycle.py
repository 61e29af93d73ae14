"""Build a transfer's current status from its record and the records that refer to it.

Shard memory is never asked.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from actors.records.ids import encode_wallet, transfer_id
from actors.records.layout import FLAG_FINAL, FLAG_REVIEW, MOVEMENTS, REFERRING, Kind, ReviewStatus, case_end
from actors.records.secret import Secret
from rules.vocabulary.currencies import ALPHA
from rules.vocabulary.encodings import country_text
from switch.gateway.encode import Details
from switch.http.schema import Context
from switch.http.times import time_text
from switch.problems.table import NUMBERS
from switch.views.pack_names import Names
from switch.views.representations import (
    CHANNEL_NAMES,
    LABEL_NAMES,
    PartAnswer,
    ReviewAnswer,
    TransferAnswer,
    recorded_decision,
)
from switch.views.statement import Found, Part, Parts

_DONE: Final = {
    Kind.TRANSFER: "posted",
    Kind.CAPTURE: "posted",
    Kind.REFUND: "posted",
    Kind.VOID: "voided",
    Kind.EXPIRY: "expired",
    Kind.APPROVAL: "approved",
}


class Case(NamedTuple):
    """How a review stands, and the record that ended it, if there is one."""

    status: ReviewStatus
    answer: dict[str, int] | None


def is_case(record: dict[str, int]) -> bool:
    """Whether a record put a payment in review."""
    return bool(record["kind"] == Kind.HOLD and record["code"] == 0 and record["flags"] & FLAG_REVIEW)


def asked_kind(record: dict[str, int]) -> Kind:
    """What a record's caller asked for: a transfer in review is kept as a hold."""
    return Kind.TRANSFER if is_case(record) and not record["payee_lag"] else Kind(record["kind"])


def own_expiry(record: dict[str, int]) -> int:
    """Until when a hold lives unless it is in review, where its case may expire sooner."""
    return record["record_time"] + 1_000 * record["payee_lag"] if is_case(record) else record["expiry"]


def case_of(record: dict[str, int], answer: dict[str, int] | None, now_ms: int) -> Case:
    """A case with its answer. It is dead at its expiry, whether or not that is recorded yet."""
    if answer is not None:
        return Case(case_end(answer["kind"], answer["flags"]), answer)
    return Case(ReviewStatus.EXPIRED if now_ms >= record["expiry"] else ReviewStatus.OPEN, None)


def answer_in(address: int, parts: Parts) -> dict[str, int] | None:
    """The record that answered the case at an address."""
    return next((p.record for p in parts.listed if p.target == address and p.record["flags"] & FLAG_REVIEW), None)


def review_answer(record: dict[str, int], case: Case, accounts: Mapping[int, str]) -> ReviewAnswer:
    """A case as it is shown; `accounts`: names by number."""
    return ReviewAnswer(
        status=case.status.name.lower(),
        expires_at=time_text(record["expiry"]),
        decided_by=None if case.answer is None else accounts.get(case.answer["caller"]),
        decided_at=None if case.answer is None else time_text(case.answer["record_time"]),
    )


def ended_as(record: dict[str, int], address: int, parts: Parts, now_ms: int) -> str:
    """State of a hold: in_review, review_declined, review_expired, held, captured, voided or expired. It is dead at its expiry, whether
    or not that is recorded yet."""
    if is_case(record):
        status = case_of(record, answer_in(address, parts), now_ms).status
        if status is ReviewStatus.VOIDED:
            return "voided"
        if status is not ReviewStatus.APPROVED:
            return "in_review" if status is ReviewStatus.OPEN else f"review_{status.name.lower()}"
    for part in parts.listed:
        if part.target != address:
            continue
        if part.record["kind"] == Kind.VOID:
            return "voided"
        if part.record["kind"] == Kind.EXPIRY:
            return "expired"
        if part.record["kind"] == Kind.CAPTURE and part.record["flags"] & FLAG_FINAL:
            return "captured"
    return "expired" if now_ms >= own_expiry(record) else "held"


def context_of(record: dict[str, int], details: Details) -> Context | UnsetType:
    """Where and how a payment was made, as its record and what is kept beside it tell."""
    context = Context(
        channel=CHANNEL_NAMES[record["channel"]] if record["channel"] else UNSET,
        country=country_text(record["country"]) if record["country"] else UNSET,
        device=details.device or UNSET,
        ip=details.ip or UNSET,
    )
    return context if context != Context() else UNSET


class Related(NamedTuple):
    """What the journal says of a record beside it: what referred to it, the record time of what it refers to itself, the names of those
    that answered its case, and the addresses of what, of it and its parts, lies on suspense."""

    parts: Parts
    target_time: int | None
    accounts: Mapping[int, str]
    suspended: frozenset[int]


def transfer_answer(
    secret: Secret, names: Names, address: int, found: Found, related: Related, now_ms: int
) -> TransferAnswer:
    """A record with what became of it."""
    parts, target_time, accounts, suspended = related
    record, details = found.record, found.details
    kind, code = Kind(record["kind"]), record["code"]
    answer = TransferAnswer(
        id=transfer_id(secret, record["record_time"], address),
        type=asked_kind(record).name.lower(),
        status="declined" if code else _DONE.get(kind, ""),
        code=NUMBERS[code] if code else UNSET,
        of=UNSET if target_time is None else transfer_id(secret, target_time, record["reference"]),
        payer=encode_wallet(secret, record["payer"]),
        payee=encode_wallet(secret, record["payee"]),
        amount=record["amount"],
        currency=ALPHA[record["currency"]],
        kind=LABEL_NAMES[record["label"]],
        reference=details.reference or UNSET,
        metadata=details.metadata or UNSET,
        context=context_of(record, details),
        decision=None if kind in REFERRING else recorded_decision(names, record),
        created_at=time_text(record["record_time"]),
        effective_at=time_text(record["effective_time"]),
    )
    if code:
        return answer
    if is_case(record):
        case = case_of(record, answer_in(address, parts), now_ms)
        answer = msgspec.structs.replace(answer, review=review_answer(record, case, accounts))
    moved = {p.address for p in parts.listed if p.target == address and p.record["kind"] == Kind.CAPTURE} | {address}
    answer = msgspec.structs.replace(answer, suspense=True if moved & suspended else UNSET)
    return msgspec.structs.replace(answer, **_lifecycle(secret, record, address, parts, suspended, now_ms))


def for_payee(answer: TransferAnswer) -> TransferAnswer:
    """What the payee's side is shown of a transfer."""
    return msgspec.structs.replace(answer, context=UNSET, decision=None, review=UNSET)


def _lifecycle(
    secret: Secret, record: dict[str, int], address: int, parts: Parts, suspended: frozenset[int], now_ms: int
) -> dict[str, Any]:
    times = {address: record["record_time"]} | {part.address: part.record["record_time"] for part in parts.listed}
    captured, refunded = parts.captured, parts.refunded
    shown = {
        kind: [
            _part(secret, part, times, suspended)
            for part in parts.listed
            if part.record["kind"] == kind and part.target in times
        ]
        for kind in (Kind.CAPTURE, Kind.REFUND)
    }
    if record["kind"] != Kind.HOLD:
        if record["kind"] not in MOVEMENTS or record["kind"] == Kind.REFUND:
            return {}
        return {"refunded": refunded, "left": record["amount"] - refunded, "refunds": shown[Kind.REFUND]}
    state = ended_as(record, address, parts, now_ms)
    ended = {"status": "declined", "code": state} if state.startswith("review_") else {"status": state}
    if asked_kind(record) is Kind.TRANSFER:
        if state != "captured":
            return ended
        return {"status": "posted", "refunded": refunded, "left": captured - refunded, "refunds": shown[Kind.REFUND]}
    is_open = state in ("held", "in_review")
    return {
        **ended,
        "expires_at": time_text(own_expiry(record)),
        "captured": captured,
        "released": 0 if is_open else record["amount"] - captured,
        "refunded": refunded,
        "left": record["amount"] - captured if is_open else captured - refunded,
        "captures": shown[Kind.CAPTURE],
        "refunds": shown[Kind.REFUND],
    }


def _part(secret: Secret, part: Part, times: dict[int, int], suspended: frozenset[int]) -> PartAnswer:
    record = part.record
    return PartAnswer(
        id=transfer_id(secret, record["record_time"], part.address),
        of=transfer_id(secret, times[part.target], part.target),
        amount=record["amount"],
        suspense=True if part.address in suspended else UNSET,
        created_at=time_text(record["record_time"]),
        effective_at=time_text(record["effective_time"]),
    )
