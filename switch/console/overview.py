"""How the switch is doing now: readiness, rates, latencies, queues, shards, the newest payments."""

from typing import Any, Final

import msgspec

from switch.console.page import Page, Shown, View, Visit

NEWEST: Final = 12
PAYMENTS: Final = (
    "transfer.posted,transfer.held,transfer.in_review,transfer.declined,transfer.captured,transfer.refunded,"
    "transfer.voided,transfer.expired,transfer.approved"
)
EVENTS: Final = "/v1/events"


async def overview(visit: Visit) -> Shown:
    """GET /console."""
    figures = await visit.figures()
    newest: list[Any] = []
    if visit.may("GET", EVENTS):
        page = await visit.get(EVENTS, {"after": "last", "limit": str(NEWEST), "types": PAYMENTS})
        newest = page["data"][::-1]
    data = {"figures": msgspec.to_builtins(figures), "newest": newest}
    return View(template="overview.html", title="Overview", data=data)


PAGES: Final = (Page("GET", "/console", overview),)
