"""Service orders of the past: what is recorded of each, that it counts like any other, comes in once, and what is owed is owed on."""

from typing import Any

import numpy as np
import pytest

from actors.audit.credit import CreditCheck
from actors.credit_features.accumulate import events_of
from actors.credit_features.orders import order_events, orders_of
from actors.records.addresses import address_after, record_address
from actors.records.blocks import records_of
from actors.records.codes import Code
from actors.records.credit_layout import OrderKind, OrderState
from actors.records.layout import (
    ACCOUNT,
    AMOUNT_MAX,
    DEFAULT_AFTER,
    FLAG_IMPORTED,
    ORDER_STATE,
    SCENARIO,
    SCENARIO_VERSION,
    TRANSFER_AT,
    Kind,
)
from actors.shard.order_history import OPEN_MAX
from tests.unit.actors.shard.one_shard import DAY_MS, MERCHANT, START, OneShard
from tests.unit.actors.shard.one_shard import SCENARIO as ASKED

K = Kind
DEFAULT_DAYS = 60
USED = START - 200 * DAY_MS
DUE = USED + 30 * DAY_MS
LIVES: dict[str, tuple[int, int, list[Kind], OrderState]] = {
    "paid on the last day": (DUE, DUE, [], OrderState.PAID_ELSEWHERE),
    "paid late": (DUE, DUE + 1, [K.ORDER_OVERDUE], OrderState.PAID_ELSEWHERE),
    "paid after default": (
        DUE,
        DUE + DEFAULT_DAYS * DAY_MS + 1,
        [K.ORDER_OVERDUE, K.ORDER_DEFAULTED],
        OrderState.PAID_ELSEWHERE,
    ),
    "never paid": (DUE, 0, [K.ORDER_OVERDUE, K.ORDER_DEFAULTED], OrderState.DEFAULTED),
    "late by now": (START - DAY_MS, 0, [K.ORDER_OVERDUE], OrderState.OVERDUE),
    "not due yet": (START + DAY_MS, 0, [], OrderState.DUE),
}


def imported(shard: OneShard, holder: int, payee: int, due: int, paid: int, **more: int) -> Any:
    stated = {"kind": OrderKind.PAY_LATER, "payee": payee, "amount": 700, "expiry": due, "paid_at": paid}
    stated |= {"effective_time": USED, "default_after_s": DEFAULT_DAYS * 86_400, "version": 1}
    return shard.credit(K.ORDER_CREATED, holder, **{**stated, **more})


def differences(shard: OneShard) -> list[str]:
    """What an audit says of the shard's journal."""
    check, found = CreditCheck(), []
    for block in shard.blocks:
        records = records_of(block.data)
        first = int(record_address(0, block.number, 0))
        addresses = np.array([int(address_after(first, at)) for at in range(len(records))], np.int64)
        found += [text for _, text in check.wrong(records, addresses)]
    return found


@pytest.mark.parametrize("life", LIVES)
def test_an_order_of_the_past_has_the_steps_and_times_of_its_life(life: str) -> None:
    due, paid, between, state = LIVES[life]
    shard = OneShard()
    holder, payee = shard.wallet(balance=10_000), shard.wallet()
    made = imported(shard, holder, payee, due, paid, key=99)
    assert made["code"] == Code.OK
    records = shard.records()
    orders = records[np.isin(records["kind"], [kind for kind in K if K.ORDER_CREATED <= kind <= K.ORDER_CURED])]
    ends = [K.ORDER_PAID_ELSEWHERE] if paid else []
    assert orders["kind"].tolist() == [K.ORDER_CREATED, K.ORDER_COMPLETED, *between, *ends]
    assert orders["effective_time"].tolist()[:2] == [USED, USED] and (orders["flags"] & FLAG_IMPORTED).all()
    for each in orders:
        assert tuple(each[["payer", "payee", "amount", ACCOUNT, SCENARIO]].tolist()) == (
            holder,
            payee,
            700,
            MERCHANT,
            ASKED,
        )
    assert orders[SCENARIO_VERSION][0] == 1 and orders[DEFAULT_AFTER][0] == DEFAULT_DAYS * 86_400
    assert orders[ORDER_STATE][-1] == state and not orders[TRANSFER_AT][2:].any()
    if paid:
        assert (orders["effective_time"][-1], orders["expiry"][-1]) == (paid, 0)
    again = imported(shard, holder, payee, due, paid, key=99)
    assert (again["replayed"], again["address"]) == (1, made["address"])
    assert len(shard.records()) == len(records)
    order = shard.state(holder, int(made["address"]))["order"]
    assert order["state"] == (0 if paid else state)
    credit = shard.state(holder)["credit"]
    assert (credit["open"], credit["overdue"], credit["defaulted"]) == (
        not paid,
        state == OrderState.OVERDUE,
        state == OrderState.DEFAULTED,
    )
    assert differences(shard) == []
    before = shard.state(holder)["credit"].tobytes()
    assert shard.restarted().state(holder)["credit"].tobytes() == before


def test_what_is_owed_of_the_past_is_collected_like_that_of_any_order() -> None:
    shard = OneShard()
    holder, payee = shard.wallet(balance=10_000), shard.wallet()
    imported(shard, holder, payee, START - DAY_MS, 0)
    shard.wait(2 * 3_600_000)
    assert shard.records()["kind"][-2:].tolist() == [K.TRANSFER, K.ORDER_PAID]
    assert shard.state(holder)["credit"]["overdue"] == 0
    assert differences(shard) == []


def test_features_of_the_past_are_those_of_orders_that_were_made_here() -> None:
    shard = OneShard()
    holder, payee = shard.wallet(), shard.wallet()
    imported(shard, holder, payee, DUE, DUE - DAY_MS)
    imported(shard, holder, payee, DUE, DUE + 10 * DAY_MS, amount=300)
    records = shard.records()
    events = order_events(events_of(records, np.arange(1, len(records) + 1)))
    (orders,) = orders_of(events, np.zeros(len(events), np.int64), 1, START)
    assert (orders["kept"], orders["late"], orders["cured"], orders["most_days_late"]) == (700, 300, 300, 11)
    (before,) = orders_of(events, np.zeros(len(events), np.int64), 1, DUE - 2 * DAY_MS)
    assert before["number"] == 0, "nobody knew yet what would become of them"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"effective_time": START + DAY_MS}, Code.EFFECTIVE_TIME_IN_FUTURE),
        ({"paid_at": START + DAY_MS}, Code.EFFECTIVE_TIME_IN_FUTURE),
        ({"paid_at": USED - 1}, Code.INVALID_REQUEST),
        ({"expiry": USED - 1}, Code.INVALID_REQUEST),
        ({"effective_time": -1}, Code.INVALID_REQUEST),
        ({"amount": 0}, Code.INVALID_REQUEST),
        ({"amount": AMOUNT_MAX + 1}, Code.INVALID_REQUEST),
        ({"kind": 0}, Code.INVALID_REQUEST),
    ],
)
def test_what_cannot_have_been_is_refused_and_leaves_nothing(wrong: dict[str, int], code: Code) -> None:
    shard = OneShard()
    holder, payee = shard.wallet(), shard.wallet()
    before = len(shard.blocks)
    assert imported(shard, holder, payee, DUE, DUE, **wrong)["code"] == code
    assert len(shard.blocks) == before


def test_a_holder_that_is_not_here_and_a_full_table_are_told() -> None:
    shard = OneShard()
    holder, payee = shard.wallet(), shard.wallet()
    assert imported(shard, holder + 500, payee, DUE, DUE)["code"] == Code.WALLET_NOT_FOUND
    for _ in range(shard.capacity.orders):
        assert imported(shard, holder, payee, DUE, 0)["code"] == Code.OK
    assert imported(shard, holder, payee, DUE, 0)["code"] == Code.ORDERS_FULL


@pytest.mark.parametrize(
    "edge",
    [
        {"effective_time": START, "expiry": START, "paid_at": START},
        {"paid_at": USED},
        {"expiry": USED, "paid_at": 0},
        {"amount": AMOUNT_MAX},
    ],
    ids=str,
)
def test_what_can_just_have_been_comes_in(edge: dict[str, int]) -> None:
    shard = OneShard()
    holder, payee = shard.wallet(), shard.wallet()
    assert imported(shard, holder, payee, DUE, DUE, **edge)["code"] == Code.OK
    assert differences(shard) == []


def test_a_holder_with_as_many_open_orders_as_its_row_counts_gets_no_more() -> None:
    shard = OneShard()
    holder, payee = shard.wallet(), shard.wallet()
    row = shard.core.ledger.credit.row(shard.core.ledger.book, holder)
    row["open"] = OPEN_MAX
    assert imported(shard, holder, payee, DUE, 0)["code"] == Code.TOO_MANY_ORDERS
    row["open"] = OPEN_MAX - 1
    assert imported(shard, holder, payee, DUE, 0)["code"] == Code.OK
    assert shard.credit(K.CONSENT_GRANTED, holder, expiry=START + DAY_MS)["code"] == Code.OK
    assert shard.credit(K.ORDER_CREATED, holder, **MORE, payee=payee)["code"] == Code.TOO_MANY_ORDERS


MORE = {"amount": 5, "expiry": START + DAY_MS, "open_max": 255}
