"""What a payment left in the journal.

Its events, and where each of its movements was booked, debit and credit.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Protocol

import msgspec
from aiohttp import web

from actors.database.pool import Pool
from actors.records.addresses import shard_of
from actors.records.ids import Secret, decode_transfer, encode_wallet
from actors.records.layout import FLAG_REMOTE, MOVEMENTS
from switch.api.events import EventServices, own_of, rendered_events
from switch.api.route import Route
from switch.api.transfer_lifecycle import RecordServices, transfer_in_path
from switch.http.access import NEITHER, Access
from switch.http.auth import READ
from switch.http.call import Call
from switch.problems.table import ProblemError
from switch.views.events import Event
from switch.views.legs import leg_of
from switch.views.representations import json_response
from switch.views.statement import NO_PARTS


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a movement of money, on one shard: `movement` is the transfer, capture or refund that moved it. `id`: of the event that
    booked it, `booked_at` when; both null while a credit is on its way between shards."""

    movement: str
    side: Literal["debit", "credit"]
    wallet: str
    shard: int
    amount: int
    id: str | None
    booked_at: str | None


class TransferEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a payment, oldest first, and the legs of its movements: two each."""

    data: list[Event]
    legs: list[Leg]


class TransferEventServices(EventServices, RecordServices, Protocol):
    """What these handlers use of the front door."""

    pool: Pool
    secret: Secret


class _Credit(NamedTuple):
    """Where the payee of a movement stands, and the record that credits it, None: on its way."""

    shard: int
    address: int | None


async def list_transfer_events(services: TransferEventServices, call: Call) -> web.Response:
    """GET /v1/transfers/{id}/events."""
    call.query()
    address, found = await transfer_in_path(services, call)
    if await services.access.seen(call.principal, found.record) == NEITHER:
        raise ProblemError("transfer_not_found")
    parts = await services.history.parts(address) if found.record["code"] == 0 else NO_PARTS
    records = {address: found.record} | {part.address: part.record for part in parts.listed}
    async with services.pages.place(call.principal.account):
        credits = {
            at: await _credit(services, at, record)
            for at, record in records.items()
            if record["kind"] in MOVEMENTS and record["code"] == 0
        }
        legs = [credit.address for credit in credits.values() if credit.address is not None]
        events = await _at(services, call, [*records, *legs])
    by_address = dict(events)
    shown = [
        leg
        for at, credit in credits.items()
        if at in by_address
        for leg in _legs(services.secret, at, records[at], credit, by_address)
    ]
    ordered = sorted(by_address.values(), key=lambda event: event.created_at)
    return json_response(TransferEvents(data=ordered, legs=shown))


async def _credit(services: TransferEventServices, address: int, record: dict[str, int]) -> _Credit:
    """A movement credits its payee in its own record, unless that lives on another shard."""
    if not record["flags"] & FLAG_REMOTE:
        return _Credit(shard_of(address), address)
    there = await services.topology.owner_of(record["payee"])
    return _Credit(there, await leg_of(services.pool, there, address, record["record_time"]))


def _legs(
    secret: Secret, address: int, record: dict[str, int], credit: _Credit, events: dict[int, Event]
) -> tuple[Leg, Leg]:
    movement, booked = events[address], None if credit.address is None else events.get(credit.address)
    debit = Leg(
        movement=movement.id,
        side="debit",
        wallet=encode_wallet(secret, record["payer"]),
        shard=shard_of(address),
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
    return debit, other


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
        answer=TransferEvents,
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
