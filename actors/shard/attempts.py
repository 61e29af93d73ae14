"""Attempts to collect an order that failed: why, and what follows.

Nothing counts against the holder that the holder's own money did not cause: while anything else keeps an order from being paid its clock
stands still, and goes on where it stood.
"""

from typing import Any, Final

from actors.ledger.orders import (
    STOPPED_MS_MAX,
    WRITE_OFF_AFTER_MS,
    Step,
    completed_due,
    due_again,
    due_step,
    ends_at,
    next_attempt,
    stopped_by,
)
from actors.records.codes import Code
from actors.records.credit_layout import OrderState, Stopped
from actors.records.layout import DUE_AT, ORDER_STATE, STOPPED_BY, Kind

LOOK_FOR_MS: Final = 60_000
"""So long a payee on another shard is looked for before the attempt counts as stopped by the payee."""


def looks_again(code: Code, since: int, now: int) -> bool:
    """Whether an attempt of which no transfer was made is made again soon, and nothing is recorded. `since`: when this process first
    looked for the payee."""
    return code == Code.KEYS_FULL or (code == Code.DEFERRED and now < since + LOOK_FOR_MS)


def record_why(order: Any, last: Any, kind: Kind, code: Code, limit: int) -> None:
    """Complete an ORDER_ATTEMPT record: what stopped it, when the next is due, when the order. One that the holder asked for does not
    put off the next. `kind`: the call; `limit`: what the holder's tier pays on a day at most."""
    now, state, late = int(last["record_time"]), int(order["state"]), int(order["default_after_s"])
    stopped = stopped_by(code, int(last["amount"]), limit)
    last[STOPPED_BY], last["expiry"] = stopped, order["timer"]
    if kind == Kind.ORDER_COMPLETED:
        last[ORDER_STATE] = OrderState.DUE
        last["expiry"] = min(completed_due(int(order["due"]), now), next_attempt(0, now))
    elif state == OrderState.DEFAULTED:
        if stopped:
            last["expiry"] = min(int(order["timer"]), _stops_at(order, last))
    elif order["stopped"] and not stopped:
        last[DUE_AT] = due_again(state, int(order["due"]), late, int(order["stopped_at"]), now)
        last["expiry"] = min(int(order["timer"]), ends_at(state, int(last[DUE_AT]), late))


def after_attempt(order: Any, last: Any) -> Step | None:
    """The step that follows an attempt of the shard itself, None when it is not time; sets when the next attempt is."""
    now, state, late = int(last["record_time"]), int(order["state"]), int(order["default_after_s"])
    due = int(last[DUE_AT]) or int(order["due"])
    if last[STOPPED_BY]:
        ends = _stops_at(order, last)
        # A payee that is gone for a moment does not end what something else stopped long before.
        lasts = last[STOPPED_BY] == order["stopped"]
        step = Step(Kind.ORDER_WRITTEN_OFF, 0) if lasts and now >= ends else None
    else:
        ends = ends_at(state, due, late)
        step = due_step(state, due, late, now)
    again = ends if state == OrderState.DEFAULTED else next_attempt(int(order["attempts"]), now)
    last["expiry"] = step.next_ms if step is not None else min(again, ends) if ends > now else again
    return step


def _stops_at(order: Any, last: Any) -> int:
    """When an order is written off that could not be paid at the attempt `last`."""
    since = int(order["stopped_at"]) or int(last["record_time"])
    return since + (STOPPED_MS_MAX if last[STOPPED_BY] == Stopped.PAYEE else WRITE_OFF_AFTER_MS)
