"""Service orders of the past: what became of those made elsewhere, each once.

An order is known by its merchant and the merchant's own number. It needs neither a receipt nor a consent, and moves no money: what was paid
was paid elsewhere. What is still owed is owed here from now on.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.codes import Code
from actors.records.ids import transfer_id
from actors.records.layout import Kind
from actors.stores.order_numbers import Taken, Taking
from rules.scenarios.document import WITH_ORDERS
from rules.vocabulary.times import time_ms
from switch.api.credit_orders import DAY_S, KIND_NUMBERS
from switch.api.credit_services import OrderImportServices
from switch.api.credit_shared import NO_MERCHANT, body_hash, credit_row, submit, wallet_address
from switch.api.route import BODY, WRITE, Route, named
from switch.api.scenario_catalogue import LoadedScenario
from switch.api.scenarios import scenario_named
from switch.gateway.credit_queue import CreditAnswer, CreditRow
from switch.http.access import Access
from switch.http.auth import IMPORT
from switch.http.call import Call
from switch.http.decoding import PAST_ORDERS, decode
from switch.http.schema import PastOrder, PastOrders
from switch.http.times import now_ms
from switch.problems.table import NUMBERS, ProblemError, invalid_field
from switch.views.credit_orders import STATES
from switch.views.credit_records import CreditDetails, credit_details
from switch.views.representations import json_response

STEP_ORDERS: Final = 64
"""Orders looked at in a turn of the event loop, some 2 ms."""


PAGE_ORDERS: Final = 100


class OrderResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one order of a batch: `code` is `ok`, or a problem's."""

    id: str | None
    status: str | None
    code: str
    replayed: bool | UnsetType = UNSET


class OrderResults(msgspec.Struct, frozen=True):
    """In the order of the request."""

    results: list[OrderResult]


class OrdersChecked(msgspec.Struct, frozen=True, kw_only=True):
    """How many orders an import would take."""

    count: int


class _Past(NamedTuple):
    """A checked order. `holder`, `payee`: addresses, 0 for ids of nobody."""

    row: CreditRow
    taking: Taking
    details: bytes | None


async def import_orders(services: OrderImportServices, call: Call) -> web.Response:
    """POST /v1/credit/orders/import."""
    orders = await _orders(services, call)
    async with services.batches.place(call.principal.account):
        past = await _all_checked(services, call, orders)
        taken = await services.order_numbers.take_all([each.taking for each in past])
        made = await asyncio.gather(*(_one(services, each, there) for each, there in zip(past, taken, strict=True)))
        await services.order_numbers.made_all(
            [
                (each.taking, answer.address)
                for each, answer in zip(past, made, strict=True)
                if isinstance(answer, CreditAnswer) and answer.code == Code.OK
            ]
        )
        return json_response(OrderResults(await _results(services, past, made)))


async def check_orders(services: OrderImportServices, call: Call) -> web.Response:
    """POST /v1/dry-runs/credit/orders/import: before a wallet is opened for them."""
    orders = await _orders(services, call)
    async with services.batches.place(call.principal.account):
        await _all_checked(services, call, orders, opened=False)
    return json_response(OrdersChecked(count=len(orders)))


async def _orders(services: OrderImportServices, call: Call) -> Sequence[PastOrder]:
    body = decode(PAST_ORDERS, await call.json_body(services.limits.json_bytes_max))
    if not body.orders:
        raise invalid_field("orders", "at least one is expected")
    return body.orders


async def _all_checked(
    services: OrderImportServices, call: Call, orders: Sequence[PastOrder], *, opened: bool = True
) -> list[_Past]:
    """`opened`: the payees are there. Raises ProblemError."""
    past = []
    for at, order in enumerate(orders):
        if at % STEP_ORDERS == 0:
            await asyncio.sleep(0)
        past.append(await _checked(services, call, order, f"orders[{at}].", opened=opened))
    return past


async def _checked(services: OrderImportServices, call: Call, order: PastOrder, path: str, *, opened: bool) -> _Past:
    """Raises ProblemError invalid_field with the order's place."""
    account = await services.merchants.get(order.merchant)
    if account is None:
        raise invalid_field(f"{path}merchant", NO_MERCHANT)
    loaded = await scenario_named(services, order.scenario)
    if loaded.scenario.kind not in WITH_ORDERS:
        raise invalid_field(f"{path}scenario", "it is one without orders")
    digest = body_hash(msgspec.to_builtins(order))
    name = hashlib.blake2b(f"past {account} {order.number}".encode(), digest_size=16).digest()
    row = credit_row(Kind.ORDER_CREATED, call.principal, name, digest)
    holder, payee = (wallet_address(services, getattr(order, field), f"{path}{field}") for field in ("wallet", "payee"))
    if (opened and payee in (0, holder)) or order.payee == order.wallet:
        raise invalid_field(f"{path}payee", "a wallet of the merchant is expected")
    _fill(row, order, loaded, path)
    row["account"], row["holder"], row["home"], row["payee"] = account, holder, holder, payee
    row["caller"] = account  # its key is the order's, whoever imports it
    words = 1 + (int.from_bytes(name[:8], "little") >> 2)
    details = credit_details(
        CreditDetails(
            number=order.number, introduction=None if order.introduction is UNSET else order.introduction or None
        )
    )
    return _Past(row, Taking(account, order.number, -words), details)


def _fill(row: CreditRow, order: PastOrder, loaded: LoadedScenario, path: str) -> None:
    row["kind"], row["amount"] = KIND_NUMBERS[loaded.scenario.kind], order.amount
    row["scenario"], row["version"] = loaded.stored.number, loaded.stored.version
    row["effective_time"] = _time(order.created_at, f"{path}created_at")
    row["expiry"] = _time(order.due_at, f"{path}due_at", future=True)
    row["paid_at"] = 0 if order.paid_at is UNSET else _time(order.paid_at, f"{path}paid_at")
    if row["expiry"] < row["effective_time"]:
        raise invalid_field(f"{path}due_at", "it is before `created_at`")
    if 0 < row["paid_at"] < row["effective_time"]:
        raise invalid_field(f"{path}paid_at", "it is before `created_at`")
    row["default_after_s"] = loaded.scenario.terms.default_days * DAY_S


def _time(text: str, path: str, *, future: bool = False) -> int:
    try:
        found = time_ms(text)
    except ValueError as error:
        raise invalid_field(path, str(error)) from None
    if found <= 0 or (found > now_ms() and not future):
        raise invalid_field(path, "a time of the past is expected")
    return found


async def _one(services: OrderImportServices, past: _Past, taken: Taken | None) -> CreditAnswer | str:
    """The answer of the holder's shard, or the code of a problem. What was made before is not asked for again: keys are forgotten."""
    if taken is None:
        return "order_number_taken"
    holder = int(past.row["holder"][0])
    made = taken.record if taken.record or taken.receipt else await _made_long_ago(services, past, holder)
    if made:
        return CreditAnswer(Code.OK, True, 0, made, 0, 0)
    shard = await services.topology.owner_of(holder) if holder > 0 else -1
    if shard < 0:
        return NUMBERS[Code.WALLET_NOT_FOUND]
    try:
        return await submit(services, shard, past.row, past.details, services.deadline())
    except ProblemError as error:
        return error.code


async def _made_long_ago(services: OrderImportServices, past: _Past, holder: int) -> int:
    """Address of an order whose number was taken long ago by a request that did not live to say what it made; 0: it made nothing."""
    before = 0
    while True:
        page = await services.credit_history.of_wallet(
            holder, Kind.ORDER_CREATED, before, PAGE_ORDERS, past.taking.account
        )
        for each in page:
            if each.record["digest"] == past.row["digest"][0]:
                return each.address
        if len(page) < PAGE_ORDERS:
            return 0
        before = page[-1].address


async def _results(
    services: OrderImportServices, past: Sequence[_Past], made: Sequence[CreditAnswer | str]
) -> list[OrderResult]:
    """A repeat says what was recorded first, if that was the same order."""
    again = [each.address for each in made if isinstance(each, CreditAnswer) and each.replayed]
    there = {each.address: each.record for each in await services.credit_history.many(sorted(set(again)))}
    results = []
    for each, answer in zip(past, made, strict=True):
        if isinstance(answer, str) or answer.code != Code.OK:
            code = answer if isinstance(answer, str) else NUMBERS[answer.code]
            results.append(OrderResult(id=None, status=None, code=code))
            continue
        record = there.get(answer.address)
        if not answer.replayed:
            identity = transfer_id(services.secret, answer.record_time, answer.address)
            results.append(OrderResult(id=identity, status=STATES[answer.state], code="ok"))
        elif record is not None and record["digest"] == each.row["digest"][0]:
            identity = transfer_id(services.secret, record["record_time"], answer.address)
            results.append(OrderResult(id=identity, status=None, code="ok", replayed=True))
        else:
            results.append(OrderResult(id=None, status=None, code="order_number_taken"))
    return results


ROUTES: Final = (
    Route(
        "POST",
        "/v1/credit/orders/import",
        "Record service orders of the past with their own times, up to 1,000, each once.",
        frozenset({IMPORT}),
        Access.REFUSED,
        import_orders,
        answer=OrderResults,
        bodies=(PastOrders,),
        problems=BODY | WRITE | {"scenario_not_found"} | named(Code.BUSY),
        long=True,
    ),
    Route(
        "POST",
        "/v1/dry-runs/credit/orders/import",
        "Check service orders of the past as an import would, and record nothing.",
        frozenset({IMPORT}),
        Access.REFUSED,
        check_orders,
        answer=OrdersChecked,
        bodies=(PastOrders,),
        problems=BODY | {"scenario_not_found"} | named(Code.BUSY),
        long=True,
        asks=True,
    ),
)
