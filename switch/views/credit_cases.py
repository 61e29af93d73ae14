"""Disputes of entries and reviews of decisions as JSON: holder, source and analyst see the same words."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from actors.records.credit_layout import Resolution
from actors.records.ids import encode_wallet, transfer_id
from actors.records.layout import ACCOUNT, FORWARD_BY, RESOLUTION, Kind
from actors.records.secret import Secret
from switch.http.times import time_text
from switch.views.credit_records import CreditRecord

ENTRY_KINDS: Final = {Kind.INQUIRY: "inquiry", Kind.ORDER_CREATED: "order", Kind.SCORE: "score"}
"""What can be disputed; of an order: what became of it."""
OUTCOMES: Final = {int(each): each.name.lower() for each in Resolution}
STEPS_OF_DISPUTES: Final = (
    Kind.DISPUTE_FORWARDED,
    Kind.DISPUTE_ANSWERED,
    Kind.DISPUTE_RESOLVED,
    Kind.DISPUTE_REINSERTED,
)
MEANINGS: Final = {
    Resolution.CORRECTED: "The entry was wrong: that the order was overdue or defaulted counts no more.",
    Resolution.DELETED: "The entry was deleted: it counts for nothing, neither for you nor against you.",
    Resolution.KEPT: "The entry stays. Your statement stands beside it.",
    Resolution.OVERTURNED: "A person decided otherwise: the merchant is told that the answer was overturned.",
    Resolution.UPHELD: "A person looked at it again, and the answer stays.",
}
IN_TIME: Final = "Nobody had resolved the dispute when it was due, so it was resolved for you."
FORWARDED: Final = "Your dispute went to {source}, in your own words."
REINSERTED: Final = "The entry is back: {text}"
REINSERTED_ORDER: Final = "The order is back, and counts again: {text}"
REINSERTED_SCORE: Final = "The score is not deleted any more; you have a score again with the next run: {text}"
_BACK: Final = {Kind.ORDER_CREATED: REINSERTED_ORDER, Kind.SCORE: REINSERTED_SCORE}
"""By kind of the entry: a question counts for nothing, and of a score that was deleted only the next one counts."""
RESOLVED: Final = "{meaning} {text}"


class SourceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the source of an entry says of a dispute: it decides nothing."""

    outcome: str
    text: str
    at: str


class CaseResolution(msgspec.Struct, frozen=True, kw_only=True):
    """How a case ended: `text` is the reason in words, `by` the account that decided, null: its clock did."""

    outcome: str
    meaning: str
    text: str
    by: str | None
    at: str


class CaseNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice to the holder, and when it was given."""

    at: str
    text: str


class DisputeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute. `status`: open, forwarded, answered, corrected, deleted, kept or reinserted; `source`: the merchant who is asked, null:
    the bureau itself; `statement`: of the holder, which stands beside an entry that was kept."""

    id: str
    entry: str
    entry_kind: str
    wallet: str
    source: str | None
    text: str
    status: str
    opened_at: str
    forward_by: str | UnsetType = UNSET
    forwarded_at: str | UnsetType = UNSET
    due_at: str
    answer: SourceAnswer | UnsetType = UNSET
    resolution: CaseResolution | UnsetType = UNSET
    statement: str | UnsetType = UNSET
    notices: list[CaseNotice]
    replayed: bool | UnsetType = UNSET


class CreditReviewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A review of a decision. `status`: open, upheld or overturned; `overdue`: it is due, and nobody has answered."""

    id: str
    receipt: str
    wallet: str
    merchant: str
    text: str
    status: str
    overdue: bool
    opened_at: str
    due_at: str
    resolution: CaseResolution | UnsetType = UNSET
    notices: list[CaseNotice]
    replayed: bool | UnsetType = UNSET


class Dispute(msgspec.Struct, frozen=True):
    """Where a dispute stands in an answer about its entry."""

    id: str
    status: str
    due_at: str
    statement: str | UnsetType = UNSET


def _id(secret: Secret, found: CreditRecord) -> str:
    return transfer_id(secret, found.record["record_time"], found.address)


def _resolution(found: CreditRecord, accounts: Mapping[int, str]) -> CaseResolution:
    outcome, caller = found.record[RESOLUTION], found.record["caller"]
    return CaseResolution(
        outcome=OUTCOMES[outcome],
        meaning=MEANINGS[Resolution(outcome)],
        text=(found.details.text or "") if caller else IN_TIME,
        by=accounts.get(caller, "") if caller else None,
        at=time_text(found.record["record_time"]),
    )


def dispute_status(steps: Sequence[CreditRecord]) -> str:
    """Where a dispute stands after these records, oldest first."""
    if not steps:
        return "open"
    last = steps[-1].record
    if last["kind"] == Kind.DISPUTE_RESOLVED:
        return OUTCOMES[last[RESOLUTION]]
    return Kind(last["kind"]).name.lower().removeprefix("dispute_")


def _statement(opened: CreditRecord, by_kind: Mapping[int, CreditRecord]) -> str | UnsetType:
    resolved = by_kind.get(Kind.DISPUTE_RESOLVED)
    if resolved is None or resolved.record[RESOLUTION] != Resolution.KEPT:
        return UNSET
    return resolved.details.statement or opened.details.text or UNSET


def dispute_in_short(secret: Secret, opened: CreditRecord, steps: Sequence[CreditRecord]) -> Dispute:
    """A dispute in short."""
    by_kind = {each.record["kind"]: each for each in steps}
    due = time_text(opened.record["expiry"])
    return Dispute(_id(secret, opened), dispute_status(steps), due, _statement(opened, by_kind))


def dispute_answer(
    secret: Secret,
    opened: CreditRecord,
    steps: Sequence[CreditRecord],
    entry: CreditRecord,
    accounts: Mapping[int, str],
) -> DisputeAnswer:
    """A DISPUTE_OPENED record, the records about it, oldest first, and its entry."""
    record, by_kind = opened.record, {each.record["kind"]: each for each in steps}
    source = accounts.get(record[ACCOUNT], "") if record[ACCOUNT] else None
    forwarded, answered = by_kind.get(Kind.DISPUTE_FORWARDED), by_kind.get(Kind.DISPUTE_ANSWERED)
    resolved = by_kind.get(Kind.DISPUTE_RESOLVED)
    resolution = UNSET if resolved is None else _resolution(resolved, accounts)
    return DisputeAnswer(
        id=_id(secret, opened),
        entry=_id(secret, entry),
        entry_kind=ENTRY_KINDS.get(Kind(entry.record["kind"]), "order"),
        wallet=encode_wallet(secret, record["payer"]),
        source=source,
        text=opened.details.text or "",
        status=dispute_status(steps),
        opened_at=time_text(record["record_time"]),
        forward_by=time_text(record[FORWARD_BY]) if record[FORWARD_BY] else UNSET,
        forwarded_at=UNSET if forwarded is None else time_text(forwarded.record["record_time"]),
        due_at=time_text(record["expiry"]),
        answer=UNSET if answered is None else _source_answer(answered),
        resolution=resolution,
        statement=_statement(opened, by_kind),
        notices=[
            _notice(each, source, resolution, entry) for each in steps if each.record["kind"] != Kind.DISPUTE_ANSWERED
        ],
    )


def _source_answer(found: CreditRecord) -> SourceAnswer:
    return SourceAnswer(
        outcome=OUTCOMES[found.record[RESOLUTION]],
        text=found.details.text or "",
        at=time_text(found.record["record_time"]),
    )


def _notice(
    found: CreditRecord, source: str | None, resolution: CaseResolution | UnsetType, entry: CreditRecord
) -> CaseNotice:
    kind, text = found.record["kind"], found.details.text or ""
    if kind == Kind.DISPUTE_FORWARDED:
        words = FORWARDED.format(source=source or "those who made the entry")
    elif kind == Kind.DISPUTE_REINSERTED:
        words = _BACK.get(Kind(entry.record["kind"]), REINSERTED).format(text=text)
    else:
        assert isinstance(resolution, CaseResolution)
        words = RESOLVED.format(meaning=resolution.meaning, text=resolution.text).rstrip()
    return CaseNotice(at=time_text(found.record["record_time"]), text=words)


def review_answer(
    secret: Secret,
    opened: CreditRecord,
    steps: Sequence[CreditRecord],
    receipt: CreditRecord,
    accounts: Mapping[int, str],
    now: int,
) -> CreditReviewAnswer:
    """A CREDIT_REVIEW_OPENED record, the answer to it if there is one, and the inquiry that it is of."""
    record = opened.record
    resolution = _resolution(steps[-1], accounts) if steps else UNSET
    notices = [_notice(each, None, resolution, receipt) for each in steps]
    return CreditReviewAnswer(
        id=_id(secret, opened),
        receipt=_id(secret, receipt),
        wallet=encode_wallet(secret, record["payer"]),
        merchant=accounts.get(record[ACCOUNT], ""),
        text=opened.details.text or "",
        status=OUTCOMES[steps[-1].record[RESOLUTION]] if steps else "open",
        overdue=not steps and record["expiry"] <= now,
        opened_at=time_text(record["record_time"]),
        due_at=time_text(record["expiry"]),
        resolution=resolution,
        notices=notices,
    )
