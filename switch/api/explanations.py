"""Why a payment was decided as it was: every rule's value, and what the scorecard gave.

The work is done by the process that backtests, one at a time: it reads the journal of the payment's shard up to it.
"""

import time
from typing import Final, Protocol

import msgspec
from aiohttp import web

from actors.backtest.explain import Explanation
from actors.backtest.live import Response
from actors.records.layout import FLAG_FALLBACK, FLAG_SCORED
from switch.api.backtests import BacktestServices, TriedPack, checked_pack, found_by, live_backtest
from switch.api.route import BODY, Route
from switch.api.transfer_lifecycle import RecordServices, transfer_in_path
from switch.http.access import Access
from switch.http.auth import PUBLISH
from switch.http.call import Call
from switch.http.decoding import EMPTY, decode
from switch.http.schema import Empty
from switch.problems.table import ProblemError
from switch.views.representations import json_response


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """Why the payment `id` was decided as it was."""

    id: str
    explanation: Explanation
    seconds: float


class ExplanationServices(BacktestServices, RecordServices, Protocol):
    """What these handlers use of the front door."""


async def explain_transfer(services: ExplanationServices, call: Call) -> web.Response:
    """POST /v1/transfers/{id}/explanation."""
    call.given_key()
    decode(EMPTY, await call.json_body(services.limits.json_bytes_max) or b"{}")
    address, found = await transfer_in_path(services, call)
    if found.record["flags"] & (FLAG_SCORED | FLAG_FALLBACK) != FLAG_SCORED:
        raise ProblemError("transfer_not_found", "Only a payment that a scorer decided can be explained.")
    number = found.record["pack"]
    pack = (await services.packs.packs([number]))[number]
    started = time.perf_counter()
    decided_by = TriedPack(pack.text, pack.files, number=pack.number, version=pack.version, stored=True)
    checked = await checked_pack(services, decided_by)
    response: Response = await services.backtester.run(live_backtest(services, decided_by, checked, explained=address))
    explanation = found_by(response, response.explanation)
    seconds = round(time.perf_counter() - started, 3)
    identity = call.request.match_info["id"].lower()
    return json_response(Explained(id=identity, explanation=explanation, seconds=seconds))


ROUTES: Final = (
    Route(
        "POST",
        "/v1/transfers/{id}/explanation",
        "Why a payment was decided so: every rule's value, and what the scorecard gave.",
        PUBLISH,
        Access.REFUSED,
        explain_transfer,
        answer=Explained,
        bodies=(Empty,),
        problems=BODY | {"backtest_running", "backtest_too_large", "invalid_idempotency_key", "transfer_not_found"},
        long=True,
        asks=True,
    ),
)
