"""Webhook endpoints: make, list, change, remove, change the secret.

An account sees its own; a key with the scope admin on all wallets sees everybody's. A secret is shown once.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Protocol

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.ids import uuid_bytes
from actors.records.secret import Secret
from actors.stores.api_keys import Principal
from actors.stores.webhook_endpoints import (
    Also,
    EndpointChange,
    EndpointState,
    NewEndpoint,
    StoredEndpoint,
    WebhookStore,
)
from switch.api.events import NOW
from switch.api.events import SCOPE as EVENTS
from switch.api.recorded import RecordedServices, answered_once
from switch.api.route import BODY, Route
from switch.api.services import Limits
from switch.gateway.routing import Topology
from switch.http.access import Access
from switch.http.auth import WEBHOOKS
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_places, encode_cursor, halves
from switch.http.decoding import NEW_WEBHOOK_ENDPOINT, SECRET_ROTATION, WEBHOOK_ENDPOINT_PATCH, decode
from switch.http.schema import SECRET_OVERLAP_S, NewWebhookEndpoint, SecretRotation, WebhookEndpointPatch
from switch.http.times import datetime_text, now_ms, time_text
from switch.problems.table import ProblemError, invalid_field
from switch.views.event_feed import START, EventFeed
from switch.views.events import EVENT_TYPES
from switch.views.representations import json_response
from switch.webhooks.addresses import AddressGuard, UrlRefused
from switch.webhooks.presence import WebhookPresence
from switch.webhooks.signing import secret_text

BEGINNING: Final = "start"
"""In place of a cursor: all events there are."""
_SCOPE: Final = "webhook endpoints"
_WHY: Final = {EndpointState.DISABLED: "asked", EndpointState.FAILED: "failing", EndpointState.GONE: "gone"}


class WebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook endpoint. `types` null: all; `disabled_because`: `asked`, `failing` (nothing got through for three days) or `gone` (it
    answered 410); `failing_since`: since when nothing gets through; `pending`: deliveries that wait to be sent again; `dead_letters`: what
    is not sent again by itself; `delivered`, `failed`: attempts so far; `secrets`: how many sign; `secret`: when it is made, and then never
    more."""

    id: str
    account: str
    url: str
    description: str
    types: list[str] | None
    ordered: bool
    status: str
    disabled_because: str | UnsetType = UNSET
    created_at: str
    failing_since: str | None
    pending: int
    dead_letters: int
    delivered: int
    failed: int
    secrets: int
    secret: str | UnsetType | None = UNSET


class WebhookEndpointList(msgspec.Struct, frozen=True):
    """A page of webhook endpoints."""

    data: list[WebhookEndpoint]
    has_more: bool
    next: str | None


class WebhookSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A new secret, shown once, null in the answer to a repeat; the ones before it sign until `previous_expire_at`."""

    id: str
    secret: str | None
    previous_expire_at: str


class EndpointLookup(Protocol):
    """Where endpoints are kept."""

    webhook_store: WebhookStore


class EndpointServices(EndpointLookup, RecordedServices, Protocol):
    """What these handlers use of the front door."""

    secret: Secret
    limits: Limits
    topology: Topology
    events: EventFeed
    webhook_guard: AddressGuard
    webhook_presence: WebhookPresence


# What is there.


def account_seen(principal: Principal) -> int | None:
    """Whose endpoints a caller sees: its own account's, or everybody's."""
    return None if principal.bound is None and "admin" in principal.scopes else principal.account


async def endpoint_in_path(services: EndpointLookup, call: Call) -> StoredEndpoint:
    """The endpoint whose id is in the path, if the caller may see it. Raises ProblemError webhook_endpoint_not_found."""
    raw = uuid_bytes(call.request.match_info["id"])
    found = None
    if raw is not None:
        found = await services.webhook_store.one(account_seen(call.principal), uuid.UUID(bytes=raw))
    if found is None:
        raise ProblemError("webhook_endpoint_not_found")
    return found


async def list_endpoints(services: EndpointServices, call: Call) -> web.Response:
    """GET /v1/webhook-endpoints."""
    query = call.query()
    limit, after = page_limit(query), None
    if "after" in query:
        high, low = decode_places(services.secret, _SCOPE, query["after"], 2)
        after = uuid.UUID(int=high << 64 | low)
    found = await services.webhook_store.page(account_seen(call.principal), after, limit + 1)
    page, more = found[:limit], len(found) > limit
    following = encode_cursor(services.secret, _SCOPE, *halves(page[-1].id)) if more else None
    return json_response(WebhookEndpointList([shown(each) for each in page], more, following))


async def get_endpoint(services: EndpointServices, call: Call) -> web.Response:
    """GET /v1/webhook-endpoints/{id}."""
    call.query()
    return json_response(shown(await endpoint_in_path(services, call)))


def shown(stored: StoredEndpoint, secret: str | UnsetType | None = UNSET) -> WebhookEndpoint:
    """An endpoint as its owner sees it."""
    return WebhookEndpoint(
        id=str(stored.id),
        account=stored.name,
        url=stored.url,
        description=stored.description,
        types=None if stored.types is None else list(stored.types),
        ordered=stored.ordered,
        status="enabled" if stored.state is EndpointState.ENABLED else "disabled",
        disabled_because=_WHY.get(stored.state, UNSET),
        created_at=datetime_text(stored.made_at),
        failing_since=None if stored.failing_since is None else datetime_text(stored.failing_since),
        pending=stored.pending,
        dead_letters=stored.dead,
        delivered=stored.delivered,
        failed=stored.failed,
        secrets=stored.secrets,
        secret=secret,
    )


# Changes.


async def create_endpoint(services: EndpointServices, call: Call) -> web.Response:
    """POST /v1/webhook-endpoints."""
    text = await call.json_body(services.limits.json_bytes_max)
    body = decode(NEW_WEBHOOK_ENDPOINT, text)
    _check_url(services, body.url)
    types = _types(body.types)

    async def make() -> WebhookEndpoint:
        new = NewEndpoint(
            account=call.principal.account,
            url=body.url,
            description="" if body.description is UNSET else body.description,
            types=types,
            ordered=body.ordered is True,
            places=await _places(services, NOW if body.after is UNSET else body.after),
        )
        made = await services.webhook_store.add(new, _kept(services, call, lambda stored: shown(stored, None)))
        if made is None:
            raise ProblemError("webhook_endpoints_full")
        services.webhook_presence.seen = True
        stored, secret = made
        return shown(stored, secret_text(secret))

    return await answered_once(services, call, text, make, 201, keeps=True)


def _kept(services: EndpointServices, call: Call, repeated: Callable[[StoredEndpoint], msgspec.Struct]) -> Also:
    """Records what repeats of this call are answered, in the transaction of the change: no secret is in it."""
    account, key = call.principal.account, call.given_key()

    async def keep(session: object, stored: StoredEndpoint) -> None:
        if key is not None:
            await services.batch_keys.record_in(session, account, key, msgspec.json.encode(repeated(stored)))

    return keep


async def patch_endpoint(services: EndpointServices, call: Call) -> web.Response:
    """PATCH /v1/webhook-endpoints/{id}: what is not named stays."""
    stored = await endpoint_in_path(services, call)
    body = decode(WEBHOOK_ENDPOINT_PATCH, await call.json_body(services.limits.json_bytes_max))
    if body.url is not UNSET:
        _check_url(services, body.url)
    change = EndpointChange(
        url=None if body.url is UNSET else body.url,
        description=None if body.description is UNSET else body.description,
        types_change=body.types is not UNSET,
        types=_types(body.types),
        ordered=None if body.ordered is UNSET else body.ordered,
        state=None if body.disabled is UNSET else EndpointState.DISABLED if body.disabled else EndpointState.ENABLED,
        places=None if body.after is UNSET else await _places(services, body.after),
    )
    await services.webhook_store.change(stored.id, change)
    return json_response(shown(await endpoint_in_path(services, call)))


async def delete_endpoint(services: EndpointServices, call: Call) -> web.Response:
    """DELETE /v1/webhook-endpoints/{id}: with its secrets and its deliveries."""
    stored = await endpoint_in_path(services, call)
    await services.webhook_store.remove(stored.id)
    return json_response(shown(stored))


async def rotate_secret(services: EndpointServices, call: Call) -> web.Response:
    """POST /v1/webhook-endpoints/{id}/secret/rotate."""
    stored = await endpoint_in_path(services, call)
    text = await call.json_body(services.limits.json_bytes_max) or b"{}"
    body = decode(SECRET_ROTATION, text)
    overlap_s = SECRET_OVERLAP_S if body.expires_in is UNSET else body.expires_in

    async def rotate() -> WebhookSecret:
        ends = time_text(now_ms() + overlap_s * 1_000)
        answer = WebhookSecret(id=str(stored.id), secret=None, previous_expire_at=ends)
        overlap = timedelta(seconds=overlap_s)
        secret = await services.webhook_store.rotate(stored.id, overlap, _kept(services, call, lambda _: answer))
        if secret is None:
            raise ProblemError("webhook_endpoint_not_found")
        return msgspec.structs.replace(answer, secret=secret_text(secret))

    return await answered_once(services, call, text, rotate, keeps=True)


def _check_url(services: EndpointServices, url: str) -> None:
    try:
        services.webhook_guard.check_url(url)
    except UrlRefused as error:
        raise invalid_field("url", str(error)) from None


def _types(given: list[str] | UnsetType | None) -> list[str] | None:
    if given is UNSET or given is None:
        return None
    for index, name in enumerate(given):
        if name not in EVENT_TYPES:
            raise invalid_field(f"types[{index}]", f"expected one of {', '.join(sorted(EVENT_TYPES))}")
    return sorted(set(given))


async def _places(services: EndpointServices, after: str) -> list[int]:
    """The cursor that `after` names."""
    if after == NOW:
        return await services.events.end()
    if after == BEGINNING:
        return [START] * services.topology.shards
    try:
        places = decode_places(services.secret, EVENTS, after, services.topology.shards)
    except ProblemError:
        raise invalid_field("after", "a cursor of /v1/events is expected, `now` or `start`") from None
    if await services.events.ahead(places):
        raise ProblemError("cursor_ahead")
    return list(places)


_KEYED: Final = BODY | {"invalid_idempotency_key", "idempotency_mismatch"}
_FOUND: Final = frozenset({"webhook_endpoint_not_found"})

ROUTES: Final = (
    Route(
        "POST",
        "/v1/webhook-endpoints",
        "Have events sent to a URL.",
        WEBHOOKS,
        Access.ACCOUNT,
        create_endpoint,
        answer=WebhookEndpoint,
        bodies=(NewWebhookEndpoint,),
        problems=_KEYED | {"webhook_endpoints_full", "webhook_endpoint_not_found", "cursor_ahead"},
    ),
    Route(
        "GET",
        "/v1/webhook-endpoints",
        "List webhook endpoints.",
        WEBHOOKS,
        Access.ACCOUNT,
        list_endpoints,
        answer=WebhookEndpointList,
        query=("limit", "after"),
    ),
    Route(
        "GET",
        "/v1/webhook-endpoints/{id}",
        "A webhook endpoint, and how it does.",
        WEBHOOKS,
        Access.ACCOUNT,
        get_endpoint,
        answer=WebhookEndpoint,
        problems=_FOUND,
    ),
    Route(
        "PATCH",
        "/v1/webhook-endpoints/{id}",
        "Change a webhook endpoint: where, what, and from where on.",
        WEBHOOKS,
        Access.ACCOUNT,
        patch_endpoint,
        answer=WebhookEndpoint,
        bodies=(WebhookEndpointPatch,),
        problems=BODY | _FOUND | {"cursor_ahead"},
    ),
    Route(
        "DELETE",
        "/v1/webhook-endpoints/{id}",
        "Delete a webhook endpoint with all that is kept of it.",
        WEBHOOKS,
        Access.ACCOUNT,
        delete_endpoint,
        answer=WebhookEndpoint,
        problems=_FOUND,
    ),
    Route(
        "POST",
        "/v1/webhook-endpoints/{id}/secret/rotate",
        "Give a webhook endpoint a new secret; the old one signs for a while.",
        WEBHOOKS,
        Access.ACCOUNT,
        rotate_secret,
        answer=WebhookSecret,
        bodies=(SecretRotation,),
        problems=_KEYED | _FOUND,
    ),
)
