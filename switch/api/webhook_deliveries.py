"""Deliveries of a webhook endpoint: the log, and what is sent by hand.

What is asked for here is sent by the one process that sends.
"""

import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol

import msgspec
from aiohttp import web

from actors.records.ids import uuid_bytes
from actors.records.secret import Secret
from actors.stores.webhook_endpoints import (
    ASKED_MAX,
    DeliveryState,
    EndpointState,
    StoredDelivery,
    StoredEndpoint,
)
from switch.api.recorded import RecordedServices, answered_once
from switch.api.route import BODY, Route
from switch.api.services import Limits
from switch.api.webhook_endpoints import EndpointLookup, account_seen, endpoint_in_path
from switch.http.access import Access
from switch.http.auth import WEBHOOKS
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_places, encode_cursor, halves
from switch.http.decoding import EMPTY, decode
from switch.http.schema import Empty
from switch.http.times import datetime_text
from switch.problems.table import ProblemError, invalid_query
from switch.views.representations import json_response
from switch.webhooks.messages import TEST_TYPE

EVENTS_MAX: Final = 100
"""Whose deliveries one call asks for."""
STATES: Final = {state.name.lower(): state for state in DeliveryState}


class WebhookAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt: the `status` that was answered, or the `error` for which there is none."""

    at: str
    took_ms: int | None
    status: int | None
    error: str | None


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery. `event`: the event's id, which the receiver sees as `webhook-id`; `status`: `pending`, `delivered` or `dead`; `attempts`:
    oldest first."""

    id: str
    endpoint: str
    event: str
    type: str
    status: str
    next_attempt_at: str | None
    attempts: list[WebhookAttempt]


class WebhookDeliveryList(msgspec.Struct, frozen=True):
    """A page of deliveries, newest first."""

    data: list[WebhookDelivery]
    has_more: bool
    next: str | None


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """How many deliveries are sent again."""

    count: int


class DeliveryLookup(EndpointLookup, Protocol):
    """What is needed to show deliveries."""

    secret: Secret


class DeliveryServices(EndpointLookup, RecordedServices, Protocol):
    """What is needed to send by hand."""

    limits: Limits


async def list_deliveries(services: DeliveryLookup, call: Call) -> web.Response:
    """GET /v1/webhook-endpoints/{id}/deliveries?state=&event=."""
    query = call.query()
    endpoint = await endpoint_in_path(services, call)

    async def read(before: uuid.UUID | None, limit: int) -> list[StoredDelivery]:
        state, message = _state(query), _message(query)
        return await services.webhook_store.deliveries(endpoint.id, before, limit, state, message)

    return await _page(services, query, f"deliveries {endpoint.id}", read)


async def list_deliveries_of(services: DeliveryLookup, call: Call) -> web.Response:
    """GET /v1/webhook-deliveries?events=."""
    query = call.query()
    messages, account = _messages(query["events"]), account_seen(call.principal)
    read = partial(services.webhook_store.deliveries_of, account, messages)
    return await _page(services, query, "deliveries of " + ",".join(map(str, messages)), read)


async def _page(
    services: DeliveryLookup,
    query: dict[str, str],
    scope: str,
    read: Callable[[uuid.UUID | None, int], Awaitable[list[StoredDelivery]]],
) -> web.Response:
    """A page of a list that cursors call `scope`. `read`: the first so many before one, newest first."""
    limit, before = page_limit(query), None
    if "after" in query:
        high, low = decode_places(services.secret, scope, query["after"], 2)
        before = uuid.UUID(int=high << 64 | low)
    found = await read(before, limit + 1)
    page, more = found[:limit], len(found) > limit
    following = encode_cursor(services.secret, scope, *halves(page[-1].id)) if more else None
    return json_response(WebhookDeliveryList([_shown(each) for each in page], more, following))


def _messages(text: str) -> list[uuid.UUID]:
    raw = [uuid_bytes(each) for each in text.split(",")[: EVENTS_MAX + 1]]
    ids = [uuid.UUID(bytes=each) for each in raw if each is not None]
    if len(ids) < len(raw) or len(ids) > EVENTS_MAX:
        raise invalid_query("events", f"up to {EVENTS_MAX} events' ids are expected, with commas between")
    return ids


def _state(query: dict[str, str]) -> DeliveryState | None:
    if "state" not in query:
        return None
    if query["state"] not in STATES:
        raise invalid_query("state", f"expected one of {', '.join(STATES)}")
    return STATES[query["state"]]


def _message(query: dict[str, str]) -> uuid.UUID | None:
    if "event" not in query:
        return None
    raw = uuid_bytes(query["event"])
    if raw is None:
        raise invalid_query("event", "an event's id is expected")
    return uuid.UUID(bytes=raw)


async def get_delivery(services: DeliveryLookup, call: Call) -> web.Response:
    """GET /v1/webhook-endpoints/{id}/deliveries/{delivery}."""
    call.query()
    endpoint = await endpoint_in_path(services, call)
    found = await services.webhook_store.delivery(endpoint.id, _delivery_in_path(call))
    if found is None:
        raise ProblemError("delivery_not_found")
    return json_response(_shown(found))


async def send_test(services: DeliveryServices, call: Call) -> web.Response:
    """POST /v1/webhook-endpoints/{id}/test: an event of type webhook.test, sent within seconds."""
    endpoint = await endpoint_in_path(services, call)
    text = await _empty(services, call)

    async def ask() -> WebhookDelivery:
        await _check_sends(services, endpoint)
        return _shown(await services.webhook_store.test(endpoint.id, TEST_TYPE))

    return await answered_once(services, call, text, ask)


async def replay_delivery(services: DeliveryServices, call: Call) -> web.Response:
    """POST /v1/webhook-endpoints/{id}/deliveries/{delivery}/replay: now, and if it fails again and again over a day."""
    endpoint, identity = await endpoint_in_path(services, call), _delivery_in_path(call)
    text = await _empty(services, call)

    async def ask() -> WebhookDelivery:
        await _check_sends(services, endpoint)
        found = await services.webhook_store.ask(endpoint.id, identity)
        if found is None:
            raise ProblemError("delivery_not_found")
        return _shown(found)

    return await answered_once(services, call, text, ask)


async def replay_dead(services: DeliveryServices, call: Call) -> web.Response:
    """POST /v1/webhook-endpoints/{id}/replay: the dead letters, the oldest 1,000."""
    endpoint = await endpoint_in_path(services, call)
    text = await _empty(services, call)

    async def ask() -> Replayed:
        await _check_sends(services, endpoint, min(endpoint.dead, ASKED_MAX))
        return Replayed(count=await services.webhook_store.ask_dead(endpoint.id))

    return await answered_once(services, call, text, ask)


async def _empty(services: DeliveryServices, call: Call) -> bytes:
    text = await call.json_body(services.limits.json_bytes_max) or b"{}"
    decode(EMPTY, text)
    return text


async def _check_sends(services: DeliveryServices, endpoint: StoredEndpoint, more: int = 1) -> None:
    if endpoint.state is not EndpointState.ENABLED:
        raise ProblemError("webhook_endpoint_disabled")
    if not await services.webhook_store.has_room(endpoint.id, more):
        raise ProblemError("deliveries_full")


def _delivery_in_path(call: Call) -> uuid.UUID:
    raw = uuid_bytes(call.request.match_info["delivery"])
    if raw is None:
        raise ProblemError("delivery_not_found")
    return uuid.UUID(bytes=raw)


def _shown(stored: StoredDelivery) -> WebhookDelivery:
    return WebhookDelivery(
        id=str(stored.id),
        endpoint=str(stored.endpoint),
        event=str(stored.message),
        type=stored.type,
        status=stored.state.name.lower(),
        next_attempt_at=None if stored.next_at is None else datetime_text(stored.next_at),
        attempts=[
            WebhookAttempt(
                at=datetime_text(each.tried_at),
                took_ms=each.took_ms,
                status=each.status,
                error=each.error,
            )
            for each in stored.attempts
        ],
    )


_FOUND: Final = frozenset({"webhook_endpoint_not_found"})
_ASKING: Final = (
    BODY | _FOUND | {"invalid_idempotency_key", "idempotency_mismatch", "webhook_endpoint_disabled", "deliveries_full"}
)
_DELIVERIES: Final = "/v1/webhook-endpoints/{id}/deliveries"

ROUTES: Final = (
    Route(
        "GET",
        _DELIVERIES,
        "A webhook endpoint's deliveries, newest first.",
        WEBHOOKS,
        Access.ACCOUNT,
        list_deliveries,
        answer=WebhookDeliveryList,
        query=("state", "event", "limit", "after"),
        problems=_FOUND,
    ),
    Route(
        "GET",
        "/v1/webhook-deliveries",
        "Deliveries about some events, to all webhook endpoints, newest first.",
        WEBHOOKS,
        Access.ACCOUNT,
        list_deliveries_of,
        answer=WebhookDeliveryList,
        query=("events", "limit", "after"),
        needed=("events",),
    ),
    Route(
        "GET",
        f"{_DELIVERIES}/{{delivery}}",
        "A delivery with its attempts.",
        WEBHOOKS,
        Access.ACCOUNT,
        get_delivery,
        answer=WebhookDelivery,
        problems=_FOUND | {"delivery_not_found"},
    ),
    Route(
        "POST",
        f"{_DELIVERIES}/{{delivery}}/replay",
        "Send a delivery again, whatever became of it.",
        WEBHOOKS,
        Access.ACCOUNT,
        replay_delivery,
        answer=WebhookDelivery,
        bodies=(Empty,),
        problems=_ASKING | {"delivery_not_found"},
    ),
    Route(
        "POST",
        "/v1/webhook-endpoints/{id}/replay",
        "Send a webhook endpoint's dead letters again.",
        WEBHOOKS,
        Access.ACCOUNT,
        replay_dead,
        answer=Replayed,
        bodies=(Empty,),
        problems=_ASKING,
    ),
    Route(
        "POST",
        "/v1/webhook-endpoints/{id}/test",
        "Send a test event to a webhook endpoint.",
        WEBHOOKS,
        Access.ACCOUNT,
        send_test,
        answer=WebhookDelivery,
        bodies=(Empty,),
        problems=_ASKING,
    ),
)
