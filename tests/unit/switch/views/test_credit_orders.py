"""What is told of an order that was late: nothing once that was deleted, corrected, or is too long ago."""

from typing import Any

import pytest

from actors.records.credit_layout import OrderKind, OrderState
from actors.records.layout import ORDER_KIND, ORDER_STATE, RECORD, Kind
from actors.records.secret import Secret
from switch.views.credit_cases import Dispute
from switch.views.credit_orders import OrderNames, order_answer
from switch.views.credit_records import CreditDetails, CreditRecord

SECRET = Secret.of(bytes(range(16)))
NOON = 1_795_521_600_000
LIFE = (
    (Kind.ORDER_CREATED, OrderState.CONFIRMED),
    (Kind.ORDER_COMPLETED, OrderState.DUE),
    (Kind.ORDER_OVERDUE, OrderState.OVERDUE),
    (Kind.ORDER_DEFAULTED, OrderState.DEFAULTED),
    (Kind.ORDER_CURED, OrderState.PAID),
)


def found(at: int, kind: Kind, state: OrderState) -> CreditRecord:
    record: dict[str, Any] = dict.fromkeys(RECORD.names or (), 0)
    record |= {"kind": int(kind), "payer": 5, "payee": 6, "amount": 7, "currency": 978, "record_time": NOON + at}
    record |= {
        "effective_time": NOON + at,
        "expiry": NOON,
        ORDER_KIND: int(OrderKind.PAY_LATER),
        ORDER_STATE: int(state),
    }
    return CreditRecord(100 + at, record, CreditDetails())


def shown(upto: int, since: int = 0, **dispute: str) -> tuple[str, list[str]]:
    """Status and steps of an order after so many records."""
    disputes = [Dispute("d", dispute["status"], "then")] if dispute else []
    names = OrderNames(scenario="s", merchant="m", receipt="r", times={}, disputes=disputes, since=since)
    made, *steps = [found(at, *each) for at, each in enumerate(LIFE[:upto])]
    answer = order_answer(SECRET, made, steps, names)
    return answer.status, [each.step for each in answer.steps]


@pytest.mark.parametrize("status", ["deleted", "corrected"])
def test_what_was_cleared_is_not_told(status: str) -> None:
    assert shown(3, status=status) == shown(4, status=status) == ("due", ["created", "completed"])
    assert shown(5, status=status) == ("paid", ["created", "completed", "paid"])


@pytest.mark.parametrize("status", ["open", "kept", "reinserted"])
def test_what_was_not_cleared_is_told(status: str) -> None:
    assert shown(4, status=status) == shown(4) == ("defaulted", ["created", "completed", "overdue", "defaulted"])
    assert shown(5) == ("paid", ["created", "completed", "overdue", "defaulted", "cured"])


def test_what_is_too_long_ago_is_not_told() -> None:
    assert shown(4, since=NOON + 3) == ("defaulted", ["created", "completed", "defaulted"])
    assert shown(4, since=NOON + 4) == ("due", ["created", "completed"])
    assert shown(2, since=NOON + 4) == ("due", ["created", "completed"])
