"""Four eyes: what changes decisions is asked for by one account and approved by another one.

A proposal is the call itself. Whoever approves it needs the scopes of that call; it is made in the name of who asked for it.
"""

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType
from yarl import URL

from actors.records.ids import uuid_bytes
from actors.stores.proposals import (
    LAST,
    OPEN_MAX,
    NewProposal,
    ProposalsFull,
    ProposalState,
    ProposalStore,
    StoredProposal,
)
from switch.api import lists, rule_packs, scorecards, snoozes
from switch.api.calling import Calls, demand_access
from switch.api.four_eyes import FourEyes
from switch.api.recorded import answered_once
from switch.api.route import BODY, Route
from switch.api.services import Services
from switch.http.access import Access
from switch.http.auth import PUBLISH
from switch.http.call import JSON, Call, page_limit
from switch.http.cursors import decode_places, encode_cursor
from switch.http.decoding import EMPTY, NEW_PROPOSAL, decode
from switch.http.inside import request_inside
from switch.http.schema import Empty, NewProposalText
from switch.http.times import datetime_text
from switch.problems.table import ProblemError, invalid_field, invalid_query
from switch.tracing.request_ids import REQUEST_ID
from switch.views.representations import json_response

_SCOPE: Final = "proposals"
_HALF: Final = 64
_ALL: Final = {"true": True, "false": False}


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A call that somebody asked for. `status`: open, approved, declined, expired, or carrying_out: somebody has approved it and it is not
    done yet; `answer`: of the call, in the answer to an approval."""

    id: str
    method: str
    path: str
    content: msgspec.Raw
    reason: str
    status: str
    made_by: str
    made_at: str
    expires_at: str
    answered_by: str | None
    answered_at: str | None
    answer: msgspec.Raw | UnsetType = UNSET


class ProposalList(msgspec.Struct, frozen=True):
    """A page of proposals, newest first."""

    data: list[Proposal]
    has_more: bool
    next: str | None


class ProposalServices(rule_packs.PackServices, Protocol):
    """What these handlers use of the front door."""

    proposals: ProposalStore
    four_eyes: FourEyes


class _Target(msgspec.Struct, frozen=True):
    """A route, and the parameters that a path has for it."""

    route: Route
    params: Mapping[str, str]


_FOUR_EYES: Final = tuple(
    (re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(route.path))), route)
    for route in (*rule_packs.ROUTES, *scorecards.ROUTES, *lists.ROUTES, *snoozes.ROUTES)
    if route.four_eyes
)


_VERSIONED: Final[Mapping[str, Callable[[ProposalServices, str, bytes], Awaitable[msgspec.Struct]]]] = {
    "/v1/rule-packs/{name}/mode": rule_packs.versioned_mode,
    "/v1/scorecards/{name}/mode": scorecards.versioned_card_mode,
}
"""Calls whose bodies may leave to the switch which versions they mean: as they would be made now."""


async def propose(services: ProposalServices, call: Call) -> web.Response:
    """POST /v1/proposals."""
    raw = await call.json_body(services.limits.json_bytes_max)
    asked = decode(NEW_PROPOSAL, raw)
    target = _target(asked.method, asked.path)
    demand_access(call.principal, target.route)
    body = "" if asked.content is UNSET else bytes(asked.content).decode()
    _check_body(target.route.bodies, body)
    if not services.four_eyes.four_eyes:
        raise ProblemError("four_eyes_off")
    if target.route.path in _VERSIONED:
        versioned = await _VERSIONED[target.route.path](services, target.params["name"], body.encode())
        body = msgspec.json.encode(versioned).decode()
    proposal = NewProposal(method=asked.method, path=asked.path, body=body, reason=asked.reason)

    async def add() -> Proposal:
        hours = services.four_eyes.proposal_hours
        try:
            identity = await services.proposals.add(proposal, call.principal.account, hours)
        except ProposalsFull:
            raise ProblemError("proposals_full", f"{OPEN_MAX:,} proposals are open, and no more can be.") from None
        return _shown(await _stored(services, identity))

    return await answered_once(services, call, raw, add, 201)


def _target(method: str, path: str) -> _Target:
    for pattern, route in _FOUR_EYES:
        found = pattern.fullmatch(path)
        if found is not None and route.method == method:
            return _Target(route, {name: unquote(text) for name, text in found.groupdict().items()})
    calls = ", ".join(f"{route.method} {route.path}" for _, route in _FOUR_EYES)
    raise invalid_field("path", f"a call that needs a second person is expected: {calls}")


def _check_body(bodies: Sequence[Any], body: str) -> None:
    """That a call could be made with this body. Raises ProblemError."""
    if not bodies:
        if body:
            raise invalid_field("content", "this call takes no body")
        return
    try:
        msgspec.json.decode(body or "{}", type=bodies[0])
    except msgspec.ValidationError as error:
        raise invalid_field("content", str(error)) from None


async def list_proposals(services: ProposalServices, call: Call) -> web.Response:
    """GET /v1/proposals?all=."""
    query = call.query()
    every = _ALL.get(query.get("all", "false"))
    if every is None:
        raise invalid_query("all", "expected true or false")
    limit, scope, before = page_limit(query), f"{_SCOPE} {every}", LAST
    if "after" in query:
        high, low = decode_places(services.secret, scope, query["after"], 2)
        before = uuid.UUID(int=high << _HALF | low % (1 << _HALF))
    found = await services.proposals.page(before, limit + 1, open_only=not every)
    page, more = found[:limit], len(found) > limit
    cursor = None
    if more:
        low = page[-1].id.int % (1 << _HALF)
        cursor = encode_cursor(services.secret, scope, page[-1].id.int >> _HALF, low - (low >> 63 << _HALF))
    return json_response(ProposalList([_shown(each) for each in page], more, cursor))


async def get_proposal(services: ProposalServices, call: Call) -> web.Response:
    """GET /v1/proposals/{id}."""
    call.query()
    return json_response(_shown(await _in_path(services, call)))


async def approve(services: ProposalServices, call: Call) -> web.Response:
    """POST /v1/proposals/{id}/approve: by another account than the one that made it."""
    raw = await call.json_body(services.limits.json_bytes_max) or b"{}"
    decode(EMPTY, raw)
    stored = await _in_path(services, call)
    target = _target(stored.method, stored.path)
    demand_access(call.principal, target.route)
    if stored.maker == call.principal.account:
        raise ProblemError("own_proposal")

    async def make() -> Proposal:
        if not await services.proposals.begin(stored.id, call.principal.account):
            raise _over(await _stored(services, stored.id))
        try:
            answer = await _made(services, call, stored, target)
        except ProblemError:
            await services.proposals.give_back(stored.id)
            raise
        await services.proposals.done(stored.id, call.principal.account)
        return msgspec.structs.replace(_shown(await _stored(services, stored.id)), answer=answer)

    return await answered_once(services, call, raw, make)


async def _made(services: ProposalServices, call: Call, stored: StoredProposal, target: _Target) -> msgspec.Raw:
    """The answer to the call, made in the name of who asked for it. Raises ProblemError."""
    headers = {REQUEST_ID: call.request_id(), **({"Content-Type": JSON} if stored.body else {})}
    url = URL(stored.path, encoded=True)
    inner = request_inside(call.request, stored.method, url, target.params, headers, stored.body.encode())
    principal = msgspec.structs.replace(call.principal, account=stored.maker, key="")
    calls = Calls(cast("Services", services), target.route, "proposal")  # any call of the API may be the one
    response = await calls.answer(inner, principal, approved=True)
    assert isinstance(response, web.Response) and isinstance(response.body, bytes), "these calls answer at once"
    return msgspec.Raw(response.body)


async def decline(services: ProposalServices, call: Call) -> web.Response:
    """POST /v1/proposals/{id}/decline: by anybody with the scope, who made it too."""
    raw = await call.json_body(services.limits.json_bytes_max) or b"{}"
    decode(EMPTY, raw)
    stored = await _in_path(services, call)

    async def end() -> Proposal:
        if not await services.proposals.decline(stored.id, call.principal.account):
            raise _over(await _stored(services, stored.id))
        return _shown(await _stored(services, stored.id))

    return await answered_once(services, call, raw, end)


def _over(stored: StoredProposal) -> ProblemError:
    by = "" if stored.answered_by is None else f" by {stored.answered_by}"
    return ProblemError("proposal_over", f"The proposal is {_status(stored)}{by}.")


async def _in_path(services: ProposalServices, call: Call) -> StoredProposal:
    raw = uuid_bytes(call.request.match_info["id"])
    if raw is None:
        raise ProblemError("proposal_not_found")
    return await _stored(services, uuid.UUID(bytes=raw))


async def _stored(services: ProposalServices, identity: uuid.UUID) -> StoredProposal:
    found = await services.proposals.one(identity)
    if found is None:
        raise ProblemError("proposal_not_found")
    return found


def _status(stored: StoredProposal) -> str:
    return ProposalState(stored.state).name.lower()


def _shown(stored: StoredProposal) -> Proposal:
    return Proposal(
        id=str(stored.id),
        method=stored.method,
        path=stored.path,
        content=msgspec.Raw(stored.body.encode() or b"null"),
        reason=stored.reason,
        status=_status(stored),
        made_by=stored.made_by,
        made_at=datetime_text(stored.made_at),
        expires_at=datetime_text(stored.expires_at),
        answered_by=stored.answered_by,
        answered_at=None if stored.answered_at is None else datetime_text(stored.answered_at),
    )


_ONE: Final = frozenset({"proposal_not_found"})
_KEYED: Final = frozenset({"idempotency_mismatch", "invalid_idempotency_key"})
_CALLS: Final = frozenset().union(*(route.problems for _, route in _FOUR_EYES))

ROUTES: Final = (
    Route(
        "POST",
        "/v1/proposals",
        "Ask for a call that needs a second person.",
        PUBLISH,
        Access.REFUSED,
        propose,
        answer=Proposal,
        bodies=(NewProposalText,),
        problems=BODY | _KEYED | {"four_eyes_off", "proposals_full", "rule_pack_not_found", "scorecard_not_found"},
    ),
    Route(
        "GET",
        "/v1/proposals",
        "Proposals, newest first.",
        PUBLISH,
        Access.REFUSED,
        list_proposals,
        answer=ProposalList,
        query=("all", "limit", "after"),
    ),
    Route(
        "GET",
        "/v1/proposals/{id}",
        "One proposal.",
        PUBLISH,
        Access.REFUSED,
        get_proposal,
        answer=Proposal,
        problems=_ONE,
    ),
    Route(
        "POST",
        "/v1/proposals/{id}/approve",
        "Approve what another account asks for: the call is made.",
        PUBLISH,
        Access.REFUSED,
        approve,
        answer=Proposal,
        bodies=(Empty,),
        problems=BODY | _KEYED | _ONE | _CALLS | {"own_proposal", "proposal_over"},
        long=True,
    ),
    Route(
        "POST",
        "/v1/proposals/{id}/decline",
        "Decline a proposal, or take back one's own.",
        PUBLISH,
        Access.REFUSED,
        decline,
        answer=Proposal,
        bodies=(Empty,),
        problems=BODY | _KEYED | _ONE | {"proposal_over"},
    ),
)
