"""Where each shard's hash chain ends: what is known without an audit."""

from typing import Final

from switch.console.page import Page, Shown, View, Visit

HEADS: Final = "/v1/journal/heads"


async def audit(visit: Visit) -> Shown:
    """GET /console/audit."""
    heads = await visit.get(HEADS)
    return View(template="audit.html", title="Audit and backups", data=heads)


PAGES: Final = (Page("GET", "/console/audit", audit),)
