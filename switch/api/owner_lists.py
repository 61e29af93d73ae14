"""What happened on all wallets of an owner, newest first: their lists as one.

A line stands once for each of the owner's wallets that it is about, so what an owner moves from one of them to another stands there twice.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec
from aiohttp import web

from actors.records.ids import encode_wallet
from actors.records.secret import Secret
from actors.stores.wallet_profiles import WalletStore
from models.wording import counted
from switch.api.route import Route
from switch.api.statements import (
    TRACK_NUMBERS,
    Lines,
    StatementServices,
    Walk,
    numbers_of,
    read_lines,
    span_of,
    walk_of,
)
from switch.http.access import Access
from switch.http.auth import READ
from switch.http.call import Call, name_in, page_limit
from switch.http.cursors import decode_all_places, encode_cursor
from switch.problems.table import invalid_query
from switch.views.representations import json_response
from switch.views.statement import Entry

OWNED_MAX: Final = 20
"""Wallets of one owner that are read for a page, each twice at most."""


class OwnedEntry(Entry, frozen=True, kw_only=True):
    """A line of one of the owner's wallets."""

    wallet: str


class OwnedEntryList(msgspec.Struct, frozen=True):
    """A page of what happened on an owner's wallets."""

    data: list[OwnedEntry]
    has_more: bool
    next: str | None


class OwnerServices(StatementServices, Protocol):
    """What this handler uses of the front door."""

    wallet_store: WalletStore


async def list_owner_transfers(services: OwnerServices, call: Call) -> web.Response:
    """GET /v1/owners/transfers?owner=X."""
    query = call.query()
    limit, span, owner = page_limit(query), span_of(query), name_in(query, "owner")
    scope = f"owner {span.since} {span.until} {owner}"
    owned = await services.wallet_store.with_owner(owner, 0, OWNED_MAX + 1, call.principal.bound)
    if len(owned) > OWNED_MAX:
        raise invalid_query(
            "owner", f"an owner of up to {counted(OWNED_MAX, 'wallet')} is expected: ask for the list of each"
        )
    account = call.principal.account
    async with services.pages.place(account):
        walks: dict[int, Walk | None] = dict.fromkeys(owned)
        if "after" in query:
            begun = await _begun(services, decode_all_places(services.secret, scope, query["after"]))
            walks = {address: walk for address, walk in begun.items() if address in walks}
        pages = {
            address: await read_lines(services, address, (account, limit), span, walk)
            for address, walk in walks.items()
        }
        taken = _newest(pages, limit)
        after: list[int] = []
        for address, page in pages.items():
            count, walk = sum(each == address for each, _ in taken), page.walk
            if count < len(page.lines):
                walk = page.start
                if count:  # how far the wallet was read when only these lines were shown
                    walk = (await read_lines(services, address, (account, count), span, page.start)).walk
            if not walk.ended:
                after += (address, walk.balance, *numbers_of(walk, await services.shards_of(address)))
    cursor = encode_cursor(services.secret, scope, *after) if after else None
    data = [_owned(services.secret, address, line) for address, line in taken]
    return json_response(OwnedEntryList(data, cursor is not None, cursor))


def _newest(pages: Mapping[int, Lines], limit: int) -> list[tuple[int, Entry]]:
    """The newest lines of all pages with their wallets. A page that is cut short says nothing of what follows it, so nothing older is
    taken of the others either."""
    left = {address: list(reversed(page.lines)) for address, page in pages.items()}
    taken: list[tuple[int, Entry]] = []
    while len(taken) < limit:
        if any(not lines and not pages[address].walk.ended for address, lines in left.items()):
            break
        heads = {address: lines[-1] for address, lines in left.items() if lines}
        if not heads:
            break
        newest = max(heads, key=lambda address: (heads[address].effective_at, heads[address].created_at, address))
        taken.append((newest, left[newest].pop()))
    return taken


async def _begun(services: OwnerServices, numbers: Sequence[int]) -> dict[int, Walk]:
    """Where lists go on, by wallet."""
    walks, at = {}, 0
    while at < len(numbers):
        address, balance = numbers[at : at + 2]
        shards = await services.shards_of(address)
        end = at + 2 + TRACK_NUMBERS * len(shards)
        walks[address] = walk_of(balance, shards, numbers[at + 2 : end])
        at = end
    return walks


def _owned(secret: Secret, address: int, line: Entry) -> OwnedEntry:
    return OwnedEntry(wallet=encode_wallet(secret, address), **msgspec.structs.asdict(line))


ROUTES: Final = (
    Route(
        "GET",
        "/v1/owners/transfers",
        "What happened on all wallets of an owner, newest first.",
        READ,
        Access.FILTERED,
        list_owner_transfers,
        answer=OwnedEntryList,
        query=("owner", "limit", "after", "from", "to"),
        needed=("owner",),
        problems=frozenset({"wallet_not_found", "cursor_ahead"}),
        long=True,
    ),
)
