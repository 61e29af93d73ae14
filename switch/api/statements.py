"""What happened on a wallet: its statement, newest first, and its balance at a time. An operator wallet's is merged over its stripes.

Both are read from the journal along the wallet's chain, from its newest durable record on; so they hold still while payments arrive.
"""

import asyncio
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from actors.records.addresses import is_operator
from actors.records.ids import encode_wallet
from actors.rpc.interface import ChainHead
from rules.vocabulary.currencies import ALPHA
from switch.api.route import Route
from switch.api.services import Services
from switch.fairness.scheduling import single
from switch.http.access import Access
from switch.http.auth import READ
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, decode_places, encode_cursor
from switch.http.times import time_ms, time_text
from switch.problems.table import ProblemError, invalid_query
from switch.views.merged_statement import merged
from switch.views.representations import json_response
from switch.views.statement import Entry, Place, Statement, entries_of_page

NEVER: Final = 1 << 62
"""A time after all others."""


class EntryList(msgspec.Struct, frozen=True):
    """A page of a statement."""

    data: list[Entry]
    has_more: bool
    next: str | None


class BalanceAnswer(msgspec.Struct, frozen=True):
    """A wallet's posted balance after all that took effect up to `at`."""

    id: str
    currency: str
    at: str
    posted: int


async def list_wallet_transfers(services: Services, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/transfers."""
    query = call.query()
    limit = page_limit(query)
    since, until = _time(query, "from"), _time(query, "to")
    until = until - 1 if until else NEVER  # the time itself is not in it, as in backtests
    address = await services.wallet_in_path(call)
    scope = f"statement {address}" + (f" {since} {until}" if since or until != NEVER else "")
    if is_operator(address):
        async with services.pages.place(call.principal.account):
            return await _of_operator(services, address, limit, since, until, scope, query.get("after"))
    place = decode_cursor(services.secret, scope, query["after"]) if "after" in query else 0
    account = call.principal.account
    async with services.pages.place(account):
        if place:
            page = await services.history.statement(address, place, limit, since)
            if page is None:
                raise ProblemError("cursor_ahead")
        else:
            page = await _newest(services, address, limit, since, until)
        data = await services.scheduler.run(account, single(partial(entries_of_page, services.secret, address, page)))
    cursor = encode_cursor(services.secret, scope, page.next) if page.next else None
    return json_response(EntryList(data, page.next != 0, cursor))


async def _newest(services: Services, address: int, limit: int, since: int, until: int) -> Statement:
    """The first page of a user wallet's statement."""

    async def look(head: ChainHead) -> Statement | None:
        if until == NEVER:
            return await services.history.newest(address, shard, head, limit, since)
        place = await services.history.at(address, shard, head, until)
        return None if place is None else await services.history.statement(address, place.address, limit, since)

    for shard in await services.shards_of(address):
        page = await services.from_head(address, shard, look)
        if page is not None:
            return page
    raise ProblemError("wallet_not_found")


# Operator wallets.


async def _of_operator(
    services: Services, address: int, limit: int, since: int, until: int, scope: str, after: str | None
) -> web.Response:
    """A page over all stripes. Its cursor holds the wallet's balance there, and a place for each shard."""
    shards = await services.shards_of(address)
    if after is None:
        found = await asyncio.gather(*(_stripe_at(services, address, shard, until) for shard in shards))
        if all(place is None for place in found):
            raise ProblemError("wallet_not_found")
        starts = [place or Place(0, 0) for place in found]
        balance, places = sum(place.posted for place in starts), [place.address for place in starts]
    else:
        balance, *places = decode_places(services.secret, scope, after, 1 + len(shards))
    begun = {shard: place for shard, place in zip(shards, places, strict=True) if place}
    read = await asyncio.gather(*(services.history.statement(address, place, limit, since) for place in begun.values()))
    pages = {shard: page for shard, page in zip(begun, read, strict=True) if page is not None}
    if len(pages) < len(begun):
        raise ProblemError("cursor_ahead")
    page = merged(address, pages, balance, limit)
    origins = {target: origin for each in pages.values() for target, origin in each.origins.items()}
    suspended = frozenset[int]().union(*(each.suspended for each in pages.values()))
    lines = entries_of_page(
        services.secret, address, Statement(steps=page.steps, next=0, origins=origins, suspended=suspended)
    )
    data = [
        msgspec.structs.replace(line, balance_after=after) for line, after in zip(lines, page.balances, strict=True)
    ]
    left = [page.places.get(shard, 0) for shard in shards]
    cursor = encode_cursor(services.secret, scope, page.balance, *left) if any(left) else None
    return json_response(EntryList(data, cursor is not None, cursor))


async def _stripe_at(services: Services, address: int, shard: int, until: int) -> Place | None:
    """The newest record of a stripe up to a time, and the stripe's balance after it."""

    async def look(head: ChainHead) -> Place | None:
        return await services.history.at(address, shard, head, until)

    return await services.from_head(address, shard, look)


async def get_balance(services: Services, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/balance?at=T."""
    query = call.query()
    at = _time(query, "at")
    if not at:
        raise invalid_query("at", "the parameter is needed")
    address = await services.wallet_in_path(call)
    shards = await services.shards_of(address)
    found = await asyncio.gather(*(_balance_of_stripe(services, address, shard, at) for shard in shards))
    stripes = [stripe for stripe in found if stripe is not None]
    if not stripes:
        raise ProblemError("wallet_not_found")
    currency, posted = stripes[0][0], sum(posted for _, posted in stripes)
    return json_response(BalanceAnswer(encode_wallet(services.secret, address), ALPHA[currency], time_text(at), posted))


async def _balance_of_stripe(services: Services, address: int, shard: int, at: int) -> tuple[int, int] | None:
    """Currency and balance of a wallet's row on one shard at a time, None when there is none."""

    async def look(head: ChainHead) -> tuple[int, int] | None:
        place = await services.history.at(address, shard, head, at)
        return None if place is None else (head.currency, place.posted)

    return await services.from_head(address, shard, look)


def _time(query: dict[str, str], name: str) -> int:
    """A time in the query, milliseconds; 0 when it is not given."""
    if name not in query:
        return 0
    try:
        return time_ms(query[name])
    except ValueError as error:
        raise invalid_query(name, str(error)) from None


ROUTES: Final = (
    Route(
        "GET",
        "/v1/wallets/{id}/transfers",
        "A wallet's statement, newest first.",
        READ,
        Access.WALLET,
        list_wallet_transfers,
        answer=EntryList,
        query=("limit", "after", "from", "to"),
        problems=frozenset({"wallet_not_found", "cursor_ahead"}),
    ),
    Route(
        "GET",
        "/v1/wallets/{id}/balance",
        "A wallet's balance at a time.",
        READ,
        Access.WALLET,
        get_balance,
        answer=BalanceAnswer,
        query=("at",),
        problems=frozenset({"wallet_not_found"}),
    ),
)
