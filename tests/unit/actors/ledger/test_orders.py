"""The table of service orders: what time and failed attempts make of each state."""

import pytest

from actors.ledger.orders import (
    AFTER,
    ALLOWED,
    ATTEMPTS_AFTER_MS,
    COMPLETE_WITHIN_MS,
    GRACE_MS,
    WRITE_OFF_AFTER_MS,
    Step,
    complete_by,
    completed_due,
    due_again,
    due_step,
    ends_at,
    next_attempt,
    stopped_by,
)
from actors.records.codes import Code, is_declined, is_untried
from actors.records.credit_layout import OPEN_STATES, OrderState, Stopped
from actors.records.layout import LAST_ORDER, Kind

DUE, LATE_S = 10**12, 3_600
DEFAULTS = DUE + 1_000 * LATE_S
ENDS = {
    OrderState.DUE: (DUE, Kind.ORDER_OVERDUE),
    OrderState.OVERDUE: (DEFAULTS, Kind.ORDER_DEFAULTED),
    OrderState.DEFAULTED: (DEFAULTS + WRITE_OFF_AFTER_MS, Kind.ORDER_WRITTEN_OFF),
}


@pytest.mark.parametrize("state", sorted(OPEN_STATES), ids=lambda state: state.name.lower())
def test_time_ends_each_state_that_is_open(state: OrderState) -> None:
    if state not in ENDS:
        assert due_step(state, DUE, LATE_S, DUE) == Step(Kind.ORDER_EXPIRED, 0)
        return
    ends, kind = ENDS[state]
    assert ends_at(state, DUE, LATE_S) == ends and due_step(state, DUE, LATE_S, ends - 1) is None
    step = due_step(state, DUE, LATE_S, ends)
    assert step is not None and step.kind == kind and AFTER[kind] != state
    assert (step.next_ms == 0) == (AFTER[kind] not in OPEN_STATES)


def test_each_record_of_an_order_has_a_state_after_it_or_leaves_it() -> None:
    kinds = {kind for kind in Kind if Kind.ORDER_CREATED < kind <= LAST_ORDER}
    assert kinds - set(AFTER) == {Kind.ORDER_MODIFIED, Kind.ORDER_ATTEMPT}
    assert OPEN_STATES | set(AFTER.values()) == set(OrderState)
    assert all(OrderState.WRITTEN_OFF not in states for states in ALLOWED.values())


@pytest.mark.parametrize("code", [code for code in Code if code and not is_untried(code)], ids=lambda code: code.name)
def test_only_what_the_holder_can_mend_counts_against_it(code: Code) -> None:
    holders = {Code.PAYER_CLOSED, Code.INSUFFICIENT_FUNDS, Code.DAILY_LIMIT_EXCEEDED}
    stopped = stopped_by(code, 100, 100)
    assert (stopped == Stopped.NOTHING) == (code in holders)
    assert (stopped == Stopped.FROZEN) == (code == Code.PAYER_FROZEN)
    if is_declined(code):
        assert (stopped_by(code, 101, 100) == Stopped.LIMIT) == (code == Code.DAILY_LIMIT_EXCEEDED)


@pytest.mark.parametrize("state", ENDS, ids=lambda state: state.name.lower())
def test_a_clock_goes_on_where_it_stood_with_time_to_pay(state: OrderState) -> None:
    ends, _ = ENDS[state]
    stopped, now = ends - 5 * GRACE_MS, ends + GRACE_MS
    assert due_again(state, DUE, LATE_S, stopped, now) == DUE + now - stopped
    again = due_again(state, DUE, LATE_S, ends - 1, now)
    assert ends_at(state, again, LATE_S) == now + GRACE_MS


def test_attempts_come_less_and_less_often_and_never_end() -> None:
    hours = [(next_attempt(attempts, DUE) - DUE) // 3_600_000 for attempts in range(7)]
    assert hours == [1, 6, 24, 72, 168, 168, 168] and len(ATTEMPTS_AFTER_MS) == 5


@pytest.mark.parametrize("late", [-GRACE_MS - 1, -GRACE_MS, -1, 0, 1])
def test_what_is_completed_late_leaves_the_holder_time_to_pay(late: int) -> None:
    now = DUE + late
    assert completed_due(DUE, now) == (DUE if late <= -GRACE_MS else now + GRACE_MS)
    assert complete_by(DUE, now) == (DUE if late <= 0 else now) + COMPLETE_WITHIN_MS


def test_the_next_look_at_a_late_order_is_an_attempt_or_its_end() -> None:
    hour = ATTEMPTS_AFTER_MS[0]
    assert due_step(OrderState.DUE, DUE, LATE_S // 2, DUE) == Step(Kind.ORDER_OVERDUE, DUE + hour // 2)
    assert due_step(OrderState.DUE, DUE, LATE_S * 2, DUE) == Step(Kind.ORDER_OVERDUE, DUE + hour)
    assert due_step(OrderState.OVERDUE, DUE, LATE_S, DEFAULTS) == Step(
        Kind.ORDER_DEFAULTED, ENDS[OrderState.DEFAULTED][0]
    )
