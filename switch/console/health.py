"""Whether all is well: what /readyz answers, what shards warn of, how full their tables are."""

from typing import Final

import msgspec

from switch.console.page import Page, Shown, View, Visit


async def health(visit: Visit) -> Shown:
    """GET /console/health."""
    data = {"figures": msgspec.to_builtins(await visit.figures())}
    return View(template="health.html", title="Health", data=data)


PAGES: Final = (Page("GET", "/console/health", health),)
