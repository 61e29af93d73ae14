"""What an attempt to collect that failed means: nothing counts against a holder whose own money did not cause it."""

from typing import Any

import numpy as np
import pytest

from actors.ledger.orders import ATTEMPTS_AFTER_MS, GRACE_MS, STOPPED_MS_MAX, WRITE_OFF_AFTER_MS, Step
from actors.records.codes import Code
from actors.records.credit_layout import OrderState, Stopped
from actors.records.layout import DUE_AT, ORDER_STATE, RECORD, STOPPED_BY, Kind
from actors.shard.attempts import LOOK_FOR_MS, after_attempt, looks_again, record_why

DAY = 86_400_000
NOW = 1_000 * DAY
LATE_S = 30 * 86_400
LIMIT = 500
AMOUNT = 100


def order(state: OrderState, due: int = NOW, **more: int) -> Any:
    """As the table of orders has it; `stopped` since `stopped_at`, the next attempt at `timer`."""
    names = ("state", "due", "default_after_s", "stopped", "stopped_at", "timer", "attempts")
    row = np.zeros(1, [(name, np.int64) for name in names])[0]
    row["state"], row["due"], row["default_after_s"], row["timer"] = state, due, LATE_S, NOW + DAY
    for name, value in more.items():
        row[name] = value
    return row


def attempt(amount: int = AMOUNT, now: int = NOW) -> Any:
    last = np.zeros(1, RECORD)[0]
    last["record_time"], last["amount"] = now, amount
    return last


@pytest.mark.parametrize(
    ("code", "now", "again"),
    [
        (Code.KEYS_FULL, NOW + DAY, True),
        (Code.DEFERRED, NOW, True),
        (Code.DEFERRED, NOW + LOOK_FOR_MS - 1, True),
        (Code.DEFERRED, NOW + LOOK_FOR_MS, False),
        (Code.PAYEE_NOT_FOUND, NOW, False),
        (Code.INSUFFICIENT_FUNDS, NOW, False),
    ],
)
def test_only_what_passes_by_itself_is_tried_again_unrecorded(code: Code, now: int, again: bool) -> None:
    assert looks_again(code, NOW, now) is again


@pytest.mark.parametrize(
    ("code", "amount", "stopped"),
    [
        (Code.INSUFFICIENT_FUNDS, AMOUNT, Stopped.NOTHING),
        (Code.PAYER_CLOSED, AMOUNT, Stopped.NOTHING),
        (Code.DAILY_LIMIT_EXCEEDED, LIMIT, Stopped.NOTHING),
        (Code.DAILY_LIMIT_EXCEEDED, LIMIT + 1, Stopped.LIMIT),
        (Code.PAYER_FROZEN, AMOUNT, Stopped.FROZEN),
        (Code.PAYEE_CLOSED, AMOUNT, Stopped.PAYEE),
        (Code.DEFERRED, AMOUNT, Stopped.PAYEE),
    ],
)
def test_an_attempt_says_what_stopped_it(code: Code, amount: int, stopped: Stopped) -> None:
    last = attempt(amount)
    record_why(order(OrderState.DUE), last, Kind.ORDER_ATTEMPT, code, LIMIT)
    assert (last[STOPPED_BY], last["expiry"], last[DUE_AT], last[ORDER_STATE]) == (stopped, NOW + DAY, 0, 0)


@pytest.mark.parametrize(
    ("due", "expiry"), [(NOW + 30 * DAY, NOW + ATTEMPTS_AFTER_MS[0]), (NOW - DAY, NOW + ATTEMPTS_AFTER_MS[0])]
)
def test_an_order_is_due_from_its_completion_and_tried_again_soon(due: int, expiry: int) -> None:
    last = attempt()
    record_why(order(OrderState.CONFIRMED, due), last, Kind.ORDER_COMPLETED, Code.INSUFFICIENT_FUNDS, LIMIT)
    assert (last[ORDER_STATE], last["expiry"]) == (OrderState.DUE, min(expiry, max(due, NOW + GRACE_MS)))


@pytest.mark.parametrize("state", [OrderState.DUE, OrderState.OVERDUE])
@pytest.mark.parametrize("stood", [DAY, 20 * DAY])
def test_an_order_that_stood_still_is_due_later_by_as_long(state: OrderState, stood: int) -> None:
    due = NOW - 21 * DAY
    stopped = order(state, due, stopped=Stopped.FROZEN, stopped_at=NOW - stood, timer=NOW + 99 * DAY)
    last = attempt()
    record_why(stopped, last, Kind.ORDER_ATTEMPT, Code.INSUFFICIENT_FUNDS, LIMIT)
    left = 0 if state == OrderState.DUE else LATE_S * 1_000
    assert last[DUE_AT] == max(due + stood, NOW + GRACE_MS - left)
    assert last["expiry"] == last[DUE_AT] + left, "no attempt of the shard comes after the state has ended"


def test_an_order_that_still_stands_is_not_put_off() -> None:
    last = attempt()
    stopped = order(OrderState.OVERDUE, NOW - DAY, stopped=Stopped.FROZEN, stopped_at=NOW - DAY)
    record_why(stopped, last, Kind.ORDER_ATTEMPT, Code.PAYER_FROZEN, LIMIT)
    assert (last[DUE_AT], last["expiry"], last[STOPPED_BY]) == (0, NOW + DAY, Stopped.FROZEN)


@pytest.mark.parametrize(
    ("code", "longest"), [(Code.PAYEE_CLOSED, STOPPED_MS_MAX), (Code.PAYER_FROZEN, WRITE_OFF_AFTER_MS)]
)
def test_a_defaulted_order_that_is_stopped_ends_when_its_time_is_over(code: Code, longest: int) -> None:
    for since in (0, NOW - 10 * DAY):
        last = attempt()
        stopped = order(OrderState.DEFAULTED, NOW - 40 * DAY, stopped_at=since, timer=NOW + 2 * WRITE_OFF_AFTER_MS)
        record_why(stopped, last, Kind.ORDER_ATTEMPT, code, LIMIT)
        assert last["expiry"] == (since or NOW) + longest


@pytest.mark.parametrize(
    ("state", "due", "kind"),
    [
        (OrderState.DUE, NOW + 1, None),
        (OrderState.DUE, NOW, Kind.ORDER_OVERDUE),
        (OrderState.OVERDUE, NOW - LATE_S * 1_000 + 1, None),
        (OrderState.OVERDUE, NOW - LATE_S * 1_000, Kind.ORDER_DEFAULTED),
        (OrderState.DEFAULTED, NOW - LATE_S * 1_000 - WRITE_OFF_AFTER_MS + 1, None),
        (OrderState.DEFAULTED, NOW - LATE_S * 1_000 - WRITE_OFF_AFTER_MS, Kind.ORDER_WRITTEN_OFF),
    ],
)
def test_a_step_follows_when_the_time_of_a_state_is_over(state: OrderState, due: int, kind: Kind | None) -> None:
    last = attempt()
    step = after_attempt(order(state, due), last)
    assert (None if step is None else step.kind) == kind
    if step is not None:
        assert last["expiry"] == step.next_ms
    else:
        assert NOW < last["expiry"] <= NOW + max(ATTEMPTS_AFTER_MS[0], 1) or state == OrderState.DEFAULTED


@pytest.mark.parametrize(
    ("attempts", "due", "expiry"),
    [
        (0, NOW + DAY, NOW + ATTEMPTS_AFTER_MS[0]),
        (4, NOW + DAY, NOW + DAY),
        (9, NOW + 90 * DAY, NOW + ATTEMPTS_AFTER_MS[-1]),
    ],
)
def test_the_next_attempt_comes_before_the_state_ends(attempts: int, due: int, expiry: int) -> None:
    last = attempt()
    assert after_attempt(order(OrderState.DUE, due, attempts=attempts), last) is None
    assert last["expiry"] == expiry


@pytest.mark.parametrize(
    ("before", "since", "code", "written_off"),
    [
        (Stopped.PAYEE, STOPPED_MS_MAX, Stopped.PAYEE, True),
        (Stopped.PAYEE, STOPPED_MS_MAX - 1, Stopped.PAYEE, False),
        (Stopped.FROZEN, STOPPED_MS_MAX, Stopped.PAYEE, False),
        (Stopped.FROZEN, WRITE_OFF_AFTER_MS, Stopped.FROZEN, True),
        (Stopped.FROZEN, STOPPED_MS_MAX, Stopped.FROZEN, False),
    ],
)
def test_an_order_is_written_off_when_one_thing_stopped_it_for_too_long(
    before: Stopped, since: int, code: Stopped, written_off: bool
) -> None:
    last = attempt()
    last[STOPPED_BY] = code
    step = after_attempt(order(OrderState.OVERDUE, NOW - 9_999 * DAY, stopped=before, stopped_at=NOW - since), last)
    assert step == (Step(Kind.ORDER_WRITTEN_OFF, 0) if written_off else None)
    assert last["expiry"] == 0 if written_off else last["expiry"] > NOW


def test_a_new_due_time_counts_for_the_step() -> None:
    last = attempt()
    last[DUE_AT] = NOW + DAY
    assert after_attempt(order(OrderState.DUE, NOW - DAY), last) is None, "it was due, and is not any more"
