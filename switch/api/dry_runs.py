"""What a payment would become if it were made now: its decision and the balances after it.

Nothing is recorded, counted or remembered. It says what the shard of the payer would answer at that moment; another payment may come
before the real one.
"""

import os
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.codes import Code, is_declined
from actors.records.secret import Secret
from actors.rpc.interface import ShardClient
from switch.api.after import check_after
from switch.api.resulting_balances import BalanceServices, balances_after
from switch.api.route import WRITE, Route, named
from switch.api.services import Limits, deadline_problem
from switch.api.transfers import HomeServices, check_ids, home_of_payment
from switch.fairness.shares import Places
from switch.gateway.encode import after_address, transfer_row
from switch.gateway.previews import previewed
from switch.gateway.write_queue import DeadlineExceeded
from switch.http.access import Access
from switch.http.auth import PAY
from switch.http.call import Call
from switch.http.decoding import TRANSFER, decode
from switch.http.schema import Transfer
from switch.problems.table import NO_PROBLEM, NUMBERS, PROBLEMS, ProblemError
from switch.views.pack_names import PackCatalogue
from switch.views.representations import Balances, Decision, json_response, refusal, result_decision, too_low
from switch.views.statement import History


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of a payment, and what its wallets would hold then."""

    status: str
    code: str
    detail: str | UnsetType = UNSET
    decision: Decision | None
    balances: Balances


class DryRunServices(HomeServices, BalanceServices, Protocol):
    """What these handlers use of the front door."""

    secret: Secret
    limits: Limits
    pages: Places
    history: History
    catalogue: PackCatalogue
    clients: Sequence[ShardClient]

    def deadline(self) -> float:
        """`Services.deadline`."""

    def address(self, text: str) -> int:
        """`Services.address`."""


async def try_transfer(services: DryRunServices, call: Call) -> web.Response:
    """POST /v1/dry-runs/transfers."""
    deadline = services.deadline()
    caller = call.caller()
    transfer = decode(TRANSFER, await call.json_body(services.limits.json_bytes_max))
    payer, payee = services.address(transfer.payer), services.address(transfer.payee)
    check_ids(payer, payee, "")
    after = after_address(services.secret, transfer)
    row, _ = transfer_row(transfer, payer, payee, after, os.urandom(16), caller)
    if not await services.access.owns(call.principal.bound, payer):
        raise ProblemError("payer_not_found", "This key's account is bound to wallets, and the payer is none of them.")
    if transfer.after is not UNSET:
        await check_after(services.history, call.principal.bound is not None, row, transfer.after)
    home = await home_of_payment(services, payer, payee)
    async with services.pages.place(call.principal.account):
        try:
            result = await previewed(services.clients[home], row, deadline)
        except DeadlineExceeded as error:
            raise deadline_problem(error, moves_money=False) from None
    declined = is_declined(result.code)
    if result.code not in NO_PROBLEM and not declined:
        raise refusal(services.secret, result)
    code, held = NUMBERS[result.code], transfer.hold is True
    if declined:
        status = "declined"
    else:
        status = "in_review" if result.code == Code.IN_REVIEW else "held" if held else "posted"
    names = await services.catalogue.names_after(result.pack)
    details = too_low(transfer.payer, transfer.amount, transfer.currency)
    moved = transfer.amount if status == "posted" else 0
    reserved = transfer.amount if status in ("held", "in_review") else 0
    changes = (-moved, reserved), (moved, 0)
    balances = await balances_after(services, call.principal, (payer, payee), changes)
    return json_response(
        DryRun(
            status=status,
            code="ok" if not declined else code,
            detail=details.get(result.code, PROBLEMS[code].title) if declined else UNSET,
            decision=result_decision(names, result),
            balances=balances,
        )
    )


_DRY: Final = (WRITE - named(Code.IDEMPOTENCY_MISMATCH)) | {
    "invalid_shardpay_time",
    "after_declined",
    "after_unrelated",
}

ROUTES: Final = (
    Route(
        "POST",
        "/v1/dry-runs/transfers",
        "What a payment would become if it were made now.",
        PAY,
        Access.PAYER,
        try_transfer,
        answer=DryRun,
        bodies=(Transfer,),
        problems=_DRY
        | named(
            Code.AFTER_NOT_FOUND,
            Code.CURRENCY_MISMATCH,
            Code.PAYEE_NOT_FOUND,
            Code.PAYER_NOT_FOUND,
            Code.SAME_WALLET,
        ),
        asks=True,
    ),
)
