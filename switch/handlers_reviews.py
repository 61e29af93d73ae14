"""Payments that wait for an analyst: listed, approved, declined. A case has one answer; who gave it, and when, stays with the payment."""

from collections.abc import Mapping

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.ledger.codes import Code
from actors.ledger.ids import encode_wallet, shard_of, transfer_id
from actors.ledger.layout import Kind, ReviewStatus
from rules.currencies import ALPHA
from switch.answers import LABEL_NAMES, Decision, json_response, recorded_decision, refusal
from switch.calls import Call, page_limit
from switch.cursors import decode_places, encode_cursor
from switch.decoding import EMPTY, decode
from switch.door import Door
from switch.fate import Case, answer_in, asked_kind, case_of, context_of, is_case, review_answer
from switch.handlers_settling import transfer_in_path
from switch.handlers_transfers import settle
from switch.history import Found, HeldCase
from switch.pack_names import Names
from switch.problems import ProblemError, invalid_query
from switch.rows import answer_row
from switch.times import now_ms, time_text
from switch.wire import Context

_STATUSES = {status.name.lower(): status for status in ReviewStatus}
_REFUSED = (Code.HOLD_NOT_OPEN, Code.HOLD_EXPIRED, Code.NOT_IN_REVIEW)
"""What a shard says of a case that has been answered or is dead."""


class CaseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A payment and its review. `id` is the payment's; `status` that of the review: open, approved, declined or expired."""

    id: str
    status: str
    type: str
    payer: str
    payee: str
    amount: int
    currency: str
    kind: str
    reference: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    context: Context | UnsetType = UNSET
    decision: Decision | None
    created_at: str
    expires_at: str
    decided_by: str | None
    decided_at: str | None
    replayed: bool | UnsetType = UNSET


class CaseList(msgspec.Struct, frozen=True):
    """A page of cases, oldest first."""

    data: list[CaseAnswer]
    has_more: bool
    next: str | None


async def list_reviews(door: Door, call: Call) -> web.Response:
    """GET /v1/reviews?status=&limit=&after=."""
    query = call.query(("status", "limit", "after"))
    name = query.get("status", "open")
    if name not in _STATUSES:
        raise invalid_query("status", f"expected one of: {', '.join(_STATUSES)}")
    limit, scope = page_limit(query), f"reviews {name}"
    place = decode_places(door.secret, scope, query["after"], 2) if "after" in query else (0, 0)
    page = await door.history.cases(_STATUSES[name], place, limit + 1, now_ms())
    shown = page[:limit]
    accounts = await door.keys.accounts(held.answer["caller"] for held in shown if held.answer is not None)
    names = await door.catalogue.names({held.found.record["pack"] for held in shown})
    data = [_shown(door, names, held, accounts) for held in shown]
    if len(page) <= limit:
        return json_response(CaseList(data, False, None))
    last = shown[-1]
    following = encode_cursor(door.secret, scope, last.found.record["record_time"], last.address)
    return json_response(CaseList(data, True, following))


def _shown(door: Door, names: Names, held: HeldCase, accounts: Mapping[int, str]) -> CaseAnswer:
    case = case_of(held.found.record, held.answer, now_ms())
    return _case_answer(door, names, held.address, held.found, case, accounts)


def _case_answer(
    door: Door,
    names: Names,
    address: int,
    found: Found,
    case: Case,
    accounts: Mapping[int, str],
    replayed: bool | UnsetType = UNSET,
) -> CaseAnswer:
    record, details = found.record, found.details
    review = review_answer(record, case, accounts)
    return CaseAnswer(
        id=transfer_id(door.secret, record["record_time"], address),
        status=review.status,
        type=asked_kind(record).name.lower(),
        payer=encode_wallet(door.secret, record["payer"]),
        payee=encode_wallet(door.secret, record["payee"]),
        amount=record["amount"],
        currency=ALPHA[record["currency"]],
        kind=LABEL_NAMES[record["label"]],
        reference=details.reference or UNSET,
        metadata=details.metadata or UNSET,
        context=context_of(record, details),
        decision=recorded_decision(names, record),
        created_at=time_text(record["record_time"]),
        expires_at=review.expires_at,
        decided_by=review.decided_by,
        decided_at=review.decided_at,
        replayed=replayed,
    )


async def approve_review(door: Door, call: Call) -> web.Response:
    """POST /v1/reviews/{id}/approve: a payment's money moves, a hold becomes an ordinary one."""
    return await _decide(door, call, approved=True)


async def decline_review(door: Door, call: Call) -> web.Response:
    """POST /v1/reviews/{id}/decline: the money is released."""
    return await _decide(door, call, approved=False)


async def _decide(door: Door, call: Call, *, approved: bool) -> web.Response:
    deadline = door.deadline()
    key, caller = call.key_or_random(), call.caller()
    decode(EMPTY, await call.json_body(door.limits.json_bytes_max) or b"{}")
    address, found = await transfer_in_path(door, call)
    if not is_case(found.record):
        raise ProblemError("not_in_review")
    yes = Kind.CAPTURE if asked_kind(found.record) is Kind.TRANSFER else Kind.APPROVAL
    row = answer_row(yes if approved else Kind.VOID, found.record, address, key, caller)
    result = await settle(door, shard_of(address), row, None, deadline)
    if result.code not in (Code.OK, *_REFUSED):
        raise refusal(door.secret, result)
    answer = answer_in(address, await door.history.parts(address))
    case = case_of(found.record, answer, now_ms())
    if result.code != Code.OK:
        # Its shard knows that it is over: where the journal does not say so yet, it is dead by the shard's clock.
        over = case.status if case.status is not ReviewStatus.OPEN else ReviewStatus.EXPIRED
        raise ProblemError("hold_voided" if over is ReviewStatus.VOIDED else f"review_{over.name.lower()}")
    assert answer is not None, "what was answered is in the journal"
    accounts = await door.keys.accounts([answer["caller"]])
    replayed = bool(result.replayed)
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    names = await door.catalogue.names_after(found.record["pack"])
    return json_response(_case_answer(door, names, address, found, case, accounts, replayed), 201, headers)
