"""What became of many payments at once.

Each is named by its id, or by the key that it was asked for with.
"""

from typing import Final, Protocol

import msgspec
from aiohttp import web
from msgspec import UNSET

from actors.records.ids import uuid_bytes
from switch.api.route import BODY, Route
from switch.api.transfer_lifecycle import FindServices, find_by_id, find_by_key, shown
from switch.fairness.shares import Places
from switch.http.access import NEITHER, Access
from switch.http.auth import ASK
from switch.http.call import Call
from switch.http.decoding import TRANSFER_LOOKUP, decode
from switch.http.schema import NamedTransfer, TransferLookup
from switch.problems.table import PROBLEMS, ProblemError, invalid_field
from switch.views.representations import TransferAnswer, json_response

_MISSING: Final = ("transfer_not_found", "key_not_seen", "wallet_not_found")
"""Answered beside others; what else goes wrong ends the whole call."""


class LookupServices(FindServices, Protocol):
    """What these handlers use of the front door."""

    pages: Places


class LookupRow(msgspec.Struct, frozen=True, kw_only=True):
    """One of the payments asked for. `code`: ok, or why there is none."""

    code: str
    transfer: TransferAnswer | None
    detail: str | msgspec.UnsetType = UNSET


class LookupAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """In the order of what was asked for."""

    results: list[LookupRow]


async def look_up_transfers(services: LookupServices, call: Call) -> web.Response:
    """POST /v1/lookups/transfers."""
    body = decode(TRANSFER_LOOKUP, await call.json_body(services.limits.json_bytes_max))
    for i, each in enumerate(body.transfers):
        _check(each, f"transfers[{i}]")
    async with services.pages.place(call.principal.account):
        return json_response(LookupAnswer(results=[await _row(services, call, each) for each in body.transfers]))


def _check(asked: NamedTransfer, path: str) -> None:
    by_key = asked.wallet is not UNSET and asked.idempotency_key is not UNSET
    if (asked.id is not UNSET) == by_key or (asked.wallet is UNSET) != (asked.idempotency_key is UNSET):
        raise invalid_field(path, "either id, or wallet and idempotency_key are expected")
    if asked.wallet is not UNSET and uuid_bytes(asked.wallet) is None:
        raise invalid_field(f"{path}.wallet", "a wallet id (UUID) is expected")


async def _row(services: LookupServices, call: Call, asked: NamedTransfer) -> LookupRow:
    try:
        if asked.id is not UNSET:
            address, found = await find_by_id(services, asked.id, call.principal.account)
            sides = await services.access.seen(call.principal, found.record)
            if sides == NEITHER:
                raise ProblemError("transfer_not_found")
        else:
            assert asked.wallet is not UNSET and asked.idempotency_key is not UNSET
            address, found, sides = await find_by_key(services, call.principal, asked.wallet, asked.idempotency_key)
    except ProblemError as problem:
        if problem.code not in _MISSING:
            raise
        return LookupRow(code=problem.code, transfer=None, detail=PROBLEMS[problem.code].title)
    return LookupRow(code="ok", transfer=await shown(services, address, found, sides, call.principal.account))


ROUTES: Final = (
    Route(
        "POST",
        "/v1/lookups/transfers",
        "Find many transfers by their ids, or by the keys they were asked for with.",
        ASK,
        Access.TRANSFER,
        look_up_transfers,
        answer=LookupAnswer,
        bodies=(TransferLookup,),
        problems=BODY,
        long=True,
        asks=True,
    ),
)
