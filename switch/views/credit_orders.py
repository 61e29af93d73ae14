"""Service orders as JSON: where one stands follows from its records alone."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from actors.ledger.orders import ALLOWED
from actors.records.credit_layout import OrderKind, OrderState, Stopped
from actors.records.ids import encode_wallet, transfer_id
from actors.records.layout import CONFIRM_BY, DUE_AT, ORDER_KIND, ORDER_STATE, STOPPED_BY, TRANSFER_AT, Kind
from actors.records.secret import Secret
from rules.vocabulary.currencies import ALPHA
from switch.http.times import time_text
from switch.views.credit_cases import Dispute
from switch.views.credit_records import CreditRecord, Item

STATES: Final = {int(state): state.name.lower() for state in OrderState}
STOPS: Final = {int(each): each.name.lower() for each in Stopped if each}
KINDS: Final = {int(kind): kind.name.lower() for kind in OrderKind}
STEPS: Final = {
    Kind.ORDER_CREATED: "created",
    Kind.ORDER_CONFIRMED: "confirmed",
    Kind.ORDER_MODIFIED: "modified",
    Kind.ORDER_COMPLETED: "completed",
    Kind.ORDER_ATTEMPT: "attempt",
    Kind.ORDER_PAID: "paid",
    Kind.ORDER_CANCELLED: "cancelled",
    Kind.ORDER_PAID_ELSEWHERE: "paid_elsewhere",
    Kind.ORDER_EXPIRED: "expired",
    Kind.ORDER_OVERDUE: "overdue",
    Kind.ORDER_DEFAULTED: "defaulted",
    Kind.ORDER_CURED: "cured",
    Kind.ORDER_WRITTEN_OFF: "written_off",
}
NEGATIVE: Final = (Kind.ORDER_OVERDUE, Kind.ORDER_DEFAULTED)
CLEARED: Final = ("deleted", "corrected")
"""Disputes after which what is negative of an order counts no more."""
_LATE: Final = (STATES[OrderState.OVERDUE], STATES[OrderState.DEFAULTED])
_COLLECTING: Final = (Kind.ORDER_PAID, Kind.ORDER_CURED, Kind.ORDER_ATTEMPT)


class OrderStep(msgspec.Struct, frozen=True, kw_only=True):
    """One record of an order's life. `transfer`: that was made or tried; `next_attempt_at`: of an attempt that failed; `stopped_by`: what
    else than the holder's money kept the order from being paid."""

    step: str
    at: str
    transfer: str | UnsetType = UNSET
    next_attempt_at: str | UnsetType = UNSET
    stopped_by: str | UnsetType = UNSET


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A service order. `receipt`: on which it was made, none of one of the past; `amount`: what the bill comes to, from completion on;
    `transfer`: that paid it; `stopped_by`: what else than the holder's money keeps it from being paid now; `steps`: its life, oldest
    first."""

    id: str
    number: str
    kind: str
    status: str
    scenario: str
    merchant: str
    wallet: str
    payee: str
    cap: int
    currency: str
    introduction: str
    receipt: str | UnsetType = UNSET
    created_at: str
    confirm_by: str
    due_at: str
    items: list[Item] | UnsetType = UNSET
    discounts: list[Item] | UnsetType = UNSET
    amount: int | UnsetType = UNSET
    transfer: str | UnsetType = UNSET
    stopped_by: str | UnsetType = UNSET
    steps: list[OrderStep]
    disputes: list[Dispute] | UnsetType = UNSET
    replayed: bool | UnsetType = UNSET


def transfers_of(steps: Sequence[CreditRecord]) -> list[int]:
    """Addresses of the transfers that collected, or tried to."""
    return [each.record[TRANSFER_AT] for each in steps if _transfer_at(each)]


def _transfer_at(found: CreditRecord) -> int:
    return found.record[TRANSFER_AT] if found.record["kind"] in _COLLECTING else 0


class OrderNames(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal keeps as numbers: scenario, merchant, the receipt's id, record times of transfers by address; disputes of the order;
    and the time since which what is negative is shown."""

    scenario: str
    merchant: str
    receipt: str | UnsetType
    times: Mapping[int, int]
    disputes: Sequence[Dispute] = ()
    since: int = 0


def order_answer(secret: Secret, made: CreditRecord, steps: Sequence[CreditRecord], names: OrderNames) -> OrderAnswer:
    """An ORDER_CREATED record and the records about it, oldest first. That it was overdue or defaulted is not told once that has been
    deleted, or corrected, or is too long ago."""
    record, life = made.record, tuple(each for each in (made, *steps) if not _is_past(each, names))
    clean = len(life) <= len(steps) and not any(each.record["kind"] in NEGATIVE for each in life)
    by_kind = {each.record["kind"]: each for each in life}
    lowered, bill = by_kind.get(Kind.ORDER_MODIFIED, made), by_kind.get(Kind.ORDER_COMPLETED)
    paid = by_kind.get(Kind.ORDER_CURED) or by_kind.get(Kind.ORDER_PAID)
    tried = by_kind.get(Kind.ORDER_WRITTEN_OFF) or (by_kind.get(Kind.ORDER_ATTEMPT) if _is_owed(life[-1]) else None)
    due = next(
        (at for each in reversed(steps) if (at := _due_at(each))),
        record["expiry"] if bill is None else bill.record["expiry"],
    )
    shown = [_step(secret, each, names.times, clean) for each in life]
    status = STATES[life[-1].record[ORDER_STATE]]
    return OrderAnswer(
        id=transfer_id(secret, record["record_time"], made.address),
        number=made.details.number or "",
        kind=KINDS[record[ORDER_KIND]],
        status=STATES[OrderState.DUE] if clean and status in _LATE else status,
        scenario=names.scenario,
        merchant=names.merchant,
        wallet=encode_wallet(secret, record["payer"]),
        payee=encode_wallet(secret, record["payee"]),
        cap=lowered.record["amount"],
        currency=ALPHA[record["currency"]],
        introduction=made.details.introduction or "",
        receipt=names.receipt,
        created_at=time_text(record["effective_time"]),
        confirm_by=time_text(record[CONFIRM_BY]),
        due_at=time_text(due),
        items=UNSET if bill is None else bill.details.items,
        discounts=UNSET if bill is None or not bill.details.discounts else bill.details.discounts,
        amount=UNSET if bill is None else bill.record["amount"],
        transfer=UNSET if paid is None else _step(secret, paid, names.times).transfer,
        stopped_by=UNSET if tried is None else _stopped_by(tried),
        steps=shown,
        disputes=list(names.disputes) or UNSET,
    )


def _is_owed(found: CreditRecord) -> bool:
    return found.record[ORDER_STATE] in ALLOWED[Kind.ORDER_PAID]


def _due_at(found: CreditRecord) -> int:
    return found.record[DUE_AT] if found.record["kind"] == Kind.ORDER_ATTEMPT else 0


def _stopped_by(found: CreditRecord) -> str | UnsetType:
    attempt = found.record["kind"] in (Kind.ORDER_ATTEMPT, Kind.ORDER_WRITTEN_OFF)
    return STOPS.get(found.record[STOPPED_BY], UNSET) if attempt else UNSET


def _is_past(found: CreditRecord, names: OrderNames) -> bool:
    if found.record["kind"] not in NEGATIVE:
        return False
    return found.record["effective_time"] < names.since or any(each.status in CLEARED for each in names.disputes)


def _step(secret: Secret, found: CreditRecord, times: Mapping[int, int], clean: bool = False) -> OrderStep:
    record, at = found.record, _transfer_at(found)
    failed = record["kind"] == Kind.ORDER_ATTEMPT and record["expiry"]
    return OrderStep(
        step=STEPS[Kind.ORDER_PAID if clean and record["kind"] == Kind.ORDER_CURED else Kind(record["kind"])],
        at=time_text(record["effective_time"]),
        transfer=transfer_id(secret, times[at], at) if at in times else UNSET,
        next_attempt_at=time_text(record["expiry"]) if failed else UNSET,
        stopped_by=_stopped_by(found),
    )
