"""Work on payments in review: who has a case, and what people write about it.

Neither changes the payment; notes go when the profile of one of its wallets is erased.
"""

from typing import Final, Protocol

import msgspec
from aiohttp import web

from actors.stores.case_work import NOTES_MAX, CaseWork, CaseWorkStore
from switch.api.recorded import RecordedServices, answered_once
from switch.api.route import BODY, Route
from switch.api.services import Limits
from switch.api.transfer_lifecycle import RecordServices, transfer_in_path
from switch.http.access import Access
from switch.http.auth import ANALYST
from switch.http.call import Call
from switch.http.decoding import CASE_ASSIGNEE, CASE_NOTE, decode
from switch.http.schema import CaseAssignee, CaseNote
from switch.http.times import datetime_text
from switch.problems.table import ProblemError, invalid_field
from switch.views.lifecycle import is_case
from switch.views.representations import json_response


class NoteShown(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote about a case; `number`: its place among them."""

    number: int
    text: str
    made_by: str
    made_at: str


class CaseWorkShown(msgspec.Struct, frozen=True, kw_only=True):
    """Who works on the case of the payment `id`, null: nobody, and what people wrote, oldest first."""

    id: str
    assignee: str | None
    notes: list[NoteShown]


class CaseWorkServices(RecordServices, RecordedServices, Protocol):
    """What these handlers use of the front door."""

    limits: Limits
    case_work: CaseWorkStore


async def get_case_work(services: CaseWorkServices, call: Call) -> web.Response:
    """GET /v1/reviews/{id}/notes."""
    call.query()
    case = await _case_in_path(services, call)
    return json_response(await _shown(services, call, case))


async def put_assignee(services: CaseWorkServices, call: Call) -> web.Response:
    """PUT /v1/reviews/{id}/assignee."""
    body = decode(CASE_ASSIGNEE, await call.json_body(services.limits.json_bytes_max))
    case = await _case_in_path(services, call)
    account = None
    if body.assignee is not None:
        account = await services.case_work.analyst(body.assignee)
        if account is None:
            raise invalid_field("assignee", "an account that has a key with the scope analyst is expected")
    await services.case_work.assign(case.record, account, call.principal.account)
    return json_response(await _shown(services, call, case))


async def post_note(services: CaseWorkServices, call: Call) -> web.Response:
    """POST /v1/reviews/{id}/notes."""
    raw = await call.json_body(services.limits.json_bytes_max)
    body = decode(CASE_NOTE, raw)
    case = await _case_in_path(services, call)

    async def add() -> CaseWorkShown:
        if not await services.case_work.add_note(case, body.text, call.principal.account):
            raise ProblemError("notes_full", f"The case has {NOTES_MAX} notes, and no more can be.")
        return await _shown(services, call, case)

    return await answered_once(services, call, raw, add, 201)


async def _case_in_path(services: CaseWorkServices, call: Call) -> CaseWork:
    """A payment that is or was in review. Raises ProblemError."""
    address, found = await transfer_in_path(services, call)
    if not is_case(found.record):
        raise ProblemError("not_in_review")
    return CaseWork(record=address, payer=int(found.record["payer"]), payee=int(found.record["payee"]))


async def _shown(services: CaseWorkServices, call: Call, case: CaseWork) -> CaseWorkShown:
    assignees = await services.case_work.assignees([case.record])
    notes = [
        NoteShown(
            number=each.number,
            text=each.text,
            made_by=each.made_by,
            made_at=datetime_text(each.made_at),
        )
        for each in await services.case_work.notes(case.record)
    ]
    identity = call.request.match_info["id"].lower()
    return CaseWorkShown(id=identity, assignee=assignees.get(case.record), notes=notes)


_CASE: Final = frozenset({"not_in_review", "transfer_not_found"})

ROUTES: Final = (
    Route(
        "GET",
        "/v1/reviews/{id}/notes",
        "Who works on a payment in review, and what was written about it.",
        ANALYST,
        Access.REFUSED,
        get_case_work,
        answer=CaseWorkShown,
        problems=_CASE,
    ),
    Route(
        "POST",
        "/v1/reviews/{id}/notes",
        "Write a note about a payment in review.",
        ANALYST,
        Access.REFUSED,
        post_note,
        answer=CaseWorkShown,
        bodies=(CaseNote,),
        problems=BODY | _CASE | {"idempotency_mismatch", "invalid_idempotency_key", "notes_full"},
    ),
    Route(
        "PUT",
        "/v1/reviews/{id}/assignee",
        "Give a payment in review to an analyst, or to nobody.",
        ANALYST,
        Access.REFUSED,
        put_assignee,
        answer=CaseWorkShown,
        bodies=(CaseAssignee,),
        problems=BODY | _CASE,
        body_kept=True,
    ),
)
