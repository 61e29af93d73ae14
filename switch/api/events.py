"""GET /v1/events: a page of events, or a stream of all that follow.

With `Accept: text/event-stream` it goes on for as long as the caller listens.

A stream holds one page at a time and never writes ahead of a slow reader; whatever ends it, `Last-Event-ID` goes on exactly there.
"""

import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

import msgspec
import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from actors.database.pool import StoreUnavailable
from actors.records.secret import Secret
from actors.stores.api_keys import Principal
from switch.api.route import Route
from switch.fairness.scheduling import Scheduler, Steps, mapped
from switch.fairness.shares import Places
from switch.gateway.routing import Topology
from switch.http.access import Access, WalletAccess
from switch.http.auth import READ, Authenticator, demand
from switch.http.call import JSON, PAGE_MAX, Call, page_limit
from switch.http.cursors import decode_places, encode_cursor
from switch.http.metrics import Metrics
from switch.http.server import Stream
from switch.problems.table import ProblemError, invalid_query
from switch.views.event_feed import START, EventFeed, Own
from switch.views.events import EVENT_TYPES, STEP_EVENTS, Event, EventPage, FoundEvent, packs_of, render, type_numbers
from switch.views.pack_names import PackCatalogue
from switch.views.representations import json_response

_log = logging.getLogger(__name__)

SCOPE: Final = "events"
NOW: Final = "now"
LAST: Final = "last"
"""In place of a cursor: the newest events there are, oldest of them first."""
STREAM: Final = "text/event-stream"
STREAM_HEADERS: Final = {"Content-Type": STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
HEARTBEAT_S: Final = 15.0
"""Proxies commonly cut a connection that is silent for a minute."""
RETRY_MS: Final = 1_000
"""A reader comes back so long after its stream ended."""
_ENCODE: Final = msgspec.json.Encoder().encode


class EventServices(Protocol):
    """What these handlers use of the front door."""

    secret: Secret
    topology: Topology
    access: WalletAccess
    authenticator: Authenticator
    catalogue: PackCatalogue
    events: EventFeed
    pages: Places
    searches: Places
    streams: Places
    scheduler: Scheduler
    metrics: Metrics
    draining: bool


class EventList(msgspec.Struct, frozen=True):
    """A page of events. `next` is always given: at the end it is where later events will follow."""

    data: list[Event]
    has_more: bool
    next: str


async def list_events(services: EventServices, call: Call) -> web.StreamResponse:
    """GET /v1/events?after=&limit=&types=&reference=."""
    query = call.query()
    limit, types = page_limit(query), _types(query)
    streams = STREAM in call.request.headers.get("Accept", "")
    after = (call.request.headers.get("Last-Event-ID") if streams else None) or query.get("after")
    if streams:
        if "reference" in query:
            raise invalid_query("reference", "a stream has all that follows")
        return await _stream(services, call, await _places(services, after), types)
    account, own = call.principal.account, own_of(services, call.principal)
    if "reference" in query:
        async with services.searches.place(account):
            page = await services.events.with_reference(account, _reference(query), limit, types, own)
            return await _listed(services, account, page)
    async with services.pages.place(account):
        if after == LAST:
            page = await services.events.last(account, limit, types, own)
        else:
            page = await services.events.page(account, await _places(services, after), limit, types, own)
        return await _listed(services, account, page)


async def _listed(services: EventServices, account: int, page: EventPage) -> web.Response:
    data = await rendered_events(services, account, page.events)
    return json_response(EventList(data, page.has_more, encode_cursor(services.secret, SCOPE, *page.places)))


async def rendered_events(services: EventServices, account: int, found: Sequence[FoundEvent]) -> list[Event]:
    """Events for a caller, in their order."""
    names = await services.catalogue.names(packs_of(found))
    return await services.scheduler.run(
        account, render(services.secret, names, found, await services.events.times(found))
    )


def own_of(services: EventServices, principal: Principal) -> Own | None:
    """Which wallets are a bound account's own; None: it sees all."""
    return None if principal.bound is None else partial(services.access.own, principal.bound)


def _types(query: dict[str, str]) -> NDArray[np.uint8]:
    if "types" not in query:
        return type_numbers(None)
    names = query["types"].split(",")
    if not EVENT_TYPES.issuperset(names):
        raise invalid_query("types", f"expected some of these, with commas between: {', '.join(sorted(EVENT_TYPES))}")
    return type_numbers(names)


def _reference(query: dict[str, str]) -> str:
    """The reference of the newest payments that are asked for."""
    if query.get("after") != LAST:
        raise invalid_query(
            "reference", f"it goes with after={LAST}: there is no index, so the newest payments are searched"
        )
    if not query["reference"]:
        raise invalid_query("reference", "a reference has a character at least")
    return query["reference"]


async def _places(services: EventServices, after: str | None) -> Sequence[int]:
    if after is None:
        return [START] * services.topology.shards
    if after == NOW:
        return await services.events.end()
    places = decode_places(services.secret, SCOPE, after, services.topology.shards)
    if await services.events.ahead(places):
        raise ProblemError("cursor_ahead")
    return places


# Streams.


async def _stream(
    services: EventServices, call: Call, places: Sequence[int], types: NDArray[np.uint8]
) -> web.StreamResponse:
    response = Stream(headers=STREAM_HEADERS)
    async with services.streams.place(call.principal.account):
        services.metrics.streams += 1
        try:
            await response.prepare(call.request)
            began = encode_cursor(
                services.secret, SCOPE, *places
            )  # whoever began with `now` goes on from here, not from later
            await response.write(f"retry: {RETRY_MS}\nid: {began}\n\n".encode())
            await _send_all(services, call, response, places, types)
        except (StoreUnavailable, ProblemError, ConnectionError) as error:
            _log.info("an event stream ended: %r", error)
        finally:
            services.metrics.streams -= 1
    return response


async def _send_all(
    services: EventServices, call: Call, response: web.StreamResponse, places: Sequence[int], types: NDArray[np.uint8]
) -> None:
    """Until the process drains, the reader leaves or its key is revoked. What was read and is not for the reader moves its cursor, too: who
    reads for long and hears nothing would begin where it began."""
    account, written = call.principal.account, time.monotonic()

    def gone() -> bool:
        return call.request.transport is None or call.request.transport.is_closing()

    while not services.draining and not gone():
        principal = await services.authenticator.principal(call.request.headers.get("Authorization"))
        demand(principal, READ)
        async with services.pages.place(account):
            page = await services.events.page(account, places, PAGE_MAX, types, own_of(services, principal))
            events = await rendered_events(services, account, page.events)
        if events:
            await response.write(await services.scheduler.run(account, _framed(services, places, page, events)))
            written = time.monotonic()
        places = page.places
        left = HEARTBEAT_S - (time.monotonic() - written)
        if left > 0 and not page.has_more:
            await services.events.grown(places, left, gone)
        if time.monotonic() - written >= HEARTBEAT_S:
            await response.write(f": heartbeat\nid: {encode_cursor(services.secret, SCOPE, *places)}\n\n".encode())
            written = time.monotonic()


def _framed(services: EventServices, places: Sequence[int], page: EventPage, events: Sequence[Event]) -> Steps[bytes]:
    """A page as a stream has it, each event with the cursor behind it."""
    reached = list(places)

    def framed(pair: tuple[FoundEvent, Event]) -> bytes:
        found, event = pair
        reached[event.shard] = found.place
        cursor = encode_cursor(services.secret, SCOPE, *reached)
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), event.type.encode(), _ENCODE(event))

    pairs = list(zip(page.events, events, strict=True))
    return b"".join((yield from mapped(framed, pairs, STEP_EVENTS)))


ROUTES: Final = (
    Route(
        "GET",
        "/v1/events",
        "Everything that happened, in order, as pages or as a stream.",
        READ,
        Access.FILTERED,
        list_events,
        answer=EventList,
        query=("after", "limit", "types", "reference"),
        media=(JSON, STREAM),
        problems=frozenset({"cursor_ahead"}),
        long=True,
    ),
)
