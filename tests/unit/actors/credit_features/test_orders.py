"""What orders say of their holder: many small ones that were kept stand no worse than few."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.credit_features.accounts import ACCOUNT, MONTH_COLUMNS
from actors.credit_features.orders import ORDER_EVENT, OrderEvents, orders_of
from actors.credit_features.relations import RELATION
from actors.credit_features.values import VALUES, Kept
from actors.records.credit_layout import Resolution
from actors.records.layout import Kind
from models.credit.feature import DAY_MS
from models.credit.history import ORDERS

AS_OF: Final = 1_000 * DAY_MS
LESS_IS_BETTER: Final = {
    "orders_defaulted_share",
    "orders_overdue_amount",
    "orders_mean_days_late",
    "orders_most_days_late",
}
Life = tuple[tuple[Kind, int], ...]
"""Records after completion, with the day of each."""
KEPT: Final[Life] = ((Kind.ORDER_PAID, 900),)
LATE: Final[Life] = ((Kind.ORDER_OVERDUE, 905), (Kind.ORDER_PAID, 910))
BROKEN: Final[Life] = ((Kind.ORDER_OVERDUE, 905), (Kind.ORDER_DEFAULTED, 950))
OPEN: Final[Life] = ()


def _events(orders: list[tuple[int, Life]]) -> Iterator[tuple[int, ...]]:
    """ORDER_EVENT rows; the address of each is its place, from 100 on."""
    at = 100
    for number, (amount, life) in enumerate(orders, 1):
        for kind, day in ((Kind.ORDER_COMPLETED, 890), *life):
            yield number, 0, amount, day * DAY_MS, int(kind), at, 0
            at += 1


def features(
    orders: list[tuple[int, Life]], disputes: list[tuple[int, ...]] | None = None, days: int = 2_000
) -> dict[str, int | None]:
    """Features of one holder of these orders, as (amount, life). `days`: for which it counts that one was overdue."""
    events: OrderEvents = np.array([*_events(orders), *(disputes or [])], ORDER_EVENT)
    rows = orders_of(events, np.zeros(len(events), np.int64), 1, AS_OF, days * DAY_MS)
    months = np.zeros((1, MONTH_COLUMNS), np.int64)
    kept = Kept(np.zeros(1, ACCOUNT), np.zeros(1, RELATION), rows, months, months.astype(np.int32), AS_OF)
    found = {feature.name: VALUES[feature.name](kept) for feature in ORDERS}
    return {name: int(values[0]) if known[0] else None for name, (values, known) in found.items()}


@pytest.mark.parametrize("beside", [[], [(70_000, KEPT)], [(70_000, LATE)], [(70_000, BROKEN)], [(500, OPEN)]])
def test_fifty_small_orders_kept_stand_no_worse_than_five(beside: list[tuple[int, Life]]) -> None:
    five, fifty = (features([*beside, *[(700, KEPT)] * count]) for count in (5, 50))
    for name, few in five.items():
        many = fifty[name]
        if few is None or many is None:
            assert few is many, name
        else:
            assert (many <= few) if name in LESS_IS_BETTER else (many >= few), (name, few, many)


@given(st.lists(st.tuples(st.integers(1, 2**50), st.sampled_from([KEPT, LATE, BROKEN, OPEN])), max_size=8))
def test_one_more_order_kept_makes_nothing_worse(orders: list[tuple[int, Life]]) -> None:
    before, after = features(orders), features([*orders, (700, KEPT)])
    for name, old in before.items():
        new = after[name]
        if old is not None and new is not None:
            assert (new <= old) if name in LESS_IS_BETTER else (new >= old), (name, old, new)


def test_amounts_weigh_and_days_count_from_when_it_was_overdue() -> None:
    found = features([(9_000, KEPT), (1_000, LATE), (10_000, BROKEN), (500, OPEN)])
    assert found == {
        "orders_paid_share": 5_000,
        "orders_on_time_share": 4_500,
        "orders_defaulted_share": 5_000,
        "orders_cured_share": 909,
        "orders_overdue_amount": 10_000,
        "orders_kept_amount": 9_000,
        "orders_largest_kept": 9_000,
        "orders_mean_days_late": (1_000 * 6 + 10_000 * 96) // 20_000,
        "orders_most_days_late": 96,
        "months_with_orders_kept_12": 1,
        "days_since_overdue": 0,
        "days_since_default": 50,
    }


def disputed(entry: int, resolution: Resolution, back: bool = False) -> list[tuple[int, ...]]:
    """ORDER_EVENT rows of a dispute at address 900."""
    rows: list[tuple[int, ...]] = [(entry, 0, 0, 960 * DAY_MS, int(Kind.DISPUTE_OPENED), 900, 0)]
    rows.append((900, 0, 0, 970 * DAY_MS, int(Kind.DISPUTE_RESOLVED), 901, int(resolution)))
    return [*rows, (900, 0, 0, 980 * DAY_MS, int(Kind.DISPUTE_REINSERTED), 902, 0)] if back else rows


OVERDUE_AT: Final = 103
"""Where the second order of these became overdue."""


@pytest.mark.parametrize("entry", [2, OVERDUE_AT], ids=["the order", "that it was overdue"])
def test_an_order_of_which_an_entry_was_deleted_counts_for_nothing_until_it_is_back(entry: int) -> None:
    orders = [(9_000, KEPT), (1_000, LATE)]
    assert features(orders, disputed(entry, Resolution.DELETED)) == features(orders[:1])
    assert features(orders, disputed(entry, Resolution.DELETED, back=True)) == features(orders)
    assert features(orders, disputed(entry, Resolution.KEPT)) == features(orders)


def test_an_order_that_was_corrected_was_never_overdue() -> None:
    corrected = features([(9_000, KEPT), (1_000, LATE)], disputed(2, Resolution.CORRECTED))
    assert corrected == features([(9_000, KEPT), (1_000, ((Kind.ORDER_PAID, 910),))])
    assert features([(700, BROKEN)], disputed(1, Resolution.CORRECTED)) == features([(700, OPEN)])


@pytest.mark.parametrize(("days", "counts"), [(95, True), (94, False)])
def test_an_order_that_was_overdue_too_long_ago_is_none(days: int, counts: bool) -> None:
    orders = [(9_000, KEPT), (1_000, LATE)]
    assert features(orders, days=days) == features(orders if counts else orders[:1])
