"""Service orders: what became of each, and what that says of its holder.

There are few of them beside payments, so their records are kept and put together at the end. What a dispute deleted or corrected counts
no more, nor what was too long ago.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.credit_features.accumulate import Events
from actors.records.credit_layout import Resolution
from actors.records.layout import Kind
from models.arrays import Integers
from models.credit.feature import DAY_MS, MONTH_MS, MONTHS, NEGATIVE_DAYS

ENDS: Final = (Kind.ORDER_PAID, Kind.ORDER_CURED, Kind.ORDER_PAID_ELSEWHERE)
_OF_KIND: Final = np.zeros(256, np.bool_)
"""Records that say what became of an order; which it is, their `reference` says."""
NEGATIVE: Final = (Kind.ORDER_OVERDUE, Kind.ORDER_DEFAULTED)
_OF_KIND[[Kind.ORDER_COMPLETED, *NEGATIVE, Kind.ORDER_WRITTEN_OFF, *ENDS]] = True
DISPUTES: Final = (Kind.DISPUTE_OPENED, Kind.DISPUTE_RESOLVED, Kind.DISPUTE_REINSERTED)
_OF_KIND[[*DISPUTES]] = True
ORDER_EVENT: Final = np.dtype(
    [
        ("order", "i8"),
        ("holder", "i8"),
        ("amount", "i8"),
        ("time", "i8"),
        ("kind", "u1"),
        ("address", "i8"),
        ("resolution", "u1"),
    ]
)
"""A record of an order's life, or of a dispute, of which `order` is the entry or, of what ends it, the dispute."""
OrderEvents = NDArray[np.void]
"""ORDER_EVENT rows (n,)."""

ORDERS: Final = np.dtype(
    [
        ("due", "i8"),
        ("paid", "i8"),
        ("kept", "i8"),
        ("largest_kept", "i8"),
        ("late", "i8"),
        ("cured", "i8"),
        ("defaulted", "i8"),
        ("mean_days_late", "i8"),
        ("most_days_late", "i8"),
        ("last_overdue", "i8"),
        ("last_default", "i8"),
        ("kept_months", "i8"),
        ("number", "i8"),
    ]
)
"""A holder's orders that were paid or became overdue. Amounts: of all of them (`due`), paid, kept (paid and never overdue), `late` (ever
overdue), cured (of those, paid), ever defaulted. `last_overdue`, `last_default`: times, 0 = never. `kept_months`: bit i = one was kept i
months ago. `number`: of all of them, which shows only whether there are any."""
HolderRows = NDArray[np.void]
"""ORDERS rows (n,), one a holder."""

_NEVER: Final = np.iinfo(np.int64).max


class _Lifecycles(NamedTuple):
    """What became of orders (n,), each once; times of _NEVER: it did not."""

    holder: NDArray[np.int64]
    amount: NDArray[np.int64]
    overdue: NDArray[np.int64]
    defaulted: NDArray[np.int64]
    paid: NDArray[np.int64]

    def of(self, chosen: NDArray[np.bool_]) -> "_Lifecycles":
        """Some of them."""
        return _Lifecycles(*(column[chosen] for column in self))


def _lifecycles(events: OrderEvents) -> _Lifecycles:
    """Of ORDER_EVENT rows (n,): those of orders that were completed, and paid or overdue since. What was written off counts no more."""
    _, first, order = np.unique(events["order"], return_index=True, return_inverse=True)

    def earliest(*kinds: Kind) -> NDArray[np.int64]:
        times = np.full(len(first), _NEVER)
        chosen = np.isin(events["kind"], kinds)
        np.minimum.at(times, order[chosen], events["time"][chosen])
        return times

    amount = np.full(len(first), -1, np.int64)
    completed = events["kind"] == Kind.ORDER_COMPLETED
    amount[order[completed]] = events["amount"][completed]
    ends = _Lifecycles(
        events["holder"][first],
        amount,
        earliest(Kind.ORDER_OVERDUE),
        earliest(Kind.ORDER_DEFAULTED),
        earliest(*ENDS),
    )
    counted = earliest(Kind.ORDER_WRITTEN_OFF) == _NEVER
    return ends.of(counted & (amount >= 0) & ((ends.paid != _NEVER) | (ends.overdue != _NEVER)))


def order_events(events: Events) -> OrderEvents:
    """ORDER_EVENT rows (k,) of those records (n,) that say what became of an order."""
    chosen = np.flatnonzero(_OF_KIND[events.kind])
    rows = np.empty(len(chosen), ORDER_EVENT)
    columns: tuple[Integers, ...] = (
        *(events.reference, events.payer, events.amount, events.time),
        *(events.kind, events.address, events.state),
    )
    for name, column in zip(ORDER_EVENT.names or (), columns, strict=True):
        rows[name] = column[chosen]
    return rows


def undisputed(events: OrderEvents) -> OrderEvents:
    """Those of ORDER_EVENT rows (n,) that count: none of an order of which an entry was deleted, none that is negative of one that was
    corrected."""
    dispute = np.isin(events["kind"], DISPUTES)
    cases, steps = events[dispute], events[~dispute]
    ended = cases[cases["kind"] == Kind.DISPUTE_RESOLVED]
    if not len(ended):
        return steps
    back = cases["order"][cases["kind"] == Kind.DISPUTE_REINSERTED]
    cleared = ended[np.isin(ended["resolution"], (Resolution.DELETED, Resolution.CORRECTED))]
    cleared = cleared[~np.isin(cleared["order"], back)]
    opened = cases[cases["kind"] == Kind.DISPUTE_OPENED]
    entries: dict[int, int] = dict(zip(opened["address"].tolist(), opened["order"].tolist(), strict=True))
    negative = np.isin(steps["kind"], NEGATIVE)
    late = steps[negative & np.isin(steps["address"], list(entries.values()))]
    order_of: dict[int, int] = dict(zip(late["address"].tolist(), late["order"].tolist(), strict=True))
    gone: dict[int, list[int]] = {int(Resolution.DELETED): [], int(Resolution.CORRECTED): []}
    for dispute_at, resolution in zip(cleared["order"].tolist(), cleared["resolution"].tolist(), strict=True):
        entry = entries.get(dispute_at, 0)
        gone[resolution].append(order_of.get(entry, entry))
    deleted = np.isin(steps["order"], gone[Resolution.DELETED])
    corrected = np.isin(steps["order"], gone[Resolution.CORRECTED])
    return steps[~deleted & ~(corrected & negative)]


def orders_of(
    events: OrderEvents, rows: NDArray[np.int64], count: int, as_of: int, negative_ms: int = NEGATIVE_DAYS * DAY_MS
) -> HolderRows:
    """ORDERS rows (count,) of ORDER_EVENT rows (n,) whose holders have these rows (n,), -1 = none here. An order that was overdue longer
    ago than `negative_ms` is none."""
    orders = np.zeros(count, ORDERS)
    here = (rows >= 0) & (events["time"] <= as_of)
    if not here.any():
        return orders
    events = events[here].copy()
    events["holder"] = rows[here]
    events = undisputed(events)
    ends = _lifecycles(events)
    ends = ends.of(ends.overdue >= as_of - negative_ms)
    paid, overdue, defaulted = (times != _NEVER for times in (ends.paid, ends.overdue, ends.defaulted))
    for name, chosen in (
        ("due", paid | overdue),
        ("paid", paid),
        ("kept", ~overdue),
        ("late", overdue),
        ("cured", overdue & paid),
        ("defaulted", defaulted),
    ):
        np.add.at(orders[name], ends.holder[chosen], ends.amount[chosen])
    np.add.at(orders["number"], ends.holder, 1)
    kept = ends.of(~overdue)
    np.maximum.at(orders["largest_kept"], kept.holder, kept.amount)
    months = (as_of - kept.paid) // MONTH_MS
    recent = months < MONTHS
    np.bitwise_or.at(orders["kept_months"], kept.holder[recent], 1 << months[recent])
    broken = ends.of(defaulted)
    np.maximum.at(orders["last_default"], broken.holder, broken.defaulted)
    _add_lateness(orders, ends.of(overdue), as_of)
    return orders


def _add_lateness(orders: HolderRows, late: _Lifecycles, as_of: int) -> None:
    """Days of orders that were overdue. Amounts times days do not fit int64, so these few are added up in Python."""
    until = np.where(late.paid == _NEVER, as_of, late.paid)
    days = (until - late.overdue) // DAY_MS + 1
    np.maximum.at(orders["most_days_late"], late.holder, days)
    np.maximum.at(orders["last_overdue"], late.holder, until)
    weighted: dict[int, int] = {}
    for row, amount, each in zip(late.holder.tolist(), late.amount.tolist(), days.tolist(), strict=True):
        weighted[row] = weighted.get(row, 0) + amount * each
    for row, sum_of_days in weighted.items():
        due = int(orders["due"][row])
        orders["mean_days_late"][row] = sum_of_days // due if due else 0
