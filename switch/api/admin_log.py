"""The log of what administrators do, as whoever audits them reads it.

Each entry has the hash of the one before in its own, so a newer page proves an older one; `shardpay audit` compares all with the journal.
"""

from typing import Final, Protocol, get_args

import msgspec
from aiohttp import web

from actors.records.secret import Secret
from actors.stores.admin_log import LAST, AdminLogStore, Outcome, StoredEntry, Wanted, outcome_of
from switch.api.route import Route
from switch.http.access import Access
from switch.http.auth import AUDIT
from switch.http.call import Call, name_in, page_limit, time_in
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.times import time_text
from switch.problems.table import invalid_query
from switch.views.representations import json_response

_SCOPE: Final = "admin log"
_OUTCOMES: Final = get_args(Outcome)
_NOBODY: Final = -1
"""An account that made no call."""


class AdminLogServices(Protocol):
    """What this handler uses of the front door."""

    secret: Secret
    admin_log: AdminLogStore


class AdminLogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One call or command. `account` null: a command where the database is, and `origin` says whose. `origin`: how and where it came in;
    `request`: calls of one request have the same; `status` null: nobody knows. `digest`: SHA-256 of `salt` and of the SHA-256 of what the
    call sent; `sent`: that text, where it is kept; both are null once they are erased. `hash`: of the entry and of the hash before it."""

    number: int
    at: str
    account: str | None
    key: str | None
    origin: str
    request: str
    call: str
    resource: str
    outcome: Outcome
    status: int | None
    code: str | None
    digest: str
    salt: str | None
    sent: str | None
    hash: str


class AdminLogPage(msgspec.Struct, frozen=True):
    """Entries, newest first."""

    data: list[AdminLogEntry]
    has_more: bool
    next: str | None


async def list_admin_log(services: AdminLogServices, call: Call) -> web.Response:
    """GET /v1/admin-log?account=&call=&resource=&outcome=&since=&until=."""
    query = call.query()
    wanted = await _wanted(services, query)
    limit = page_limit(query)
    before = decode_cursor(services.secret, _SCOPE, query["after"]) if "after" in query else LAST
    found = await services.admin_log.page(wanted, before, limit + 1)
    page, more = found[:limit], len(found) > limit
    following = encode_cursor(services.secret, _SCOPE, page[-1].entry.number) if more else None
    return json_response(AdminLogPage([_shown(each) for each in page], more, following))


async def _wanted(services: AdminLogServices, query: dict[str, str]) -> Wanted:
    account = None
    if "account" in query:
        account = await services.admin_log.account(name_in(query, "account"))
        account = _NOBODY if account is None else account
    outcome = query.get("outcome")
    if outcome is not None and outcome not in _OUTCOMES:
        raise invalid_query("outcome", f"expected one of: {', '.join(_OUTCOMES)}")
    return msgspec.convert(
        {
            "account": account,
            "call": name_in(query, "call") if "call" in query else None,
            "resource": name_in(query, "resource") if "resource" in query else None,
            "since_ms": time_in(query, "since"),
            "until_ms": time_in(query, "until"),
            "outcome": outcome,
        },
        Wanted,
    )


def _shown(stored: StoredEntry) -> AdminLogEntry:
    entry, call = stored.entry, stored.entry.call
    return AdminLogEntry(
        number=entry.number,
        at=time_text(entry.at_ms),
        account=stored.name,
        key=call.key or None,
        origin=call.origin,
        request=call.request,
        call=call.call,
        resource=call.resource,
        outcome=outcome_of(entry),
        status=entry.status or None,
        code=entry.code or None,
        digest=entry.digest.hex(),
        salt=None if stored.salt is None else stored.salt.hex(),
        sent=None if stored.body is None else stored.body.decode(errors="replace"),
        hash=stored.hash.hex(),
    )


ROUTES: Final = (
    Route(
        "GET",
        "/v1/admin-log",
        "What administrators did, newest first.",
        AUDIT,
        Access.REFUSED,
        list_admin_log,
        answer=AdminLogPage,
        query=("account", "call", "resource", "outcome", "since", "until", "limit", "after"),
    ),
)
