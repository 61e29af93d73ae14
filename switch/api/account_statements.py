"""A wallet's statement of account between two times, whole: opening balance, lines, closing balance.

It is made of the pages of the wallet's list, so it is by effective time and never stale, and what it says adds up.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import msgspec
from aiohttp import web

from actors.records.ids import encode_wallet
from actors.stores.wallet_profiles import Profile, WalletStore
from rules.vocabulary.currencies import ALPHA, DECIMALS
from switch.api.route import Route
from switch.api.statements import Lines, Span, StatementServices, read_lines, span_of
from switch.fairness.scheduling import Steps
from switch.http.access import Access
from switch.http.auth import READ
from switch.http.call import JSON, PAGE_MAX, Call
from switch.http.server import Answer
from switch.http.times import now_ms, time_text
from switch.problems.table import invalid_query
from switch.views.account_statement import AccountStatement, StatementLine, as_csv, as_page, line_of
from switch.views.representations import Balance

LINES_MAX: Final = 5_000
"""Of one statement: some 2 MB, and 50 pages of the list. Beyond it a shorter time is asked for."""
PAGES_READ_MAX: Final = 2 * LINES_MAX // PAGE_MAX
"""A page that walks over many holds is short, or empty."""
CSV: Final = "text/csv"
HTML: Final = "text/html"
_ENCODE: Final = msgspec.json.Encoder().encode
_FORMATS: Final[dict[str, tuple[str, Callable[[AccountStatement], bytes]]]] = {
    "json": (JSON, _ENCODE),
    "csv": (f"{CSV}; charset=utf-8; header=present", as_csv),
    "html": (f"{HTML}; charset=utf-8", as_page),
}
FORMATS: Final = tuple(_FORMATS)
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class AccountServices(StatementServices, Protocol):
    """What this handler uses of the front door."""

    wallet_store: WalletStore

    async def balance(self, address: int) -> Balance:
        """`Services.balance`."""


async def get_statement(services: AccountServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/statement?from=&to=&format=."""
    query = call.query()
    format_ = query.get("format", "json")
    if format_ not in FORMATS:
        raise invalid_query("format", f"expected one of: {', '.join(FORMATS)}")
    query.setdefault("to", time_text(now_ms()))
    span = span_of(query)
    address = await services.wallet_in_path(call)
    currency = ALPHA[(await services.balance(address)).currency]
    profile = (await services.wallet_store.profiles([address])).get(address, Profile())
    account = call.principal.account
    content_type, render = _FORMATS[format_]
    async with services.pages.place(account):
        pages = await _pages(services, account, address, span)
        moved = await services.scheduler.run(account, _moved(pages))
        statement = AccountStatement(
            wallet=encode_wallet(services.secret, address),
            external_id=profile.external_id,
            owner=profile.owner,
            currency=currency,
            decimals=DECIMALS[currency],
            since=time_text(span.since),
            until=time_text(span.until + 1),
            opening=pages[-1].walk.balance,
            paid_in=moved.paid_in,
            paid_out=moved.paid_out,
            closing=pages[0].start.balance,
            lines=moved.lines,
        )
        body = await asyncio.to_thread(render, statement)
    return Answer(body, headers=None if format_ == "json" else _HEADERS, content_type=content_type)


class _Moved(NamedTuple):
    """The lines of a statement, oldest first, and what came in and went out by them."""

    lines: list[StatementLine]
    paid_in: int
    paid_out: int


def _moved(pages: list[Lines]) -> Steps[_Moved]:
    lines: list[StatementLine] = []
    paid_in = paid_out = 0
    for page in reversed(pages):
        made = [line_of(entry) for entry in reversed(page.lines)]
        lines += made
        paid_in += sum(line.amount for line in made if line.amount > 0)
        paid_out -= sum(line.amount for line in made if line.amount < 0)
        yield
    return _Moved(lines, paid_in, paid_out)


async def _pages(services: AccountServices, account: int, address: int, span: Span) -> list[Lines]:
    """All pages, newest first. Raises ProblemError invalid_query when they are more than a statement has, and as `read_lines`."""
    pages: list[Lines] = []
    while not pages or not pages[-1].walk.ended:
        walk = pages[-1].walk if pages else None
        pages.append(await read_lines(services, address, (account, PAGE_MAX), span, walk))
        if sum(len(page.lines) for page in pages) > LINES_MAX or len(pages) > PAGES_READ_MAX:
            raise invalid_query(
                "from",
                f"a statement has up to {LINES_MAX:,} lines: ask for a shorter time, or for pages of /transfers",
            )
    return pages


ROUTES: Final = (
    Route(
        "GET",
        "/v1/wallets/{id}/statement",
        "A wallet's statement of account: opening, lines, closing.",
        READ,
        Access.WALLET,
        get_statement,
        answer=AccountStatement,
        query=("from", "to", "format"),
        needed=("from",),
        problems=frozenset({"wallet_not_found", "cursor_ahead"}),
        media=(JSON, CSV, HTML),
        long=True,
    ),
)
