"""What happened on a wallet: its statement, newest first, and its balance at a time. An operator wallet's statement comes stripe by stripe,
in shard order.

Both are read from the journal along the wallet's chain, from its newest durable record on; so they hold still while payments arrive.
"""

import asyncio
from collections.abc import Sequence

import msgspec
from aiohttp import web

from actors.ledger.ids import encode_wallet, is_operator
from actors.shard.messages import Head
from rules.currencies import ALPHA
from switch.answers import json_response
from switch.calls import Call, page_limit
from switch.cursors import decode_cursor, encode_cursor
from switch.door import Door
from switch.history import Entry, Statement, entries_of_page
from switch.problems import ProblemError, invalid_query
from switch.times import time_ms, time_text


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


async def list_wallet_transfers(door: Door, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/transfers."""
    query = call.query(("limit", "after", "from", "to"))
    limit = page_limit(query)
    since, until = _time(query, "from"), _time(query, "to")
    address = await door.wallet_in_path(call)
    scope = f"statement {address}" + (f" {since} {until}" if since or until else "")
    place = decode_cursor(door.secret, scope, query["after"]) if "after" in query else 0
    shards = await door.shards_of(address)
    stripe = place >> 52 if place > 0 else -place
    if place > 0:
        older = await door.history.statement(address, place, limit, since)
        if older is None:
            raise ProblemError("cursor_ahead")
        page = older
    else:
        stripe, page = await _newest(door, address, shards, stripe, limit, since, until)
    more = page.next
    if not more and is_operator(address) and stripe + 1 < len(shards):
        more = -(stripe + 1)
    data = entries_of_page(door.secret, address, page.steps)
    return json_response(EntryList(data, more != 0, encode_cursor(door.secret, scope, more) if more else None))


async def get_balance(door: Door, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/balance?at=T."""
    query = call.query(("at",))
    at = _time(query, "at")
    if not at:
        raise invalid_query("at", "the parameter is needed")
    address = await door.wallet_in_path(call)
    shards = await door.shards_of(address)
    found = await asyncio.gather(*(_balance_of_stripe(door, address, shard, at) for shard in shards))
    stripes = [stripe for stripe in found if stripe is not None]
    if not stripes:
        raise ProblemError("wallet_not_found")
    currency, posted = stripes[0][0], sum(posted for _, posted in stripes)
    return json_response(BalanceAnswer(encode_wallet(door.secret, address), ALPHA[currency], time_text(at), posted))


async def _balance_of_stripe(door: Door, address: int, shard: int, at: int) -> tuple[int, int] | None:
    """Currency and balance of a wallet's row on one shard at a time, None when there is none."""

    async def look(head: Head) -> tuple[int, int] | None:
        place = await door.history.at(address, shard, head, at)
        return None if place is None else (head.currency, place.posted)

    return await door.from_head(address, shard, look)


def _time(query: dict[str, str], name: str) -> int:
    """A time in the query, milliseconds; 0 when it is not given."""
    if name not in query:
        return 0
    try:
        return time_ms(query[name])
    except ValueError as error:
        raise invalid_query(name, str(error)) from None


async def _newest(
    door: Door, address: int, shards: Sequence[int], first: int, limit: int, since: int, until: int
) -> tuple[int, Statement]:
    """The first page of a wallet's statement, or of that of its first stripe from `first` on that is there, and which it is. A suspense
    wallet has stripes only where money lay on it."""

    async def look(head: Head) -> Statement | None:
        if not until:
            return await door.history.newest(address, shard, head, limit, since)
        place = await door.history.at(address, shard, head, until)
        return None if place is None else await door.history.statement(address, place.address, limit, since)

    for stripe in range(first, len(shards)):
        shard = shards[stripe]
        page = await door.from_head(address, shard, look)
        if page is not None:
            return stripe, page
    if first == 0:
        raise ProblemError("wallet_not_found")
    return len(shards), Statement(steps=[], next=0)
