"""What may happen to a service order: states, the calls that each allows, and what time does.

The table is the law: a call that it does not allow changes nothing.
"""

from typing import Final, NamedTuple

from actors.records.codes import Code
from actors.records.credit_layout import OrderState, Stopped
from actors.records.layout import Kind

HOUR_MS: Final = 3_600_000
ATTEMPTS_AFTER_MS: Final = tuple(hours * HOUR_MS for hours in (1, 6, 24, 72, 168))
"""From one attempt to collect to the next: an hour after the first that failed, then six, a day, three days, a week; then each week."""

COMPLETE_WITHIN_MS: Final = 90 * 24 * HOUR_MS
"""A confirmed order expires when it is not completed so long after its due time, or after the confirmation if that was later: whoever asks
for nothing in a quarter of a year must not hold the holder's place among open orders for ever."""

WRITE_OFF_AFTER_MS: Final = 5 * 365 * 24 * HOUR_MS
"""From default to the end of an order that nobody pays, and of one that a frozen wallet or its tier's limit keeps from being paid: between
the three, five and seven years for which laws let a negative entry be told (docs/credit.md). What is not told any more must not hold a row
of the table."""

STOPPED_MS_MAX: Final = 90 * 24 * HOUR_MS
"""An order whose payee could not be paid for so long is written off: nobody waits for a shop that is gone, and what they still owe each
other is between the two. Whose holder could not pay still owes it."""

GRACE_MS: Final = 24 * HOUR_MS
"""An order that is completed after, or just before, it is due is not overdue before so long; nor is one that could not be paid before."""

_CREATED, _CONFIRMED, _DUE = OrderState.CREATED, OrderState.CONFIRMED, OrderState.DUE
_OVERDUE, _DEFAULTED = OrderState.OVERDUE, OrderState.DEFAULTED

BY_HOLDER: Final = frozenset({Kind.ORDER_CONFIRMED, Kind.ORDER_PAID})
"""Calls of the holder; all others are the merchant's."""

ALLOWED: Final[dict[Kind, frozenset[OrderState]]] = {
    Kind.ORDER_CONFIRMED: frozenset({_CREATED}),
    Kind.ORDER_MODIFIED: frozenset({_CREATED, _CONFIRMED}),
    Kind.ORDER_COMPLETED: frozenset({_CONFIRMED}),
    Kind.ORDER_CANCELLED: frozenset({_CREATED, _CONFIRMED}),
    Kind.ORDER_PAID: frozenset({_DUE, _OVERDUE, _DEFAULTED}),
    Kind.ORDER_PAID_ELSEWHERE: frozenset({_DUE, _OVERDUE, _DEFAULTED}),
}
"""In which states a call may be made."""

AFTER: Final[dict[Kind, OrderState]] = {
    Kind.ORDER_CONFIRMED: OrderState.CONFIRMED,
    Kind.ORDER_COMPLETED: OrderState.DUE,
    Kind.ORDER_CANCELLED: OrderState.CANCELLED,
    Kind.ORDER_PAID: OrderState.PAID,
    Kind.ORDER_PAID_ELSEWHERE: OrderState.PAID_ELSEWHERE,
    Kind.ORDER_EXPIRED: OrderState.EXPIRED,
    Kind.ORDER_OVERDUE: OrderState.OVERDUE,
    Kind.ORDER_DEFAULTED: OrderState.DEFAULTED,
    Kind.ORDER_CURED: OrderState.PAID,
    Kind.ORDER_WRITTEN_OFF: OrderState.WRITTEN_OFF,
}
"""The state after a record; those that are not named leave it."""


_HOLDERS: Final = frozenset({Code.PAYER_CLOSED, Code.DAILY_LIMIT_EXCEEDED, Code.INSUFFICIENT_FUNDS})
"""Why a collection fails that are the holder's to mend."""


class Step(NamedTuple):
    """What a shard does by itself: the kind of the record, and when the next step is due, 0 = never."""

    kind: Kind
    next_ms: int


def refusal(state: int, kind: Kind) -> Code:
    """Why a call is not allowed in a state; OK when it is."""
    return Code.OK if OrderState(state) in ALLOWED[kind] else Code.ORDER_STATE


def next_attempt(attempts: int, now_ms: int) -> int:
    """When to try again after so many attempts have failed."""
    return now_ms + ATTEMPTS_AFTER_MS[min(attempts, len(ATTEMPTS_AFTER_MS) - 1)]


def complete_by(due_ms: int, confirmed_ms: int) -> int:
    """When a confirmed order expires that nobody completes."""
    return max(due_ms, confirmed_ms) + COMPLETE_WITHIN_MS


def completed_due(due_ms: int, now_ms: int) -> int:
    """When an order is due that is completed now."""
    return max(due_ms, now_ms + GRACE_MS)


def stopped_by(code: Code, amount: int, limit: int) -> Stopped:
    """What else than the holder's money kept an amount from being paid. `code`: of the transfer, or why there is none; `limit`: the most
    that the holder's tier pays on a day. What the holder has spent of it, its own payments have."""
    if code in _HOLDERS:
        return Stopped.LIMIT if code == Code.DAILY_LIMIT_EXCEEDED and amount > limit else Stopped.NOTHING
    return Stopped.FROZEN if code == Code.PAYER_FROZEN else Stopped.PAYEE


def ends_at(state: int, due_ms: int, default_after_s: int) -> int:
    """When time alone ends this state of an order that is owed."""
    if state == OrderState.DUE:
        return due_ms
    defaults_at = due_ms + 1_000 * default_after_s
    return defaults_at if state == OrderState.OVERDUE else defaults_at + WRITE_OFF_AFTER_MS


def due_again(state: int, due_ms: int, default_after_s: int, stopped_ms: int, now_ms: int) -> int:
    """The due time of an order that stood still from `stopped_ms` to now: later by as long, and so that the holder has time to pay."""
    left = ends_at(state, due_ms, default_after_s) - due_ms
    return max(due_ms + now_ms - stopped_ms, now_ms + GRACE_MS - left)


def due_step(state: int, due_ms: int, default_after_s: int, now_ms: int) -> Step | None:
    """What the time that has come does to an order; None: only another attempt. One that is owed becomes overdue, and defaults, only with
    an attempt that failed for want of the holder's money."""
    if state in (OrderState.CREATED, OrderState.CONFIRMED):
        return Step(Kind.ORDER_EXPIRED, 0)
    if now_ms < ends_at(state, due_ms, default_after_s):
        return None
    if state == OrderState.DUE:
        next_ms = min(ends_at(OrderState.OVERDUE, due_ms, default_after_s), now_ms + ATTEMPTS_AFTER_MS[0])
        return Step(Kind.ORDER_OVERDUE, next_ms)
    if state == OrderState.OVERDUE:
        return Step(Kind.ORDER_DEFAULTED, ends_at(OrderState.DEFAULTED, due_ms, default_after_s))
    return Step(Kind.ORDER_WRITTEN_OFF, 0)
