"""A wallet's statement of account between two times, whole: opening balance, lines, closing balance.

It is made of the pages of the wallet's list, so it is by effective time and never stale, and what it says adds up.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import web

from actors.records.ids import encode_wallet
from actors.stores.wallet_profiles import Profile, WalletStore
from rules.vocabulary.currencies import ALPHA, DECIMALS
from switch.api.route import Route
from switch.api.statements import Lines, Span, StatementServices, read_lines, span_of
from switch.http.access import Access
from switch.http.auth import READ
from switch.http.call import JSON, PAGE_MAX, Call
from switch.http.server import Answer
from switch.http.times import now_ms, time_text
from switch.problems.table import invalid_query
from switch.views.account_statement import AccountStatement, as_csv, as_page, line_of
from switch.views.representations import Balance, json_response

LINES_MAX: Final = 5_000
"""Of one statement: some 2 MB, and 50 pages of the list. Beyond it a shorter time is asked for."""
PAGES_READ_MAX: Final = 2 * LINES_MAX // PAGE_MAX
"""A page that walks over many holds is short, or empty."""
CSV: Final = "text/csv"
HTML: Final = "text/html"
_FORMATS: Final[dict[str, tuple[str, Callable[[AccountStatement], bytes]]]] = {
    "csv": (f"{CSV}; charset=utf-8; header=present", as_csv),
    "html": (f"{HTML}; charset=utf-8", as_page),
}
FORMATS: Final = ("json", *_FORMATS)
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
    pages = await _pages(services, call.principal.account, address, span)
    lines = [line_of(entry) for page in reversed(pages) for entry in reversed(page.lines)]
    statement = AccountStatement(
        wallet=encode_wallet(services.secret, address),
        external_id=profile.external_id,
        owner=profile.owner,
        currency=currency,
        decimals=DECIMALS[currency],
        since=time_text(span.since),
        until=time_text(span.until + 1),
        opening=pages[-1].walk.balance,
        paid_in=sum(line.amount for line in lines if line.amount > 0),
        paid_out=-sum(line.amount for line in lines if line.amount < 0),
        closing=pages[0].start.balance,
        lines=lines,
    )
    if format_ == "json":
        return json_response(statement)
    content_type, render = _FORMATS[format_]
    return Answer(await asyncio.to_thread(render, statement), headers=_HEADERS, content_type=content_type)


async def _pages(services: AccountServices, account: int, address: int, span: Span) -> list[Lines]:
    """All pages, newest first. Raises ProblemError invalid_query when they are more than a statement has, and as `read_lines`."""
    pages: list[Lines] = []
    async with services.pages.place(account):
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
