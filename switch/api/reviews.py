"""Payments that wait for an analyst: listed, approved, declined.

A case has one answer; who gave it, and when, stays with the payment.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.addresses import shard_of
from actors.records.codes import Code
from actors.records.ids import encode_wallet, transfer_id
from actors.records.layout import Kind, ReviewStatus
from actors.stores.api_keys import KeyStore
from actors.stores.case_work import CaseWorkStore
from actors.stores.labels import LabelStore
from rules.vocabulary.currencies import ALPHA
from switch.api.route import KEY, WRITE, Route, named
from switch.api.services import Limits
from switch.api.transfer_lifecycle import RecordServices, transfer_in_path
from switch.api.transfers import SubmitServices, submit_row
from switch.fairness.shares import Places
from switch.gateway.encode import answer_row
from switch.http.access import Access
from switch.http.auth import ANALYST
from switch.http.call import Call, name_in, page_limit, time_in
from switch.http.cursors import decode_places, encode_cursor
from switch.http.decoding import EMPTY, decode
from switch.http.schema import Context, Empty
from switch.http.times import now_ms, time_text
from switch.problems.table import ProblemError, invalid_query
from switch.views.lifecycle import Case, answer_in, asked_kind, case_of, context_of, is_case, review_answer
from switch.views.pack_names import Names, PackCatalogue
from switch.views.representations import LABEL_NAMES, Decision, json_response, recorded_decision, refusal
from switch.views.statement import CaseFilter, Found, ReviewRow

_STATUSES = {status.name.lower(): status for status in ReviewStatus}
ASSIGNED: Final = ("me", "nobody")
FILTERS: Final = ("assignee", "assigned", "due_before")
_REFUSED = (Code.HOLD_NOT_OPEN, Code.HOLD_EXPIRED, Code.NOT_IN_REVIEW)
"""What a shard says of a case that has been answered or is dead."""


class CaseAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A payment and its review. `id` is the payment's; `status` that of the review: open, approved, declined or expired;
    `assignee`: the account that works on it, null: nobody; `label`: whether it was fraud, null: nobody knows; `notes`: how many."""

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
    assignee: str | None
    label: bool | None
    notes: int
    replayed: bool | UnsetType = UNSET


class CaseList(msgspec.Struct, frozen=True):
    """A page of cases, oldest first."""

    data: list[CaseAnswer]
    has_more: bool
    next: str | None


class AnalystList(msgspec.Struct, frozen=True):
    """Names of accounts that a case can be given to."""

    data: list[str]


class ReviewServices(SubmitServices, RecordServices, Protocol):
    """What these handlers use of the front door."""

    limits: Limits
    keys: KeyStore
    catalogue: PackCatalogue
    case_work: CaseWorkStore
    label_store: LabelStore
    pages: Places

    def deadline(self) -> float:
        """`Services.deadline`."""


async def list_reviews(services: ReviewServices, call: Call) -> web.Response:
    """GET /v1/reviews?status=&assignee=&assigned=&due_before=&limit=&after=."""
    query = call.query()
    name = query.get("status", "open")
    if name not in _STATUSES:
        raise invalid_query("status", f"expected one of: {', '.join(_STATUSES)}")
    asked = " ".join(query.get(each, "") for each in FILTERS)
    limit, scope = page_limit(query), f"reviews {name} {asked}"
    place = decode_places(services.secret, scope, query["after"], 2) if "after" in query else (0, 0)
    async with services.pages.place(call.principal.account):
        only = await _filter(services, call, query)
        page = await services.history.cases(_STATUSES[name], place, limit + 1, now_ms(), only)
        shown = page[:limit]
        work = await _work_on(services, [held.address for held in shown])
        accounts = await services.keys.accounts(held.answer["caller"] for held in shown if held.answer is not None)
        names = await services.catalogue.names({held.found.record["pack"] for held in shown})
        data = [_shown(services, names, held, accounts, work) for held in shown]
    if len(page) <= limit:
        return json_response(CaseList(data, False, None))
    last = shown[-1]
    following = encode_cursor(services.secret, scope, last.found.record["record_time"], last.address)
    return json_response(CaseList(data, True, following))


async def _filter(services: ReviewServices, call: Call, query: dict[str, str]) -> CaseFilter:
    """Which cases a query asks for. Raises ProblemError invalid_query."""
    assignee, assigned = None, query.get("assigned")
    if "assignee" in query:
        assignee = await services.case_work.analyst(name_in(query, "assignee"))
        if assignee is None:
            raise invalid_query("assignee", "an account that has a key with the scope analyst is expected")
    if assigned is not None:
        if assigned not in ASSIGNED or assignee is not None:
            raise invalid_query("assigned", f"expected one of: {', '.join(ASSIGNED)}, without `assignee`")
        assignee = call.principal.account if assigned == "me" else None
    return CaseFilter(assignee, assigned == "nobody", time_in(query, "due_before"))


class Work(NamedTuple):
    """What people have done about cases, by address: who works on them, whether they were fraud, how many notes they have."""

    assignees: Mapping[int, str]
    labels: Mapping[int, bool]
    notes: Mapping[int, int]


async def _work_on(services: ReviewServices, addresses: Sequence[int]) -> Work:
    assignees, labels, notes = await asyncio.gather(
        services.case_work.assignees(addresses),
        services.label_store.of(addresses),
        services.case_work.note_counts(addresses),
    )
    return Work(assignees, labels, notes)


async def list_analysts(services: ReviewServices, call: Call) -> web.Response:
    """GET /v1/analysts."""
    call.query()
    return json_response(AnalystList(await services.case_work.analysts()))


async def get_review(services: ReviewServices, call: Call) -> web.Response:
    """GET /v1/reviews/{id}."""
    call.query()
    address, found = await transfer_in_path(services, call)
    if not is_case(found.record):
        raise ProblemError("not_in_review")
    answer = answer_in(address, await services.history.parts(address, call.principal.account))
    accounts = await services.keys.accounts([] if answer is None else [answer["caller"]])
    names = await services.catalogue.names({found.record["pack"]})
    work = await _work_on(services, [address])
    return json_response(_shown(services, names, ReviewRow(address, found, answer), accounts, work))


def _shown(
    services: ReviewServices,
    names: Names,
    held: ReviewRow,
    accounts: Mapping[int, str],
    work: Work,
) -> CaseAnswer:
    case = case_of(held.found.record, held.answer, now_ms())
    return _case_answer(services, names, held.address, held.found, case, accounts, work)


def _case_answer(
    services: ReviewServices,
    names: Names,
    address: int,
    found: Found,
    case: Case,
    accounts: Mapping[int, str],
    work: Work,
    replayed: bool | UnsetType = UNSET,
) -> CaseAnswer:
    record, details = found.record, found.details
    review = review_answer(record, case, accounts)
    return CaseAnswer(
        id=transfer_id(services.secret, record["record_time"], address),
        status=review.status,
        type=asked_kind(record).name.lower(),
        payer=encode_wallet(services.secret, record["payer"]),
        payee=encode_wallet(services.secret, record["payee"]),
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
        assignee=work.assignees.get(address),
        label=work.labels.get(address),
        notes=work.notes.get(address, 0),
        replayed=replayed,
    )


async def approve_review(services: ReviewServices, call: Call) -> web.Response:
    """POST /v1/reviews/{id}/approve: a payment's money moves, a hold becomes an ordinary one."""
    return await _decide(services, call, approved=True)


async def decline_review(services: ReviewServices, call: Call) -> web.Response:
    """POST /v1/reviews/{id}/decline: the money is released."""
    return await _decide(services, call, approved=False)


async def _decide(services: ReviewServices, call: Call, *, approved: bool) -> web.Response:
    deadline = services.deadline()
    key, caller = call.key_or_random(), call.caller()
    decode(EMPTY, await call.json_body(services.limits.json_bytes_max) or b"{}")
    address, found = await transfer_in_path(services, call)
    if not is_case(found.record):
        raise ProblemError("not_in_review")
    yes = Kind.CAPTURE if asked_kind(found.record) is Kind.TRANSFER else Kind.APPROVAL
    row = answer_row(yes if approved else Kind.VOID, found.record, address, key, caller)
    result = await submit_row(services, shard_of(address), row, None, deadline)
    if result.code not in (Code.OK, *_REFUSED):
        raise refusal(services.secret, result)
    answer = answer_in(address, await services.history.parts(address))
    case = case_of(found.record, answer, now_ms())
    if result.code != Code.OK:
        # Its shard knows that it is over: where the journal does not say so yet, it is dead by the shard's clock.
        over = case.status if case.status is not ReviewStatus.OPEN else ReviewStatus.EXPIRED
        raise ProblemError("hold_voided" if over is ReviewStatus.VOIDED else f"review_{over.name.lower()}")
    assert answer is not None, "what was answered is in the journal"
    accounts = await services.keys.accounts([answer["caller"]])
    replayed = bool(result.replayed)
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    names = await services.catalogue.names_after(found.record["pack"])
    work = await _work_on(services, [address])
    shown = _case_answer(services, names, address, found, case, accounts, work, replayed)
    return json_response(shown, 201, headers)


_DECIDE: Final = (
    KEY
    | WRITE
    | {"transfer_not_found"}
    | named(
        Code.BALANCE_OUT_OF_RANGE,
        Code.HOLD_VOIDED,
        Code.NOT_IN_REVIEW,
        Code.PAYEE_CLOSED,
        Code.REVIEW_APPROVED,
        Code.REVIEW_DECLINED,
        Code.REVIEW_EXPIRED,
    )
)

ROUTES: Final = (
    Route(
        "GET",
        "/v1/reviews",
        "List payments by the state of their review, oldest first.",
        ANALYST,
        Access.REFUSED,
        list_reviews,
        answer=CaseList,
        query=("status", *FILTERS, "limit", "after"),
        long=True,
    ),
    Route(
        "GET",
        "/v1/reviews/{id}",
        "A payment that is or was in review.",
        ANALYST,
        Access.REFUSED,
        get_review,
        answer=CaseAnswer,
        problems=frozenset({"not_in_review", "transfer_not_found"}),
    ),
    Route(
        "GET",
        "/v1/analysts",
        "Accounts that a payment in review can be given to, 200 of them at most.",
        ANALYST,
        Access.REFUSED,
        list_analysts,
        answer=AnalystList,
    ),
    Route(
        "POST",
        "/v1/reviews/{id}/approve",
        "Approve a payment: its money moves, a hold becomes an ordinary one.",
        ANALYST,
        Access.REFUSED,
        approve_review,
        answer=CaseAnswer,
        bodies=(Empty,),
        problems=_DECIDE,
    ),
    Route(
        "POST",
        "/v1/reviews/{id}/decline",
        "Decline a payment: the money is released.",
        ANALYST,
        Access.REFUSED,
        decline_review,
        answer=CaseAnswer,
        bodies=(Empty,),
        problems=_DECIDE,
    ),
)
