"""The open holds of a wallet that pays, newest first.

They are looked for on the wallet's chain, from its newest record on, until they come to what the wallet has held: so a wallet without
holds costs one question to its shard, and one with young holds a page of its chain, however long its history is.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec
from aiohttp import web
from msgspec import UNSET

from actors.records.layout import WalletRows
from actors.rpc.interface import ChainHead
from switch.api.route import Route
from switch.api.transfer_lifecycle import ShowServices, shown
from switch.fairness.shares import Places
from switch.http.access import BOTH, Access
from switch.http.auth import READ
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_places, encode_cursor
from switch.problems.table import ProblemError
from switch.views.representations import TransferAnswer, json_response
from switch.views.statement import Found, HoldSteps

T = TypeVar("T")

_OPEN: Final = ("held", "in_review")
_FROM_HEAD: Final = -1
"""Of a row that was not looked at yet."""


class HoldServices(ShowServices, Protocol):
    """What these handlers use of the front door."""

    pages: Places

    async def wallet_in_path(self, call: Call) -> int:
        """`Services.wallet_in_path`."""

    async def shards_of(self, address: int) -> Sequence[int]:
        """`Services.shards_of`."""

    async def from_head(self, address: int, shard: int, look: Callable[[ChainHead], Awaitable[T]]) -> T | None:
        """`Services.from_head`."""

    async def read(self, by_shard: dict[int, list[int]]) -> list[WalletRows]:
        """`Services.read`."""


class HoldList(msgspec.Struct, frozen=True):
    """A page of open holds."""

    data: list[TransferAnswer]
    has_more: bool
    next: str | None


class Place(NamedTuple):
    """How far a wallet's row on one shard was looked at: the record to go on from, 0 at its end, and how much of what it has held was not
    found yet."""

    start: int
    left: int


_LOOKED: Final = Place(0, 0)


async def list_holds(services: HoldServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/holds."""
    query = call.query()
    limit = page_limit(query)
    address = await services.wallet_in_path(call)
    scope = f"holds {address}"
    async with services.pages.place(call.principal.account):
        shards = await services.shards_of(address)
        if not shards:
            raise ProblemError("wallet_not_found")
        places = [Place(_FROM_HEAD, 0)] * len(shards)
        if "after" in query:
            numbers = decode_places(services.secret, scope, query["after"], 2 * len(shards))
            places = [Place(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
        data: list[TransferAnswer] = []
        for i, shard in enumerate(shards):
            if places[i].start and len(data) < limit:
                places[i] = await _look(services, address, shard, places[i], (data, limit))
    more = any(place.start for place in places)
    cursor = encode_cursor(services.secret, scope, *(n for place in places for n in place)) if more else None
    return json_response(HoldList(data, more, cursor))


async def _look(
    services: HoldServices, address: int, shard: int, place: Place, page: tuple[list[TransferAnswer], int]
) -> Place:
    """Put what a page of a row's chain has of open holds into `data`, up to its limit; gives where to go on. Raises ProblemError
    wallet_not_found, timeout, cursor_ahead."""
    data, limit = page
    if place.start == _FROM_HEAD:
        if not await _held(services, address, shard):
            return _LOOKED
        steps = await services.from_head(address, shard, partial(_newest, services, address, shard))
        if steps is None:
            raise ProblemError("wallet_not_found")
        left = await _held(services, address, shard)  # after the chain: of what is made meanwhile nothing is missed
    else:
        found = await services.history.holds(address, shard, ChainHead(0, 0, [place.start], []))
        if found is None:
            raise ProblemError("cursor_ahead")
        steps, left = found, place.left
    for step in steps.steps:
        if left <= 0:
            return _LOOKED
        if len(data) == limit:
            return Place(step.address, left)
        hold = await shown(services, step.address, Found(step.record, step.details), BOTH)
        if hold.status in _OPEN:
            data.append(hold)
            left -= hold.amount if hold.left is UNSET else hold.left
    return Place(steps.next, left) if left > 0 and steps.next else _LOOKED


async def _newest(services: HoldServices, address: int, shard: int, head: ChainHead) -> HoldSteps | None:
    return await services.history.holds(address, shard, head)


async def _held(services: HoldServices, address: int, shard: int) -> int:
    """What a wallet's row on a shard has held. Raises ProblemError wallet_not_found, timeout."""
    ((row,),) = await services.read({shard: [address]})
    if not row["currency"]:
        raise ProblemError("wallet_not_found")
    return int(row["held"])


ROUTES: Final = (
    Route(
        "GET",
        "/v1/wallets/{id}/holds",
        "The open holds of a wallet that pays, newest first.",
        READ,
        Access.WALLET,
        list_holds,
        answer=HoldList,
        query=("limit", "after"),
        problems=frozenset({"wallet_not_found", "cursor_ahead"}),
        long=True,
    ),
)
