"""The audit's rules of credit records: a good life has no difference, each way to break one has its own."""

import numpy as np
import pytest

from actors.audit.credit import NEXT, WRITTEN_OFF_AFTER_MS, CreditCheck
from actors.audit.order_numbers import OrderMade
from actors.records.codes import Code
from actors.records.credit_layout import OPEN_STATES, InquiryResult, OrderState, Stopped
from actors.records.layout import (
    ACCOUNT,
    CONFIRM_BY,
    CREDIT_PREVIOUS,
    DEFAULT_AFTER,
    DUE_AT,
    FLAG_IMPORTED,
    GRANTED,
    ORDER_STATE,
    RECORD,
    RESULT_OF_INQUIRY,
    SCENARIO,
    STANDING,
    STOPPED_BY,
    TRANSFER_AT,
    Kind,
    Records,
)

HOLDER, MERCHANT = 70_001, 70_002
Row = dict[str, int]

GRANTED_TO_600: Row = {"kind": Kind.CONSENT_GRANTED, "expiry": 600, "record_time": 10}
INQUIRY: Row = {
    "kind": Kind.INQUIRY,
    "reference": 1,
    RESULT_OF_INQUIRY: InquiryResult.YES,
    GRANTED: 100,
    "expiry": 500,
    "record_time": 20,
}
CREATED: Row = {
    "kind": Kind.ORDER_CREATED,
    "reference": 2,
    "amount": 80,
    CONFIRM_BY: 90,
    "expiry": 200,
    DEFAULT_AFTER: 1,
    ORDER_STATE: OrderState.CREATED,
    "record_time": 30,
}
BEGUN = (GRANTED_TO_600, INQUIRY, CREATED)


def step(kind: Kind, state: OrderState, time: int = 40, **more: int) -> Row:
    return {"kind": kind, "reference": 3, ORDER_STATE: state, "record_time": time, "amount": 80, **more}


CONFIRMED = step(Kind.ORDER_CONFIRMED, OrderState.CONFIRMED)
DUE = step(Kind.ORDER_COMPLETED, OrderState.DUE, expiry=200)
OVERDUE = step(Kind.ORDER_OVERDUE, OrderState.OVERDUE, 200)
DEFAULTED = step(Kind.ORDER_DEFAULTED, OrderState.DEFAULTED, 1_200)


def transfer(code: int = 0, **more: int) -> Row:
    return {"kind": Kind.TRANSFER, "amount": 80, "code": code, "record_time": 40, CREDIT_PREVIOUS: 0, **more}


def paid(at: int, kind: Kind = Kind.ORDER_PAID, state: OrderState = OrderState.PAID, time: int = 40) -> Row:
    return step(kind, state, time, **{TRANSFER_AT: at})


PAID_AT_ONCE = (*BEGUN, CONFIRMED, transfer(), DUE, paid(5))
LATE = (*BEGUN, CONFIRMED, DUE, OVERDUE, DEFAULTED, transfer(record_time=1_300), paid(8, Kind.ORDER_CURED, time=1_300))
ATTEMPT = step(Kind.ORDER_ATTEMPT, OrderState.DUE, **{TRANSFER_AT: 6})
DAY_MS = 86_400_000
OWED = (*BEGUN, CONFIRMED, DUE)
STOPPED = (*OWED, transfer(code=Code.PAYEE_CLOSED), {**ATTEMPT, STOPPED_BY: Stopped.PAYEE})
AGAIN = (
    *STOPPED,
    transfer(code=Code.INSUFFICIENT_FUNDS, record_time=900),
    step(Kind.ORDER_ATTEMPT, OrderState.DUE, 900, **{TRANSFER_AT: 8}),
)


def written_off(time: int, by: Stopped = Stopped.NOTHING) -> Row:
    return step(Kind.ORDER_WRITTEN_OFF, OrderState.WRITTEN_OFF, time, **{STOPPED_BY: by})


NEVER_PAID = (*OWED, OVERDUE, DEFAULTED, written_off(1_200 + WRITTEN_OFF_AFTER_MS))
PAST: Row = {
    **CREATED,
    "reference": 0,
    "flags": FLAG_IMPORTED,
    "effective_time": 5,
    "expiry": 6,
    ORDER_STATE: OrderState.CONFIRMED,
}
PAST_DUE = {**step(Kind.ORDER_COMPLETED, OrderState.DUE, 30, expiry=6), "reference": 1, "flags": FLAG_IMPORTED}
STANDING_CONSENT = {**GRANTED_TO_600, "amount": 80, STANDING: 1}
AT_ONCE = {**CREATED, ORDER_STATE: OrderState.CONFIRMED}


def records(*rows: Row) -> Records:
    """Records at addresses 1, 2, ... of one holder, each credit record linked to the one before."""
    made = np.zeros(len(rows), RECORD)
    common = {"payer": HOLDER, "payee": MERCHANT, "currency": 978, ACCOUNT: 5, SCENARIO: 9}
    newest = 0
    for at, (record, row) in enumerate(zip(made, rows, strict=True), start=1):
        times = {"effective_time": row.get("record_time", 0)}
        for name, value in {**common, **times, CREDIT_PREVIOUS: newest, **row}.items():
            record[name] = value
        newest = at if row["kind"] != Kind.TRANSFER else newest
    return made


def faults(*rows: Row) -> list[tuple[int, str]]:
    return list(CreditCheck().wrong(records(*rows), np.arange(1, len(rows) + 1)))


@pytest.mark.parametrize(
    "rows",
    [
        PAID_AT_ONCE,
        LATE,
        (STANDING_CONSENT, INQUIRY, AT_ONCE),
        (*BEGUN, CONFIRMED, DUE, transfer(code=107), ATTEMPT, transfer(), paid(8)),
        (*BEGUN, step(Kind.ORDER_MODIFIED, OrderState.CREATED, amount=50), step(Kind.ORDER_CANCELLED, OrderState.CANCELLED)),
        (*BEGUN, step(Kind.ORDER_EXPIRED, OrderState.EXPIRED, 90)),
        (*BEGUN, CONFIRMED, DUE, step(Kind.ORDER_PAID_ELSEWHERE, OrderState.PAID_ELSEWHERE)),
        (GRANTED_TO_600, {"kind": Kind.CONSENT_WITHDRAWN, "reference": 1, "record_time": 50}),
        ({"kind": Kind.INQUIRY, "payer": 0, "record_time": 5},),
        NEVER_PAID,
        (*STOPPED, written_off(40 + 90 * DAY_MS, Stopped.PAYEE)),
        (*OWED, {**ATTEMPT, TRANSFER_AT: 0, STOPPED_BY: Stopped.PAYEE}),
        (*AGAIN[:-1], {**AGAIN[-1], DUE_AT: 200 + 900 - 40}, {**OVERDUE, "record_time": 1_060}),
        (PAST, {**PAST_DUE, "effective_time": 5}),
        (PAST, PAST),
        (GRANTED_TO_600, INQUIRY, INQUIRY, CREATED, {**CREATED, "reference": 3}),
    ],
)  # fmt: skip
def test_a_good_life_has_no_difference(rows: tuple[Row, ...]) -> None:
    assert faults(*rows) == []


@pytest.mark.parametrize(
    ("rows", "at", "fault"),
    [
        ((GRANTED_TO_600, {**INQUIRY, CREDIT_PREVIOUS: 7}), 2, "previous credit record"),
        (({**GRANTED_TO_600, "payer": 0},), 1, "names no holder"),
        (({**GRANTED_TO_600, "expiry": 10},), 1, "had ended when it was given"),
        (({**INQUIRY, "reference": 0},), 1, "without a live consent"),
        ((GRANTED_TO_600, {**INQUIRY, "record_time": 600}), 2, "without a live consent"),
        ((GRANTED_TO_600, {**INQUIRY, ACCOUNT: 6}), 2, "without a live consent"),
        (
            (GRANTED_TO_600, {"kind": Kind.CONSENT_WITHDRAWN, "reference": 1}, INQUIRY),
            3,
            "without a live consent",
        ),
        ((GRANTED_TO_600, {"kind": Kind.CONSENT_WITHDRAWN, "reference": 9}), 2, "withdrawn that was not live"),
        ((GRANTED_TO_600, INQUIRY, {**CREATED, "reference": 1}), 3, "without a receipt"),
        ((GRANTED_TO_600, INQUIRY, {**CREATED, "flags": FLAG_IMPORTED}), 3, "begins as none can"),
        (({**PAST, "effective_time": 31},), 1, "begins as none can"),
        ((PAST, {**DUE, "reference": 1, "effective_time": 39}), 2, "a time that is not its own"),
        ((*BEGUN, {**CONFIRMED, "effective_time": 39}), 4, "a time that is not its own"),
        ((GRANTED_TO_600, {**INQUIRY, RESULT_OF_INQUIRY: InquiryResult.NO}, CREATED), 3, "without a receipt"),
        ((GRANTED_TO_600, INQUIRY, {**CREATED, SCENARIO: 8}), 3, "without a receipt"),
        ((GRANTED_TO_600, INQUIRY, {**CREATED, "amount": 101}), 3, "beyond its receipt"),
        ((GRANTED_TO_600, INQUIRY, {**CREATED, "record_time": 500}), 3, "beyond its receipt"),
        (
            (*BEGUN, step(Kind.ORDER_CANCELLED, OrderState.CANCELLED), CREATED),
            5,
            "a second order begins on one receipt",
        ),
        ((GRANTED_TO_600, INQUIRY, AT_ONCE), 3, "without a standing consent"),
        (({**STANDING_CONSENT, "amount": 79}, INQUIRY, AT_ONCE), 3, "without a standing consent"),
        ((GRANTED_TO_600, INQUIRY, {**CREATED, ORDER_STATE: OrderState.DUE}), 3, "none to begin in"),
        ((*BEGUN, {**CONFIRMED, "reference": 2}), 4, "no order that is open"),
        ((*BEGUN, {**CONFIRMED, "payee": 5}), 4, "parties are not the order's"),
        ((*BEGUN, DUE), 4, "cannot go on like this"),
        ((*BEGUN, step(Kind.ORDER_MODIFIED, OrderState.CREATED, amount=80)), 4, "not lowered once"),
        ((*BEGUN, CONFIRMED, {**DUE, "amount": 81}), 5, "more is asked for"),
        ((*BEGUN, step(Kind.ORDER_EXPIRED, OrderState.EXPIRED, 89)), 4, "too early"),
        ((*BEGUN, CONFIRMED, DUE, {**OVERDUE, "record_time": 199}), 6, "too early"),
        ((*BEGUN, CONFIRMED, DUE, OVERDUE, {**DEFAULTED, "record_time": 1_199}), 7, "too early"),
        ((*BEGUN, CONFIRMED, DUE, paid(0)), 6, "without a transfer"),
        ((*BEGUN, CONFIRMED, transfer(), DUE, {**paid(5), "amount": 70}), 7, "another amount"),
        ((*BEGUN, CONFIRMED, transfer(payee=9), DUE, paid(5)), 7, "another's"),
        ((*BEGUN, CONFIRMED, transfer(code=107), DUE, paid(5)), 7, "says otherwise"),
        ((*BEGUN, CONFIRMED, DUE, transfer(), ATTEMPT), 7, "says otherwise"),
        ((*PAID_AT_ONCE, paid(5)), 8, "no order that is open"),
        (
            (*BEGUN, CONFIRMED, transfer(code=107), DUE, {**ATTEMPT, TRANSFER_AT: 5}, {**ATTEMPT, TRANSFER_AT: 5}),
            8,
            "not its own",
        ),
        ((*STOPPED, OVERDUE), 8, "counts against the holder"),
        ((*STOPPED, written_off(39 + 90 * DAY_MS, Stopped.PAYEE)), 8, "too early"),
        ((*STOPPED, written_off(40 + 90 * DAY_MS, Stopped.FROZEN)), 8, "for no reason"),
        ((*OWED, written_off(5_000 + WRITTEN_OFF_AFTER_MS)), 6, "for no reason"),
        ((*NEVER_PAID[:-1], written_off(1_199 + WRITTEN_OFF_AFTER_MS)), 8, "too early"),
        ((*OWED, transfer(code=Code.INSUFFICIENT_FUNDS), {**ATTEMPT, STOPPED_BY: Stopped.PAYEE}), 7, "did not"),
        ((*OWED, {**ATTEMPT, TRANSFER_AT: 0}), 6, "did not"),
        ((*AGAIN[:-1], {**AGAIN[-1], DUE_AT: 1_059}), 9, "clock was set"),
        ((*OWED, transfer(code=Code.INSUFFICIENT_FUNDS), {**ATTEMPT, DUE_AT: 500}), 7, "clock was set"),
    ],
)
def test_each_way_to_break_it_is_named(rows: tuple[Row, ...], at: int, fault: str) -> None:
    (address, text), *_ = faults(*rows)
    assert address == at and fault in text


def test_what_ends_an_order_ends_it_in_the_audit_too() -> None:
    assert {state for (state, _) in NEXT} == set(OPEN_STATES)
    assert {after for after in NEXT.values()} - set(OPEN_STATES) == set(OrderState) - set(OPEN_STATES)


def test_pages_may_end_anywhere_but_within_a_block() -> None:
    rows = records(*PAID_AT_ONCE)
    check = CreditCheck()
    for start, end in ((0, 1), (1, 3), (3, 4), (4, 7)):
        assert list(check.wrong(rows[start:end], np.arange(1 + start, 1 + end))) == []
    assert [entry.record for entry in check.entries] == [1, 2, 3, 4, 6, 7]
    assert (check.inquiries, check.made) == (1, [OrderMade(3, 5, 2)])
