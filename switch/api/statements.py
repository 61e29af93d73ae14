"""What happened on a wallet: its statement, newest first, and its balance at a time.

An operator wallet's is merged over its stripes.

Both are by effective time, whatever the order of booking: the balance at a time is that after the first line of a statement up to it.
They are read from the journal along the wallet's chain, from its newest durable record on; so they hold still while payments arrive.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec
from aiohttp import web

from actors.records.ids import encode_wallet
from actors.records.secret import Secret
from actors.rpc.interface import ChainHead
from rules.vocabulary.currencies import ALPHA
from switch.api.route import Route
from switch.fairness.scheduling import Scheduler, single
from switch.fairness.shares import Places
from switch.http.access import Access
from switch.http.auth import READ
from switch.http.call import Call, page_limit, time_in
from switch.http.cursors import decode_places, encode_cursor
from switch.http.times import time_text
from switch.problems.table import ProblemError, invalid_query
from switch.views.entry_filter import NAMES, Test, tests_of
from switch.views.merged_statement import END, Merged, Position, Source, merged
from switch.views.representations import json_response
from switch.views.statement import Entry, History, Statement, WriterFenced, entries_of_page

T = TypeVar("T")

READS_MAX: Final = 10
"""Pages of the journal that are read for one page of the lines that a caller wants."""
TRACK_NUMBERS: Final = 4
"""Numbers of a cursor for a wallet's row on one shard."""
NEVER: Final = 1 << 62
"""A time after all others."""


class StatementServices(Protocol):
    """What these handlers use of the front door."""

    secret: Secret
    history: History
    pages: Places
    scheduler: Scheduler

    async def wallet_in_path(self, call: Call) -> int:
        """`Services.wallet_in_path`."""

    async def shards_of(self, address: int) -> Sequence[int]:
        """`Services.shards_of`."""

    async def from_head(self, address: int, shard: int, look: Callable[[ChainHead], Awaitable[T]]) -> T | None:
        """`Services.from_head`."""


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


class Track(NamedTuple):
    """How far the statement of a wallet's row on one shard has been read: where its chain goes on, where its late records do, and up to
    which record those belong to it, so that what is imported meanwhile moves no balance. 0: at an end."""

    chain: int
    late: Position
    newest: int


_ENDED: Final = Track(0, END, 0)
"""Of a row to its end."""


class Begun(NamedTuple):
    """The first page of a row's chain, the balance there, and where its late records begin."""

    page: Statement
    posted: int
    track: Track


class Span(NamedTuple):
    """Effective times that a statement is about: from `since` to `until`, both in it."""

    since: int
    until: int


class Walk(NamedTuple):
    """Where a statement goes on: the balance there, and how far each of the wallet's rows has been read, by shard."""

    balance: int
    tracks: dict[int, Track]

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return all(track == _ENDED for track in self.tracks.values())


class Lines(NamedTuple):
    """A page of a statement, newest first. `start`: where it begins, with the balance after all of it; `walk`: where it goes on."""

    lines: list[Entry]
    start: Walk
    walk: Walk


async def list_wallet_transfers(services: StatementServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/transfers."""
    query = call.query()
    limit = page_limit(query)
    span, tests = span_of(query), tests_of(query)
    address = await services.wallet_in_path(call)
    since, until = span
    scope = f"statement {address}" + (f" {since} {until}" if since or until != NEVER else "")
    account = call.principal.account
    async with services.pages.place(account):
        shards = await services.shards_of(address)
        walk = None
        if "after" in query:
            balance, *numbers = decode_places(services.secret, scope, query["after"], 1 + TRACK_NUMBERS * len(shards))
            walk = walk_of(balance, shards, numbers)
        lines, walk = await _matching(services, address, (account, limit), (span, tests), walk)
    after = numbers_of(walk, shards)
    cursor = encode_cursor(services.secret, scope, walk.balance, *after) if any(after) else None
    return json_response(EntryList(lines, cursor is not None, cursor))


async def _matching(
    services: StatementServices,
    address: int,
    reader: tuple[int, int],
    wanted: tuple[Span, list[Test]],
    walk: Walk | None,
) -> tuple[list[Entry], Walk]:
    """A page of those lines that pass all tests, and where it goes on. Where few do, it ends early. Raises as `read_lines`."""
    (account, limit), (span, tests) = reader, wanted
    lines: list[Entry] = []
    for _ in range(READS_MAX if tests else 1):
        page = await read_lines(services, address, (account, limit - len(lines)), span, walk)
        lines += [line for line in page.lines if all(test(line) for test in tests)]
        walk = page.walk
        if walk.ended or len(lines) == limit:
            break
    assert walk is not None
    return lines, walk


def span_of(query: dict[str, str]) -> Span:
    """The times `from` and `to` of a query. Raises ProblemError invalid_query."""
    since, until = time_in(query, "from") or 0, time_in(query, "to") or 0
    if "to" not in query:
        return Span(since, NEVER)
    if "from" in query and until <= since:
        raise invalid_query("to", "a time after `from` is expected")
    return Span(since, until - 1)  # the time itself is not in it, as in backtests


async def read_lines(
    services: StatementServices, address: int, reader: tuple[int, int], span: Span, walk: Walk | None
) -> Lines:
    """A page of a wallet's statement, the newest when `walk` is None. `reader`: the account, and how many lines it takes. Raises
    ProblemError wallet_not_found, timeout, and cursor_ahead where the journal does not reach the place at which the page begins."""
    (account, limit), (since, until) = reader, span
    if walk is None:
        shards = await services.shards_of(address)
        begun = await asyncio.gather(*(_begin(services, address, shard, limit, since, until) for shard in shards))
        found = {shard: each for shard, each in zip(shards, begun, strict=True) if each is not None}
        if not found:
            raise ProblemError("wallet_not_found")
        walk = Walk(sum(each.posted for each in found.values()), {shard: each.track for shard, each in found.items()})
        chains: list[Statement | None] = [each.page for each in found.values()]
    else:
        tracks = walk.tracks.values()
        chains = await asyncio.gather(
            *(services.history.statement(address, track.chain, limit, since) for track in tracks)
        )
    page, read = await _merge(services, address, walk, chains, (limit, since))
    lines = await services.scheduler.run(account, single(partial(_lines, services.secret, address, page, read)))
    following = {shard: _track(shard, page.places, track) for shard, track in walk.tracks.items()}
    return Lines(lines, walk, Walk(page.balance, following))


async def _begin(
    services: StatementServices, address: int, shard: int, limit: int, since: int, until: int
) -> Begun | None:
    """The first page of a wallet's row on a shard. None: there is no such row."""

    async def look(head: ChainHead) -> Begun | None:
        if until == NEVER:
            newest = await services.history.newest(address, shard, head, limit, since)
            if newest is None:
                return None
            place, page = newest
        else:
            at = await services.history.at(address, shard, head, until)
            if at is None:
                return None
            place, found = at, await services.history.statement(address, at.address, limit, since)
            if found is None:
                raise WriterFenced  # a failover lost between the two what the first had found
            page = found
        late = Position(until, place.newest) if place.newest else END
        return Begun(page, place.posted, Track(place.address, late, place.newest))

    return await services.from_head(address, shard, look)


async def _merge(
    services: StatementServices, address: int, walk: Walk, chains: Sequence[Statement | None], size: tuple[int, int]
) -> tuple[Merged, list[Statement]]:
    """A page of all rows, and the pages that it is made of. `size`: how many lines, and back to which time. Raises ProblemError
    cursor_ahead where the journal does not reach the place at which a page begins."""
    balance, tracks = walk
    pages = {}
    for shard, chain in zip(tracks, chains, strict=True):
        if chain is None:
            raise ProblemError("cursor_ahead")
        pages[Source(shard, False)] = chain
    tardy = {Source(shard, True): track for shard, track in tracks.items() if track.late != END}
    read = (
        services.history.late(address, source.shard, track.late, track.newest, *size) for source, track in tardy.items()
    )
    pages |= zip(tardy, await asyncio.gather(*read), strict=True)
    return merged(address, pages, balance, size[0]), list(pages.values())


def _lines(secret: Secret, address: int, page: Merged, read: Sequence[Statement]) -> list[Entry]:
    origins = {target: origin for each in read for target, origin in each.origins.items()}
    suspended = frozenset[int]().union(*(each.suspended for each in read))
    lines = entries_of_page(secret, address, Statement(steps=page.steps, next=0, origins=origins, suspended=suspended))
    return [
        msgspec.structs.replace(line, balance_after=after) for line, after in zip(lines, page.balances, strict=True)
    ]


def walk_of(balance: int, shards: Sequence[int], numbers: Sequence[int]) -> Walk:
    """Where a cursor with these numbers goes on."""
    rows = zip(*(numbers[start::TRACK_NUMBERS] for start in range(TRACK_NUMBERS)), strict=True)
    tracks = {
        shard: Track(chain, Position(time, late), newest)
        for shard, (chain, time, late, newest) in zip(shards, rows, strict=True)
    }
    return Walk(balance, tracks)


def numbers_of(walk: Walk, shards: Sequence[int]) -> list[int]:
    """The same as numbers of a cursor, TRACK_NUMBERS a shard."""
    return [number for shard in shards for number in _numbers(walk.tracks.get(shard, _ENDED))]


def _track(shard: int, places: Mapping[Source, Position], track: Track) -> Track:
    """How far a row has been read after a page."""
    chain, late = places.get(Source(shard, False), END), places.get(Source(shard, True), END)
    return Track(chain.address, late, track.newest if late != END else 0)


def _numbers(track: Track) -> tuple[int, int, int, int]:
    """The same as numbers of a cursor."""
    return track.chain, *track.late, track.newest


async def get_balance(services: StatementServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/balance?at=T."""
    query = call.query()
    at = time_in(query, "at") or 0
    address = await services.wallet_in_path(call)
    shards = await services.shards_of(address)
    found = await asyncio.gather(*(_balance_of_stripe(services, address, shard, at) for shard in shards))
    stripes = [stripe for stripe in found if stripe is not None]
    if not stripes:
        raise ProblemError("wallet_not_found")
    currency, posted = stripes[0][0], sum(posted for _, posted in stripes)
    return json_response(BalanceAnswer(encode_wallet(services.secret, address), ALPHA[currency], time_text(at), posted))


async def _balance_of_stripe(services: StatementServices, address: int, shard: int, at: int) -> tuple[int, int] | None:
    """Currency and balance of a wallet's row on one shard at a time, None when there is none."""

    async def look(head: ChainHead) -> tuple[int, int] | None:
        place = await services.history.at(address, shard, head, at)
        return None if place is None else (head.currency, place.posted)

    return await services.from_head(address, shard, look)


ROUTES: Final = (
    Route(
        "GET",
        "/v1/wallets/{id}/transfers",
        "A wallet's statement, newest first.",
        READ,
        Access.WALLET,
        list_wallet_transfers,
        answer=EntryList,
        query=("limit", "after", "from", "to", *NAMES),
        problems=frozenset({"wallet_not_found", "cursor_ahead"}),
        long=True,
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
        needed=("at",),
        problems=frozenset({"wallet_not_found"}),
    ),
)
