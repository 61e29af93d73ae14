"""What administrators did, entry by entry, as the API lists it."""

from typing import Final
from urllib.parse import urlencode

from switch.console.page import Page, Shown, View, Visit

LOG: Final = "/v1/admin-log"
PLACE: Final = "/console/admin-log"
ROWS: Final = "50"
FILTERS: Final = ("account", "call", "resource", "outcome")
OUTCOMES: Final = ("done", "refused", "unknown")


async def admin_log(visit: Visit) -> Shown:
    """GET /console/admin-log."""
    asked = {name: visit.query[name].strip() for name in FILTERS if visit.query.get(name, "").strip()}
    page = await visit.get(LOG, visit.page_query(limit=ROWS, **asked))
    data = {
        "log": page,
        "asked": asked,
        "outcomes": OUTCOMES,
        "place": f"{PLACE}?{urlencode(asked)}" if asked else PLACE,
    }
    return View(template="admin_log.html", title="Log of administrators", data=data)


PAGES: Final = (Page("GET", PLACE, admin_log, query=(*FILTERS, "after")),)
