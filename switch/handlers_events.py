"""GET /v1/events: a page, or with `Accept: text/event-stream` all that follows for as long as the caller listens.

A stream holds one page at a time and never writes ahead of a slow reader; whatever ends it, `Last-Event-ID` goes on exactly there.
"""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec
import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from actors.key_store import Principal
from actors.pool import StoreUnavailable
from switch.answers import json_response
from switch.auth import READ, demand
from switch.calls import PAGE_MAX, Call, page_limit
from switch.cursors import decode_places, encode_cursor
from switch.door import Door
from switch.event_feed import START, Own
from switch.events import EVENT_TYPES, STEP_EVENTS, Event, Found, Page, packs_of, render, type_numbers
from switch.problems import ProblemError, invalid_query
from switch.responses import Stream
from switch.scheduling import Steps, mapped

_log = logging.getLogger(__name__)

SCOPE: Final = "events"
NOW: Final = "now"
STREAM: Final = "text/event-stream"
STREAM_HEADERS: Final = {"Content-Type": STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
HEARTBEAT_S: Final = 15.0
"""Proxies commonly cut a connection that is silent for a minute."""
RETRY_MS: Final = 1_000
"""A reader comes back so long after its stream ended."""
_ENCODE: Final = msgspec.json.Encoder().encode


class EventList(msgspec.Struct, frozen=True):
    """A page of events. `next` is always given: at the end it is where later events will follow."""

    data: list[Event]
    has_more: bool
    next: str


async def list_events(door: Door, call: Call) -> web.StreamResponse:
    """GET /v1/events?after=&limit=&types=."""
    query = call.query(("after", "limit", "types"))
    limit, types = page_limit(query), _types(query)
    streams = STREAM in call.request.headers.get("Accept", "")
    after = (call.request.headers.get("Last-Event-ID") if streams else None) or query.get("after")
    places = await _places(door, after)
    if streams:
        return await _stream(door, call, places, types)
    account = call.principal.account
    async with door.pages.place(account):
        page = await door.events.page(account, places, limit, types, _own(door, call.principal))
        data = await _rendered(door, account, page.events)
    return json_response(EventList(data, page.has_more, encode_cursor(door.secret, SCOPE, *page.places)))


async def _rendered(door: Door, account: int, found: Sequence[Found]) -> list[Event]:
    names = await door.catalogue.names(packs_of(found))
    return await door.scheduler.run(account, render(door.secret, names, found, await door.events.times(found)))


def _own(door: Door, principal: Principal) -> Own | None:
    return None if principal.bound is None else partial(door.access.own, principal.bound)


def _types(query: dict[str, str]) -> NDArray[np.uint8]:
    if "types" not in query:
        return type_numbers(None)
    names = query["types"].split(",")
    if not EVENT_TYPES.issuperset(names):
        raise invalid_query("types", f"expected some of these, with commas between: {', '.join(sorted(EVENT_TYPES))}")
    return type_numbers(names)


async def _places(door: Door, after: str | None) -> Sequence[int]:
    if after is None:
        return [START] * door.topology.shards
    if after == NOW:
        return await door.events.end()
    places = decode_places(door.secret, SCOPE, after, door.topology.shards)
    if await door.events.ahead(places):
        raise ProblemError("cursor_ahead")
    return places


# Streams.


async def _stream(door: Door, call: Call, places: Sequence[int], types: NDArray[np.uint8]) -> web.StreamResponse:
    response = Stream(headers=STREAM_HEADERS)
    async with door.streams.place(call.principal.account):
        door.metrics.streams += 1
        try:
            await response.prepare(call.request)
            await response.write(b"retry: %d\n\n" % RETRY_MS)  # the headers leave with the first bytes
            await _send_all(door, call, response, places, types)
        except (StoreUnavailable, ProblemError, ConnectionError) as error:
            _log.info("an event stream ended: %r", error)
        finally:
            door.metrics.streams -= 1
    return response


async def _send_all(
    door: Door, call: Call, response: web.StreamResponse, places: Sequence[int], types: NDArray[np.uint8]
) -> None:
    """Until the process drains, the reader leaves or its key is revoked."""
    account = call.principal.account

    def gone() -> bool:
        return call.request.transport is None or call.request.transport.is_closing()

    while not door.draining and not gone():
        principal = await door.authenticator.principal(call.request.headers.get("Authorization"))
        demand(principal, READ)
        async with door.pages.place(account):
            page = await door.events.page(account, places, PAGE_MAX, types, _own(door, principal))
            events = await _rendered(door, account, page.events)
        if events:
            await response.write(await door.scheduler.run(account, _framed(door, places, page, events)))
        places = page.places
        if not page.has_more and not await door.events.grown(places, HEARTBEAT_S, gone):
            await response.write(f": heartbeat\nid: {encode_cursor(door.secret, SCOPE, *places)}\n\n".encode())


def _framed(door: Door, places: Sequence[int], page: Page, events: Sequence[Event]) -> Steps[bytes]:
    """A page as a stream has it, each event with the cursor behind it."""
    reached = list(places)

    def framed(pair: tuple[Found, Event]) -> bytes:
        found, event = pair
        reached[event.shard] = found.place
        cursor = encode_cursor(door.secret, SCOPE, *reached)
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), event.type.encode(), _ENCODE(event))

    pairs = list(zip(page.events, events, strict=True))
    return b"".join((yield from mapped(framed, pairs, STEP_EVENTS)))
