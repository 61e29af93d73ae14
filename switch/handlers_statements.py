"""What happened on a wallet: its statement, newest first, and its balance at a time. An operator wallet's statement comes stripe by stripe,
in shard order.

Both are read from the journal along the wallet's chain, from a head that the shard shows as durable; so they hold still while payments
arrive.
"""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from actors.ledger.ids import encode_wallet, is_operator
from rules.currencies import ALPHA
from switch.answers import json_response
from switch.calls import Call, page_limit
from switch.cursors import decode_cursor, encode_cursor
from switch.door import Door
from switch.history import Entry, entries_of_page
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
    address = door.wallet_in_path(call.request.match_info["id"])
    scope = f"statement {address}" + (f" {since} {until}" if since or until else "")
    place = decode_cursor(door.secret, scope, query["after"]) if "after" in query else 0
    shards = await door.shards_of(address)
    start, stripe = place, place >> 52
    if place <= 0:
        stripe = -place
        start = await _head(door, address, shards, stripe)
        if until:
            start, _ = await door.history.at(address, start, until)
    page = await door.history.statement(address, start, limit, since)
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
    address = door.wallet_in_path(call.request.match_info["id"])
    shards = await door.shards_of(address)
    rows = await door.read({shard: [address] for shard in shards})
    stripes = [row[0] for row in rows if row[0]["currency"]]
    if not stripes:
        raise ProblemError("wallet_not_found")
    posted = 0
    for stripe in stripes:
        posted += (await door.history.at(address, int(stripe["head"]), at))[1]
    currency = ALPHA[int(stripes[0]["currency"])]
    return json_response(BalanceAnswer(encode_wallet(door.secret, address), currency, time_text(at), posted))


def _time(query: dict[str, str], name: str) -> int:
    """A time in the query, milliseconds; 0 when it is not given."""
    if name not in query:
        return 0
    try:
        return time_ms(query[name])
    except ValueError as error:
        raise invalid_query(name, str(error)) from None


async def _head(door: Door, address: int, shards: Sequence[int], stripe: int) -> int:
    """Address of the newest record of a wallet, or of one stripe of it."""
    if stripe >= len(shards):
        raise ProblemError("wallet_not_found")
    (rows,) = await door.read({shards[stripe]: [address]})
    if not rows[0]["currency"]:
        raise ProblemError("wallet_not_found")
    return int(rows[0]["head"])
