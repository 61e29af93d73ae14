"""Disputes of entries: the holder says what is wrong, its source is asked, somebody else decides.

The source reads the holder's own words. Its answer decides nothing: what it confirms is kept only by an analyst, with a reason in words.
What nobody has answered in time is deleted, and what was deleted comes back only with a notice.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from aiohttp import web

from actors.records.codes import Code
from actors.records.layout import ACCOUNT, SCENARIO, Kind
from rules.vocabulary.columns import DAY_MS
from switch.api.credit_cases import (
    Opening,
    bring_back,
    case_of_party,
    case_to_decide,
    go_on,
    named_case,
    open_case,
    page_of_cases,
    related,
)
from switch.api.credit_services import DecisionServices
from switch.api.credit_shared import record_named
from switch.api.route import KEY, WRITE, Route, named
from switch.http.access import Access
from switch.http.auth import ANALYST, HOLDER, MERCHANT, PARTIES
from switch.http.call import Call
from switch.http.decoding import DISPUTE_OUTCOME, EMPTY, NEW_DISPUTE, REINSERTION, SOURCE_ANSWER, decode
from switch.http.schema import DisputeOutcome, Empty, NewDispute, Reinsertion, SourceOutcome
from switch.http.times import now_ms
from switch.problems.table import ProblemError, invalid_field
from switch.views.credit_cases import (
    ENTRY_KINDS,
    OUTCOMES,
    STEPS_OF_DISPUTES,
    DisputeAnswer,
    dispute_answer,
)
from switch.views.credit_records import CreditDetails, CreditRecord
from switch.views.representations import json_response, recorded_response

HOUR_MS: Final = 3_600_000
AT_ONCE: Final = 1
"""A time that has passed: the shard forwards the dispute as it is opened."""
_NUMBERS: Final = {name: number for number, name in OUTCOMES.items()}


class DisputeList(msgspec.Struct, frozen=True):
    """A page of disputes: of a wallet or a merchant newest first, those that wait for an analyst oldest first."""

    data: list[DisputeAnswer]
    has_more: bool
    next: str | None


async def create_dispute(services: DecisionServices, call: Call) -> web.Response:
    """POST /v1/credit/disputes."""
    deadline, key = services.deadline(), call.key_or_random()
    body = decode(NEW_DISPUTE, await call.json_body(services.limits.json_bytes_max))
    entry = await record_named(services, body.entry, "entry_not_found", *ENTRY_KINDS)
    if not entry.record["payer"] or not await services.access.holds(call.principal, entry.record["payer"]):
        raise ProblemError("entry_not_found")
    sourced = entry.record["kind"] != Kind.SCORE
    now, law = now_ms(), services.law
    asked = Opening(
        Kind.DISPUTE_OPENED,
        entry,
        entry.record[ACCOUNT] if sourced else 0,
        entry.record[SCENARIO] if sourced else 0,
        body.text,
        now + law.dispute_days * DAY_MS,
        (now + law.forward_hours * HOUR_MS if law.forward_hours else AT_ONCE) if sourced else 0,
    )
    answer = await open_case(services, call, asked, key, deadline)
    (opened,) = await services.credit_history.many([answer.address])
    return await _answered(services, opened, answer.replayed, 201)


async def _answered(
    services: DecisionServices, opened: CreditRecord, replayed: bool, status: int = 200
) -> web.Response:
    (shown,) = await _shown(services, [opened])
    return recorded_response("/v1/credit/disputes", shown, replayed=replayed, status=status)


async def _shown(services: DecisionServices, found: Sequence[CreditRecord]) -> list[DisputeAnswer]:
    if not found:
        return []
    steps, entries, accounts = await related(services, found, STEPS_OF_DISPUTES)
    return [
        dispute_answer(services.secret, each, steps[each.address], entries[each.record["reference"]], accounts)
        for each in found
    ]


async def list_disputes(services: DecisionServices, call: Call) -> web.Response:
    """GET /v1/credit/disputes?wallet=&limit=&after=."""
    page = await page_of_cases(services, call, Kind.DISPUTE_OPENED)
    return json_response(DisputeList(await _shown(services, page.found), page.next is not None, page.next))


async def get_dispute(services: DecisionServices, call: Call) -> web.Response:
    """GET /v1/credit/disputes/{id}."""
    return await _answered(services, await case_of_party(services, call, Kind.DISPUTE_OPENED), False)


async def forward_dispute(services: DecisionServices, call: Call) -> web.Response:
    """POST /v1/credit/disputes/{id}/forward: sooner than its clock does."""
    decode(EMPTY, await call.json_body(services.limits.json_bytes_max) or b"{}")
    opened = await named_case(services, call, Kind.DISPUTE_OPENED)
    if not opened.record[ACCOUNT]:
        raise ProblemError("case_not_open", "The bureau itself made the entry: there is nobody to forward it to.")
    answer = await go_on(services, call, Kind.DISPUTE_FORWARDED, opened, expiry=opened.record["expiry"])
    return await _answered(services, opened, answer.replayed)


async def answer_dispute(services: DecisionServices, call: Call) -> web.Response:
    """POST /v1/credit/disputes/{id}/answer: by the merchant whose entry it is."""
    body = decode(SOURCE_ANSWER, await call.json_body(services.limits.json_bytes_max))
    opened = await named_case(services, call, Kind.DISPUTE_OPENED)
    if opened.record[ACCOUNT] != call.principal.account:
        raise ProblemError("case_not_found")
    details = CreditDetails(text=body.text)
    answer = await go_on(services, call, Kind.DISPUTE_ANSWERED, opened, details, kind=_NUMBERS[body.outcome])
    return await _answered(services, opened, answer.replayed)


async def resolve_dispute(services: DecisionServices, call: Call) -> web.Response:
    """POST /v1/credit/disputes/{id}/resolve: by an analyst, with the reason in words where it is against the holder."""
    body = decode(DISPUTE_OUTCOME, await call.json_body(services.limits.json_bytes_max))
    if body.outcome == "kept" and not body.text:
        raise invalid_field("text", "an entry that is kept needs the reason, which the holder is told")
    opened = await case_to_decide(services, call, Kind.DISPUTE_OPENED)
    kept = body.outcome == "kept"
    details = CreditDetails(text=body.text or None, statement=body.statement or None if kept else None)
    answer = await go_on(services, call, Kind.DISPUTE_RESOLVED, opened, details, kind=_NUMBERS[body.outcome])
    return await _answered(services, opened, answer.replayed)


async def reinsert_entry(services: DecisionServices, call: Call) -> web.Response:
    """POST /v1/credit/disputes/{id}/reinsert: what was deleted comes back, and the holder gets a notice with the reason."""
    body = decode(REINSERTION, await call.json_body(services.limits.json_bytes_max))
    opened = await case_to_decide(services, call, Kind.DISPUTE_OPENED)
    answer = await bring_back(services, call, opened, body.text)
    return await _answered(services, opened, answer.replayed)


_GOING_ON: Final = KEY | WRITE | {"case_not_found", "wallet_not_found"} | named(Code.CASE_NOT_OPEN)

ROUTES: Final = (
    Route(
        "POST",
        "/v1/credit/disputes",
        "Dispute an entry: an order, an inquiry or a score.",
        HOLDER,
        Access.PARTY,
        create_dispute,
        answer=DisputeAnswer,
        bodies=(NewDispute,),
        problems=KEY | WRITE | {"case_exists", "wallet_not_found"} | named(Code.CASES_FULL, Code.ENTRY_NOT_FOUND),
    ),
    Route(
        "GET",
        "/v1/credit/disputes",
        "List disputes: of a wallet, of a merchant's entries, or all that are open.",
        PARTIES | ANALYST,
        Access.PARTY,
        list_disputes,
        answer=DisputeList,
        query=("wallet", "limit", "after"),
        problems=frozenset({"invalid_field", "wallet_not_found"}),
    ),
    Route(
        "GET",
        "/v1/credit/disputes/{id}",
        "A dispute: where it stands, its clocks, what was said.",
        PARTIES | ANALYST,
        Access.PARTY,
        get_dispute,
        answer=DisputeAnswer,
        problems=frozenset({"case_not_found"}),
    ),
    Route(
        "POST",
        "/v1/credit/disputes/{id}/forward",
        "Forward a dispute to the source of its entry, before its clock does.",
        ANALYST,
        Access.REFUSED,
        forward_dispute,
        answer=DisputeAnswer,
        bodies=(Empty,),
        problems=_GOING_ON,
    ),
    Route(
        "POST",
        "/v1/credit/disputes/{id}/answer",
        "Say, as the source of an entry, what should become of its dispute.",
        MERCHANT,
        Access.PARTY,
        answer_dispute,
        answer=DisputeAnswer,
        bodies=(SourceOutcome,),
        problems=_GOING_ON,
    ),
    Route(
        "POST",
        "/v1/credit/disputes/{id}/resolve",
        "Resolve a dispute: corrected, deleted, or kept with the holder's statement.",
        ANALYST,
        Access.REFUSED,
        resolve_dispute,
        answer=DisputeAnswer,
        bodies=(DisputeOutcome,),
        problems=_GOING_ON | named(Code.CASE_UNANSWERED),
    ),
    Route(
        "POST",
        "/v1/credit/disputes/{id}/reinsert",
        "Bring back what a dispute had deleted, with a notice to the holder.",
        ANALYST,
        Access.REFUSED,
        reinsert_entry,
        answer=DisputeAnswer,
        bodies=(Reinsertion,),
        problems=_GOING_ON,
    ),
)
