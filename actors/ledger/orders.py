"""What may happen to a service order: states, the calls that each allows, and what time does.

The table is the law: a call that it does not allow changes nothing.
"""

from typing import Final, NamedTuple

from actors.records.codes import Code
from actors.records.credit_layout import OrderState
from actors.records.layout import Kind

HOUR_MS: Final = 3_600_000
ATTEMPTS_AFTER_MS: Final = tuple(hours * HOUR_MS for hours in (1, 6, 24, 72, 168))
"""From one attempt to collect to the next: an hour after the first that failed, then six, a day, three days, a week; then each week."""

COMPLETE_WITHIN_MS: Final = 90 * 24 * HOUR_MS
"""A confirmed order expires when it is not completed so long after its due time, or after the confirmation if that was later: whoever asks
for nothing in a quarter of a year must not hold the holder's place among open orders for ever."""

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
}
"""The state after a record; those that are not named leave it."""


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


def due_step(state: int, due_ms: int, default_after_s: int, now_ms: int) -> Step | None:
    """What the time that has come does to an order, before another attempt is made; None: only the attempt."""
    if state in (OrderState.CREATED, OrderState.CONFIRMED):
        return Step(Kind.ORDER_EXPIRED, 0)
    defaults_at = due_ms + 1_000 * default_after_s
    if state == OrderState.DUE and now_ms >= due_ms:
        return Step(Kind.ORDER_OVERDUE, min(defaults_at, now_ms + ATTEMPTS_AFTER_MS[0]))
    if state == OrderState.OVERDUE and now_ms >= defaults_at:
        return Step(Kind.ORDER_DEFAULTED, 0)
    return None
