"""The catalogue of credit scenarios: what a holder consents to, what is asked, how a no is worded."""

from typing import Final

from switch.console.page import Page, Shown, View, Visit

SCENARIOS: Final = "/v1/scenarios"
SCENARIO: Final = "/v1/scenarios/{name}"


async def scenarios(visit: Visit) -> Shown:
    """GET /console/scenarios."""
    page = await visit.get(SCENARIOS, visit.page_query(limit="50"))
    return View(template="scenarios.html", title="Scenarios", data={"scenarios": page})


async def scenario(visit: Visit) -> Shown:
    """GET /console/scenarios/{name}?version=."""
    query = {"version": visit.query["version"]} if "version" in visit.query else {}
    shown = await visit.get(SCENARIO, query, name=visit.param("name"))
    return View(template="scenario.html", title=shown["title"], data={"scenario": shown})


PAGES: Final = (
    Page("GET", "/console/scenarios", scenarios, query=("after",)),
    Page("GET", "/console/scenarios/{name}", scenario, query=("version",)),
)
