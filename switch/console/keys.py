"""API keys: whose, for what, until when; no page shows a key."""

from typing import Final

from switch.console.page import Page, Shown, View, Visit

KEYS: Final = "/v1/keys"
ROWS: Final = "50"


async def keys(visit: Visit) -> Shown:
    """GET /console/keys."""
    page = await visit.get(KEYS, visit.page_query(limit=ROWS))
    return View(template="keys.html", title="Keys", data={"keys": page})


PAGES: Final = (Page("GET", "/console/keys", keys, query=("after",)),)
