"""Disputes of entries, and reviews of decisions: what may be asked, and what time does to them.

A dispute is opened by the holder, forwarded to the source of the entry, answered by it, and resolved by somebody else: corrected, deleted,
or kept with the holder's statement. One that nobody has forwarded in time is forwarded by its shard. One that nobody has resolved when it
is due is resolved for the holder: the entry is deleted; what its source has not confirmed cannot be kept. An entry that was deleted comes
back only by a record of its own, which gives notice. A review ends with an analyst's answer; being late, it stays open for all to see.
"""

from typing import Any, Final

import numpy as np

from actors.ledger.ledger import Ledger
from actors.records.codes import Code
from actors.records.credit_layout import CaseState, Resolution
from actors.records.layout import ACCOUNT, FORWARD_BY, RECORD, RESOLUTION, SCENARIO, Kind

DISPUTES_MAX: Final = 255
"""Open disputes of one holder, as its row counts them."""
REVIEWS_MAX: Final = 16
"""Open reviews of one holder beside its disputes: they wait for a person, however long, so that one holder must not fill the table."""
REVIEWS_PERCENT: Final = 50
"""How much of the table of cases reviews may take: a dispute ends by its clock, a review only when somebody answers it, and those that
nobody answers must not keep others from disputing an entry."""
CASE_OPENINGS: Final = (Kind.DISPUTE_OPENED, Kind.CREDIT_REVIEW_OPENED)
CASE_OF: Final = {
    Kind.DISPUTE_FORWARDED: Kind.DISPUTE_OPENED,
    Kind.DISPUTE_ANSWERED: Kind.DISPUTE_OPENED,
    Kind.DISPUTE_RESOLVED: Kind.DISPUTE_OPENED,
    Kind.CREDIT_REVIEW_RESOLVED: Kind.CREDIT_REVIEW_OPENED,
}
"""The case that must be open for a call, by kind of its record."""
_OF_DISPUTES: Final = (Resolution.CORRECTED, Resolution.DELETED, Resolution.KEPT)
RESOLUTIONS: Final = {
    Kind.DISPUTE_ANSWERED: _OF_DISPUTES,
    Kind.DISPUTE_RESOLVED: _OF_DISPUTES,
    Kind.CREDIT_REVIEW_RESOLVED: (Resolution.OVERTURNED, Resolution.UPHELD),
}


def decide_case(ledger: Ledger, row: Any, record: Any) -> Code:
    """Complete the record of a request; a code when it is refused. The caller has checked the holder of what begins a case. That an entry
    is the holder's, and that a dispute had deleted it, the front door has read; the request names the chain head that it saw."""
    kind = Kind(int(record["kind"]))
    if kind in CASE_OF:
        return _about_a_case(ledger, row, record, kind)
    record["reference"] = row["reference"]
    if row["reference"] <= 0:
        return Code.INVALID_REQUEST
    if kind == Kind.DISPUTE_REINSERTED:
        return Code.OK if row["seen"] >= 0 else Code.INVALID_REQUEST
    if row["expiry"] <= ledger.record_time:
        return Code.INVALID_REQUEST
    if not ledger.credit.has_case_room or _has_most(ledger, kind, int(row["holder"])):
        return Code.CASES_FULL
    record["expiry"] = row["expiry"]
    if kind == Kind.DISPUTE_OPENED and row["confirm_by"]:
        record[FORWARD_BY] = max(int(row["confirm_by"]), ledger.record_time)
    return Code.OK


def _has_most(ledger: Ledger, kind: Kind, holder: int) -> bool:
    credit = ledger.credit
    if kind == Kind.DISPUTE_OPENED:
        return bool(credit.row(ledger.book, holder)["disputed"] == DISPUTES_MAX)
    open_cases = credit.open_cases()
    reviews = open_cases[open_cases["kind"] == Kind.CREDIT_REVIEW_OPENED]
    mine = np.count_nonzero(reviews["holder"] == holder)
    return bool(mine >= REVIEWS_MAX or len(reviews) >= len(credit.cases) * REVIEWS_PERCENT // 100)


def _about_a_case(ledger: Ledger, row: Any, record: Any, kind: Kind) -> Code:
    case = ledger.credit.case(int(row["reference"]))
    if case is None or case["holder"] != row["holder"] or case["kind"] != CASE_OF[kind]:
        return Code.CASE_NOT_OPEN
    _of_case(record, case)
    if kind == Kind.DISPUTE_FORWARDED:
        if case["state"] != CaseState.OPENED:
            return Code.CASE_NOT_OPEN
        record["expiry"] = row["expiry"]
        return Code.OK if row["expiry"] > ledger.record_time else Code.INVALID_REQUEST
    if row["kind"] not in RESOLUTIONS[kind]:
        return Code.INVALID_REQUEST
    record[RESOLUTION] = row["kind"]
    answered = case["state"] == CaseState.ANSWERED
    if kind == Kind.DISPUTE_ANSWERED:
        return Code.OK if not answered and case["account"] == row["account"] else Code.CASE_NOT_OPEN
    return Code.CASE_UNANSWERED if row["kind"] == Resolution.KEPT and case["account"] and not answered else Code.OK


def _of_case(record: Any, case: Any) -> None:
    record["payer"], record[ACCOUNT], record[SCENARIO] = case["holder"], case["account"], case["scenario"]
    record["reference"] = case["address"]


def case_timer(case: Any) -> int:
    """When time does something to a case (scalar of CASE)."""
    forwards = case["state"] == CaseState.OPENED and case["forward_by"]
    return int(min(case["forward_by"], case["due"]) if forwards else case["due"])


def due_case(ledger: Ledger, timer: int, address: int) -> Any:
    """The record by which a dispute is forwarded that nobody has forwarded, or resolved for the holder that nobody resolved in time; None
    where there is none."""
    case = ledger.credit.case(address)
    if case is None or case_timer(case) != timer or case["kind"] != Kind.DISPUTE_OPENED:
        return None
    record = np.zeros(1, RECORD)[0]
    if timer < case["due"]:
        record["kind"], record["expiry"] = Kind.DISPUTE_FORWARDED, case["due"]
    else:
        record["kind"], record[RESOLUTION] = Kind.DISPUTE_RESOLVED, Resolution.DELETED
    record["record_time"] = record["effective_time"] = ledger.record_time
    _of_case(record, case)
    return record
