"""What a payment left in the journal.

Its events, page by page, and where each of its movements was booked, debit and credit.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.database.pool import Pool
from actors.records.addresses import shard_of
from actors.records.ids import decode_transfer, encode_wallet
from actors.records.layout import FLAG_REMOTE, MOVEMENTS
from actors.records.secret import Secret
from switch.api.events import EventServices, own_of, rendered_events
from switch.api.route import Route
from switch.api.transfer_lifecycle import RecordServices, transfer_in_path
from switch.http.access import NEITHER, Access
from switch.http.auth import READ
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_places, encode_cursor
from switch.problems.table import ProblemError
from switch.views.events import Event
from switch.views.legs import Sought, legs_of
from switch.views.representations import json_response
from switch.views.statement import PAYMENT, PartPlace

PLACES: Final = 3
"""Numbers of a cursor: the two of the last record's place, and 1 when its leg has not been shown."""


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a movement of money, on one shard. `id`: of the event that booked it, `booked_at` when; both null while a credit is on
    its way between shards."""

    side: Literal["debit", "credit"]
    wallet: str
    shard: int
    amount: int
    id: str | None
    booked_at: str | None


class TransferEvent(Event, frozen=True, kw_only=True):
    """An event of a payment. `legs`: debit and credit, where it moved money."""

    legs: list[Leg] | UnsetType = UNSET


class TransferEventList(msgspec.Struct, frozen=True):
    """A page of a payment's events, oldest first. The leg of a movement follows it, and so do the refunds of a capture."""

    data: list[TransferEvent]
    has_more: bool
    next: str | None


class TransferEventServices(EventServices, RecordServices, Protocol):
    """What these handlers use of the front door."""

    pool: Pool
    secret: Secret


class _Record(NamedTuple):
    """The record of a payment, or one that it left, and where that stands."""

    address: int
    place: PartPlace
    record: dict[str, int]


class _Line(NamedTuple):
    """An event of the list: a record, or the leg of one, by its address."""

    address: int
    of: _Record


class _Credit(NamedTuple):
    """Where the payee of a movement stands, and the record that credits it, None: on its way."""

    shard: int
    address: int | None


async def list_transfer_events(services: TransferEventServices, call: Call) -> web.Response:
    """GET /v1/transfers/{id}/events."""
    query = call.query()
    limit = page_limit(query)
    address, found = await transfer_in_path(services, call)
    if await services.access.seen(call.principal, found.record) == NEITHER:
        raise ProblemError("transfer_not_found")
    payment, scope = _Record(address, PAYMENT, found.record), f"transfer events {address}"
    after = decode_places(services.secret, scope, query["after"], PLACES) if "after" in query else None
    async with services.pages.place(call.principal.account):
        records, owed = await _records(services, payment, after, limit, call.principal.account)
        credits = await _credits(services, records[: limit + owed])
        lines = [*_lines(records, credits)][owed : owed + limit + 1]
        events = dict(await _at(services, call, [line.address for line in lines]))
    data = [_shown(services.secret, line, credits, events) for line in lines[:limit] if line.address in events]
    cursor = None
    if len(lines) > limit:
        last = lines[limit - 1]
        credit = credits.get(last.address)
        owes = credit is not None and credit.address != last.address
        cursor = encode_cursor(services.secret, scope, *last.of.place, int(owes))
    return json_response(TransferEventList(data, cursor is not None, cursor))


async def _records(
    services: TransferEventServices, payment: _Record, after: Sequence[int] | None, limit: int, asker: int
) -> tuple[list[_Record], int]:
    """The records that a page is made of, one more than it can show; 1 when of the first only the leg is to be shown, else 0."""
    *numbers, owed = after or (*PAYMENT, 0)
    place = PartPlace(*numbers)
    first = [payment] if after is None else []
    if owed:
        last = payment.record
        if place != PAYMENT:
            found = await services.history.transfer(place.address, asker)
            assert found is not None, "what was shown is in the journal"
            last = found.record
        first = [_Record(place.address or payment.address, place, last)]
    parts = []
    if payment.record["code"] == 0:
        parts = await services.history.parts_after(payment.address, place, limit + 1)
    return first + [_Record(each.place.address, each.place, each.record) for each in parts], owed


async def _credits(services: TransferEventServices, records: Sequence[_Record]) -> dict[int, _Credit]:
    """Where movements among records credit their payees, by their addresses: in their own record, unless the payee is on another shard."""
    moved = [each for each in records if each.record["kind"] in MOVEMENTS and each.record["code"] == 0]
    remote = [each for each in moved if each.record["flags"] & FLAG_REMOTE]
    payees = {each.record["payee"] for each in remote}
    homes = {payee: await services.topology.owner_of(payee) for payee in payees}
    legs = await legs_of(
        services.pool,
        [Sought(each.address, each.record["record_time"], homes[each.record["payee"]]) for each in remote],
    )
    return {each.address: _Credit(shard_of(each.address), each.address) for each in moved} | {
        each.address: _Credit(homes[each.record["payee"]], legs.get(each.address)) for each in remote
    }


def _lines(records: Sequence[_Record], credits: Mapping[int, _Credit]) -> Iterator[_Line]:
    """Records in order, each followed by its leg if that is a record of its own."""
    for each in records:
        yield _Line(each.address, each)
        credit = credits.get(each.address)
        if credit is not None and credit.address is not None and credit.address != each.address:
            yield _Line(credit.address, each)


def _shown(secret: Secret, line: _Line, credits: Mapping[int, _Credit], events: Mapping[int, Event]) -> TransferEvent:
    event = events[line.address]
    legs: list[Leg] | UnsetType = UNSET
    if line.address in credits:
        legs = _legs(secret, line.of.record, event, credits[line.address], events)
    return TransferEvent(legs=legs, **{name: getattr(event, name) for name in event.__struct_fields__})


def _legs(
    secret: Secret, record: dict[str, int], movement: Event, credit: _Credit, events: Mapping[int, Event]
) -> list[Leg]:
    booked = None if credit.address is None else events.get(credit.address)
    debit = Leg(
        side="debit",
        wallet=encode_wallet(secret, record["payer"]),
        shard=movement.shard,
        amount=record["amount"],
        id=movement.id,
        booked_at=movement.created_at,
    )
    other = msgspec.structs.replace(
        debit,
        side="credit",
        wallet=encode_wallet(secret, record["payee"]),
        shard=credit.shard,
        id=None if booked is None else booked.id,
        booked_at=None if booked is None else booked.created_at,
    )
    return [debit, other]


async def _at(services: TransferEventServices, call: Call, addresses: Sequence[int]) -> list[tuple[int, Event]]:
    """Events at addresses that the caller may see, with them."""
    account, own = call.principal.account, own_of(services, call.principal)
    found = await services.events.at(account, addresses, own)
    shown = await rendered_events(services, account, found)
    return [(each.address, event) for each, event in zip(found, shown, strict=True)]


async def get_event(services: TransferEventServices, call: Call) -> web.Response:
    """GET /v1/events/{id}."""
    call.query()
    identity = call.request.match_info["id"].lower()
    address = decode_transfer(services.secret, identity)
    for _, event in await _at(services, call, [address] if address else []):
        if event.id == identity:
            return json_response(event)
    raise ProblemError("event_not_found")


ROUTES: Final = (
    Route(
        "GET",
        "/v1/transfers/{id}/events",
        "Events of a payment, and where each of its movements was booked.",
        READ,
        Access.TRANSFER,
        list_transfer_events,
        answer=TransferEventList,
        query=("limit", "after"),
        problems=frozenset({"transfer_not_found"}),
        long=True,
    ),
    Route(
        "GET",
        "/v1/events/{id}",
        "One event.",
        READ,
        Access.FILTERED,
        get_event,
        answer=Event,
        problems=frozenset({"event_not_found"}),
    ),
)
