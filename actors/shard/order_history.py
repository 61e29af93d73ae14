"""Service orders of the past come in with their own times.

An order that was made and used elsewhere is one unit of records. It needs no receipt and no consent, since nobody asks about it here: its
importer states what happened. What was paid was paid elsewhere, so no money moves. What is still owed is owed from now on as that of any
other order: it becomes overdue, and is collected, by the same clocks.
"""

from typing import Any, Final

import numpy as np

from actors.ledger.ledger import Ledger
from actors.ledger.orders import ATTEMPTS_AFTER_MS, ends_at
from actors.records.codes import Code
from actors.records.credit_layout import OrderKind, OrderState
from actors.records.layout import (
    ACCOUNT,
    AMOUNT_MAX,
    CONFIRM_BY,
    DEFAULT_AFTER,
    FLAG_IMPORTED,
    ORDER_KIND,
    ORDER_STATE,
    RECORD,
    SCENARIO,
    SCENARIO_VERSION,
    Kind,
    WalletStatus,
)

OPEN_MAX: Final = 255
"""Orders of a holder that are not over, as its row counts them."""
_KINDS: Final = frozenset(OrderKind)


def order_history(ledger: Ledger, row: Any, address: int) -> list[Any] | Code:
    """The records of a past order, the first of which will be at `address`. `row`: with the time at which the order was used in
    `effective_time`, its amount, its due time in `expiry`, and `paid_at`, 0 = it is still owed."""
    now, used, due, paid = (
        ledger.record_time,
        *(int(row[name]) for name in ("effective_time", "expiry", "paid_at")),
    )
    wallet = ledger.wallet(int(row["holder"]))
    if wallet is None:
        return Code.WALLET_NOT_FOUND
    if wallet["status"][0] == WalletStatus.CLOSED:
        return Code.WALLET_CLOSED
    if used > now or paid > now:
        return Code.EFFECTIVE_TIME_IN_FUTURE
    if not (0 < used <= due and (paid == 0 or paid >= used)) or int(row["kind"]) not in _KINDS:
        return Code.INVALID_REQUEST
    if not 0 < int(row["amount"]) <= AMOUNT_MAX:
        return Code.INVALID_REQUEST
    if ledger.credit.row(ledger.book, int(row["holder"]))["open"] >= OPEN_MAX:
        return Code.TOO_MANY_ORDERS
    if not ledger.credit.has_order_room:
        return Code.ORDERS_FULL
    created = _created(row, int(wallet["currency"][0]), now)
    return [created, *_steps(created, address, paid, now)]


def _created(row: Any, currency: int, now: int) -> Any:
    record = np.zeros(1, RECORD)[0]
    record["kind"], record["flags"] = Kind.ORDER_CREATED, FLAG_IMPORTED
    record["payer"], record["payee"], record["currency"] = row["holder"], row["payee"], currency
    record[ACCOUNT], record[SCENARIO], record[SCENARIO_VERSION] = row["account"], row["scenario"], row["version"]
    record["amount"], record["expiry"], record[CONFIRM_BY] = row["amount"], row["expiry"], row["effective_time"]
    record[ORDER_KIND], record[DEFAULT_AFTER] = row["kind"], row["default_after_s"]
    record[ORDER_STATE] = OrderState.CONFIRMED
    record["record_time"], record["effective_time"] = now, row["effective_time"]
    return record


def _steps(created: Any, address: int, paid: int, now: int) -> list[Any]:
    """The steps after its creation: used, overdue, defaulted, paid, each at its own time."""
    due = int(created["expiry"])
    default_after_s = int(created[DEFAULT_AFTER])
    defaults, written_off = (
        ends_at(state, due, default_after_s) for state in (OrderState.OVERDUE, OrderState.DEFAULTED)
    )
    until = paid - 1 if paid else now  # whoever pays at the due time pays on time
    steps = [(Kind.ORDER_COMPLETED, OrderState.DUE, int(created["effective_time"]), due)]
    if until >= due:
        steps.append((Kind.ORDER_OVERDUE, OrderState.OVERDUE, due, min(max(defaults, now), now + ATTEMPTS_AFTER_MS[0])))
    if until >= defaults:
        steps.append((Kind.ORDER_DEFAULTED, OrderState.DEFAULTED, defaults, written_off))
    if paid:
        steps.append((Kind.ORDER_PAID_ELSEWHERE, OrderState.PAID_ELSEWHERE, paid, 0))
    return [_step(created, address, *step, now) for step in steps]


def _step(created: Any, address: int, kind: Kind, state: OrderState, at: int, expiry: int, now: int) -> Any:
    record = np.zeros(1, RECORD)[0]
    for name in ("payer", "payee", "currency", ACCOUNT, SCENARIO, ORDER_KIND, "amount"):
        record[name] = created[name]
    record["kind"], record["flags"], record["reference"] = kind, FLAG_IMPORTED, address
    record[ORDER_STATE], record["expiry"] = state, expiry
    record["record_time"], record["effective_time"] = now, at
    return record
