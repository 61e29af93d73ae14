"""Service orders: made on a receipt, confirmed by the holder, completed by the merchant, paid.

What a call may do in which state is the shard's table (actors/ledger/orders.py); here it is known whose order it is and what the receipt
allows.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET

from actors.ledger.orders import BY_HOLDER
from actors.records.codes import Code
from actors.records.credit_layout import InquiryResult
from actors.records.ids import transfer_id
from actors.records.layout import ACCOUNT, GRANTED, RESULT_OF_INQUIRY, SCENARIO, TRANSFER_AT, Kind, WalletStatus
from rules.scenarios.document import WITH_ORDERS
from rules.vocabulary.columns import DAY_MS
from rules.vocabulary.currencies import ALPHA
from rules.vocabulary.times import time_ms
from switch.api.credit_cases import disputes_of
from switch.api.credit_services import OrderServices
from switch.api.credit_shared import (
    body_hash,
    credit_row,
    holder_shard,
    record_named,
    recorded,
    scenario_of,
    states,
    submit,
    wallet_address,
)
from switch.api.route import KEY, WRITE, Route, named
from switch.api.scenario_catalogue import LoadedScenario
from switch.gateway.credit_queue import CreditAnswer, CreditRow
from switch.gateway.encode import currency_number
from switch.http.access import Access
from switch.http.auth import HOLDER, MERCHANT, PARTIES
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.decoding import BILL, EMPTY, LOWERED_CAP, NEW_ORDER, decode
from switch.http.schema import NUMBER_CHARACTERS, PRINTED, Bill, Empty, LoweredCap, NewOrder
from switch.http.times import now_ms
from switch.problems.table import NUMBERS, ProblemError, invalid_field, invalid_query
from switch.views.credit_orders import KINDS, OrderAnswer, OrderNames, order_answer, transfers_of
from switch.views.credit_records import CreditDetails, CreditRecord, Item, credit_details
from switch.views.representations import json_response, recorded_response

DUE_DAYS: Final = 30
"""When an order is due that says nothing of it."""
DUE_DAYS_MAX: Final = 730
DAY_S: Final = 86_400
KIND_NUMBERS: Final = {name: number for number, name in KINDS.items()}
_CALLS: Final = {
    "confirm": Kind.ORDER_CONFIRMED,
    "cancel": Kind.ORDER_CANCELLED,
    "paid-elsewhere": Kind.ORDER_PAID_ELSEWHERE,
    "pay": Kind.ORDER_PAID,
}


class OrderList(msgspec.Struct, frozen=True):
    """A page of service orders, newest first."""

    data: list[OrderAnswer]
    has_more: bool
    next: str | None


# Making.


async def create_order(services: OrderServices, call: Call) -> web.Response:
    """POST /v1/credit/orders."""
    deadline, given = services.deadline(), call.given_key()
    body = decode(NEW_ORDER, await call.json_body(services.limits.json_bytes_max))
    account = call.principal.account
    digest = body_hash(msgspec.to_builtins(body))
    if given is not None and not await services.batch_keys.use(account, given, digest.to_bytes(16, "little")):
        raise ProblemError("idempotency_mismatch", "The body differs from that of the first request under this key.")
    inquiry = await record_named(services, body.receipt, "receipt_not_found", Kind.INQUIRY)
    if inquiry.record[ACCOUNT] != account:
        raise ProblemError("receipt_not_found")
    there = await services.order_numbers.find(account, body.number)
    if not there:
        row = await _new_row(services, call, body, inquiry, await scenario_of(services, inquiry), digest)
        there = await _taken(services, account, body.number, inquiry.address)
    if there:
        return await _made_before(services, there, digest)
    details = credit_details(CreditDetails(number=body.number, introduction=body.introduction))
    shard = await holder_shard(services, inquiry.record["payer"])

    async def looked_at(row: CreditRow, answer: CreditAnswer | None = None) -> CreditRow:
        """The shard keeps no receipts: the row names the head of the holder's chain under which this one was read, and no other order on
        it. A number is given back when its order is not in the journal for a minute, and that order may come later still."""
        (state,) = await states(services, shard, [(inquiry.record["payer"], 0, 0, 0)])
        await record_named(services, body.receipt, "receipt_not_found", Kind.INQUIRY)
        about = (await services.credit_history.about_many([inquiry.address]))[inquiry.address]
        if any(each.record["digest"] != digest for each in about):
            raise ProblemError("receipt_refused", "Another order was made on this receipt.")
        row = row.copy()
        row["seen"] = state["credit"]["head"]
        return row

    answer = await submit(services, shard, await looked_at(row), details, deadline, looked_at)
    found = await recorded(services, answer, digest)
    await services.order_numbers.made(account, body.number, inquiry.address, found.address)
    return await _created(services, found, replayed=answer.replayed)


async def _taken(services: OrderServices, account: int, number: str, receipt: int) -> int:
    """Take the number and the receipt; gives the order that was made of just these, 0 when there is none yet. Raises ProblemError when
    another has either."""
    for taken in await services.order_numbers.take(account, number, receipt):
        if taken.number != number:
            raise ProblemError("receipt_refused", "Another order was made on this receipt.")
        if taken.receipt != receipt:
            raise ProblemError("order_number_taken")
        return taken.record
    return 0


async def _made_before(services: OrderServices, address: int, digest: int) -> web.Response:
    (found,) = await services.credit_history.many([address])
    if found.record["digest"] != digest:
        raise ProblemError("order_number_taken", "The order with this number was made with another body.")
    return await _created(services, found, replayed=True)


async def _created(services: OrderServices, found: CreditRecord, *, replayed: bool) -> web.Response:
    (shown,) = await _shown(services, [found])
    return recorded_response("/v1/credit/orders", shown, replayed=replayed)


async def _new_row(
    services: OrderServices, call: Call, body: NewOrder, inquiry: CreditRecord, loaded: LoadedScenario, digest: int
) -> CreditRow:
    """The row that makes the order; its key follows from number and receipt, so that no two requests make it twice."""
    record, terms, now = inquiry.record, loaded.scenario.terms, now_ms()
    if record[RESULT_OF_INQUIRY] != InquiryResult.YES:
        raise ProblemError("receipt_refused", "The answer was not yes.")
    if record["expiry"] <= now:
        raise ProblemError("receipt_expired")
    if loaded.scenario.kind not in WITH_ORDERS or body.kind != loaded.scenario.kind:
        raise invalid_field("kind", f"the receipt's scenario is of the kind {loaded.scenario.kind}")
    if body.cap > record[GRANTED]:
        raise ProblemError("receipt_refused", f"The answer granted {record[GRANTED]}, less than the cap.")
    payee = await _payee(services, call, body, record["payer"])
    key = hashlib.blake2b(f"{inquiry.address} {body.number}".encode(), digest_size=16).digest()
    row = credit_row(Kind.ORDER_CREATED, call.principal, key, digest)
    row["kind"], row["scenario"], row["reference"] = KIND_NUMBERS[body.kind], record[SCENARIO], inquiry.address
    row["holder"] = row["home"] = record["payer"]
    row["payee"], row["amount"], row["open_max"] = payee, body.cap, terms.open_orders
    row["expiry"], row["confirm_by"] = _due(body, now), now + terms.confirm_days * DAY_MS
    row["default_after_s"], row["valid_until"] = terms.default_days * DAY_S, record["expiry"]
    return row


async def _payee(services: OrderServices, call: Call, body: NewOrder, holder: int) -> int:
    """Address of the wallet that will be paid: the merchant's own, in the holder's currency. Raises ProblemError."""
    payee = wallet_address(services, body.payee, "payee")
    if payee == 0 or payee == holder or not await services.access.owns(call.principal.bound, payee):
        raise ProblemError("payee_not_found")
    currency = currency_number(body.currency, "currency")
    balances = await services.balances([payee, holder])
    if payee not in balances or holder not in balances:
        raise ProblemError("payee_not_found")
    if balances[holder].currency != currency:
        raise invalid_field("currency", f"the holder's wallet is in {ALPHA[balances[holder].currency]}")
    if balances[payee].status == WalletStatus.CLOSED:
        raise ProblemError("payee_closed")
    if balances[payee].currency != currency:
        raise invalid_field("payee", f"the wallet is in {ALPHA[balances[payee].currency]}")
    return payee


def _due(body: NewOrder, now: int) -> int:
    if body.due_at is UNSET:
        return now + DUE_DAYS * DAY_MS
    try:
        due = time_ms(body.due_at)
    except ValueError as error:
        raise invalid_field("due_at", str(error)) from None
    if not now < due <= now + DUE_DAYS_MAX * DAY_MS:
        raise invalid_field("due_at", f"a time within the next {DUE_DAYS_MAX} days is expected")
    return due


# Calls on an order.


async def change_order(services: OrderServices, call: Call) -> web.Response:
    """POST /v1/credit/orders/{id}/confirm and /pay by the holder, /cancel and /paid-elsewhere by the merchant. What cannot be paid is a
    problem, and an attempt of the order."""
    kind = _CALLS[call.request.match_info["change"]]
    deadline, key = services.deadline(), call.key_or_random()
    decode(EMPTY, await call.json_body(services.limits.json_bytes_max) or b"{}")
    return await _change(services, call, kind, 0, None, key, deadline)


async def modify_order(services: OrderServices, call: Call) -> web.Response:
    """POST /v1/credit/orders/{id}/modify: the cap, down, once."""
    deadline, key = services.deadline(), call.key_or_random()
    body = decode(LOWERED_CAP, await call.json_body(services.limits.json_bytes_max))
    return await _change(services, call, Kind.ORDER_MODIFIED, body.cap, None, key, deadline)


async def complete_order(services: OrderServices, call: Call) -> web.Response:
    """POST /v1/credit/orders/{id}/complete: the bill, collected at once or owed from now on."""
    deadline, key = services.deadline(), call.key_or_random()
    body = decode(BILL, await call.json_body(services.limits.json_bytes_max))
    discounts = [] if body.discounts is UNSET else body.discounts
    amount = sum(item.amount for item in body.items) - sum(item.amount for item in discounts)
    if amount < 0:
        raise invalid_field("discounts", "more is taken off than the items come to")
    if amount >= 2**53:
        raise ProblemError("cap_exceeded")
    details = credit_details(CreditDetails(items=_items(body.items), discounts=_items(discounts)))
    return await _change(services, call, Kind.ORDER_COMPLETED, amount, details, key, deadline)


def _items(lines: Sequence[msgspec.Struct]) -> list[Item]:
    return [msgspec.convert(msgspec.to_builtins(line), Item) for line in lines]


async def _change(
    services: OrderServices, call: Call, kind: Kind, amount: int, details: bytes | None, key: bytes, deadline: float
) -> web.Response:
    found = await _own(services, call, kind in BY_HOLDER, kind not in BY_HOLDER)
    record = found.record
    digest = body_hash(found.address, int(kind), amount, details)
    row = credit_row(kind, call.principal, key, digest)
    row["account"], row["scenario"], row["reference"] = record[ACCOUNT], record[SCENARIO], found.address
    row["holder"] = row["home"] = record["payer"]
    row["amount"] = amount
    answer = await submit(services, await holder_shard(services, record["payer"]), row, details, deadline)
    if answer.code == Code.ORDER_NOT_FOUND:
        raise ProblemError("order_state", "The order is over.")
    made = await recorded(services, answer, digest)
    if (
        kind == Kind.ORDER_PAID and made.record["kind"] == Kind.ORDER_ATTEMPT
    ):  # of a repeat, which has no code of its own
        tried = await services.history.transfer(made.record[TRANSFER_AT])
        assert tried is not None, "the transfer is in the unit of its attempt"
        raise ProblemError(NUMBERS[tried.record["code"]], replayed=True)
    (shown,) = await _shown(services, [found])
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
    return json_response(msgspec.structs.replace(shown, replayed=True) if answer.replayed else shown, 200, headers)


async def _own(services: OrderServices, call: Call, by_holder: bool, by_merchant: bool) -> CreditRecord:
    """The order whose id is in the path, if the caller is its holder or its merchant, as may be. Raises ProblemError order_not_found."""
    found = await record_named(services, call.request.match_info["id"], "order_not_found", Kind.ORDER_CREATED)
    principal = call.principal
    merchant = by_merchant and "merchant" in principal.scopes and found.record[ACCOUNT] == principal.account
    if not merchant and not (by_holder and await services.access.holds(principal, found.record["payer"])):
        raise ProblemError("order_not_found")
    return found


# Showing.


async def get_order(services: OrderServices, call: Call) -> web.Response:
    """GET /v1/credit/orders/{id}."""
    call.query()
    (shown,) = await _shown(services, [await _own(services, call, True, True)])
    return json_response(shown)


async def list_orders(services: OrderServices, call: Call) -> web.Response:
    """GET /v1/credit/orders?number= or ?wallet=: a merchant's own, or all of a holder's wallet."""
    query, principal = call.query(), call.principal
    merchant = "merchant" in principal.scopes
    if "number" in query:
        if not merchant or "wallet" in query:
            raise invalid_query("number", "a merchant asks by its own number, and by nothing else beside it")
        number = query["number"]
        if len(number) > NUMBER_CHARACTERS or not re.match(PRINTED, number):
            raise invalid_query("number", f"text of one line is expected, at most {NUMBER_CHARACTERS} characters")
        address = await services.order_numbers.find(principal.account, number)
        found = await services.credit_history.many([address] if address else [])
        return json_response(OrderList(await _shown(services, found), False, None))
    if "wallet" not in query and not merchant:
        raise invalid_query("wallet", "the parameter is needed")
    wallet = wallet_address(services, query["wallet"]) if "wallet" in query else 0
    holder = wallet != 0 and await services.access.holds(principal, wallet)
    if not holder and not merchant:
        raise ProblemError("wallet_not_found")
    limit, scope = page_limit(query), f"orders {wallet} {holder} {principal.account}"
    before = decode_cursor(services.secret, scope, query["after"]) if "after" in query else 0
    history, kind = services.credit_history, Kind.ORDER_CREATED
    if "wallet" in query:
        only = None if holder else principal.account
        page = await history.of_wallet(wallet, kind, before, limit + 1, only)
    else:
        page = await history.of_account(principal.account, kind, before, limit + 1)
    more = len(page) > limit
    following = encode_cursor(services.secret, scope, page[limit - 1].address) if more else None
    return json_response(OrderList(await _shown(services, page[:limit]), more, following))


async def _shown(services: OrderServices, found: Sequence[CreditRecord]) -> list[OrderAnswer]:
    if not found:
        return []
    history = services.credit_history
    accounts = await services.keys.accounts(each.record[ACCOUNT] for each in found)
    about = await history.about_many([each.address for each in found])
    wanted_receipts = sorted({each.record["reference"] for each in found} - {0})
    receipts = {each.address: each for each in await history.many(wanted_receipts)}
    wanted = [at for steps in about.values() for at in transfers_of(steps)]
    times = await services.history.record_times(wanted) if wanted else {}
    disputes = await disputes_of(services, [each.address for each in found])
    since = now_ms() - services.law.negative_ms
    shown = []
    for each in found:
        receipt = receipts.get(each.record["reference"])
        names = OrderNames(
            scenario=(await scenario_of(services, receipt or each)).stored.name,
            merchant=accounts.get(each.record[ACCOUNT], ""),
            receipt=transfer_id(services.secret, receipt.record["record_time"], receipt.address) if receipt else UNSET,
            times=times,
            disputes=disputes[each.address],
            since=since,
        )
        shown.append(order_answer(services.secret, each, about[each.address], names))
    return shown


_CHANGING: Final = (
    KEY
    | WRITE
    | {"order_not_found", "wallet_not_found"}
    | named(
        Code.CAP_EXCEEDED,
        Code.CURRENCY_MISMATCH,
        Code.ORDER_CHANGED,
        Code.ORDER_STATE,
        Code.PAYEE_NOT_FOUND,
        Code.PAYER_NOT_FOUND,
        Code.SAME_WALLET,
        Code.BALANCE_OUT_OF_RANGE,
        Code.DAILY_LIMIT_EXCEEDED,
        Code.INSUFFICIENT_FUNDS,
        Code.PAYEE_CLOSED,
        Code.PAYER_CLOSED,
        Code.PAYER_FROZEN,
    )
)

ROUTES: Final = (
    Route(
        "POST",
        "/v1/credit/orders",
        "Make a service order on a receipt that said yes.",
        MERCHANT,
        Access.PARTY,
        create_order,
        answer=OrderAnswer,
        bodies=(NewOrder,),
        problems=KEY
        | WRITE
        | {"order_number_taken", "payee_not_found", "receipt_not_found", "receipt_refused", "wallet_not_found"}
        | named(Code.CONSENT_NOT_FOUND, Code.ORDERS_FULL, Code.PAYEE_CLOSED, Code.RECEIPT_EXPIRED)
        | named(Code.TOO_MANY_ORDERS, Code.WALLET_CLOSED),
    ),
    Route(
        "GET",
        "/v1/credit/orders",
        "List service orders: a merchant's own, or all of a holder's wallet.",
        PARTIES,
        Access.PARTY,
        list_orders,
        answer=OrderList,
        query=("number", "wallet", "limit", "after"),
        problems=frozenset({"invalid_field", "wallet_not_found"}),
    ),
    Route(
        "GET",
        "/v1/credit/orders/{id}",
        "A service order: where it stands and how it came there.",
        PARTIES,
        Access.PARTY,
        get_order,
        answer=OrderAnswer,
        problems=frozenset({"order_not_found"}),
    ),
    Route(
        "POST",
        "/v1/credit/orders/{id}/modify",
        "Lower an order's cap, once.",
        MERCHANT,
        Access.PARTY,
        modify_order,
        answer=OrderAnswer,
        bodies=(LoweredCap,),
        problems=_CHANGING,
    ),
    Route(
        "POST",
        "/v1/credit/orders/{id}/complete",
        "Complete an order with its bill, and collect it.",
        MERCHANT,
        Access.PARTY,
        complete_order,
        answer=OrderAnswer,
        bodies=(Bill,),
        problems=_CHANGING,
    ),
    Route(
        "POST",
        "/v1/credit/orders/{id}/{change:cancel|paid-elsewhere}",
        "Cancel an order, or say that it was paid in another way.",
        MERCHANT,
        Access.PARTY,
        change_order,
        answer=OrderAnswer,
        bodies=(Empty,),
        problems=_CHANGING,
    ),
    Route(
        "POST",
        "/v1/credit/orders/{id}/{change:confirm|pay}",
        "Confirm an order, or pay what is owed of it.",
        HOLDER,
        Access.PARTY,
        change_order,
        answer=OrderAnswer,
        bodies=(Empty,),
        problems=_CHANGING,
    ),
)
