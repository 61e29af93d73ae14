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
    data = {"figures": msgspec.to_builtins(figures), "newest": await _newest(visit)}
    return View(template="overview.html", title="Overview", data=data)


async def newest(visit: Visit) -> Shown:
    """GET /console/newest: what of the overview is not the same for everybody."""
    return View(template="newest.html", title="Newest payments", data={"newest": await _newest(visit)})


async def _newest(visit: Visit) -> list[Any]:
    """The newest payments that the key may see, the newest first."""
    if not visit.may("GET", EVENTS):
        return []
    page = await visit.get(EVENTS, {"after": "last", "limit": str(NEWEST), "types": PAYMENTS})
    found: list[Any] = page["data"][::-1]
    return found


PAGES: Final = (Page("GET", "/console", overview), Page("GET", "/console/newest", newest))
