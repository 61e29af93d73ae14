"""Results of benchmarks: what was measured on this switch's machines."""

from typing import Final

from switch.console.page import Page, Shown, View, Visit

REPORTS: Final = "/v1/bench/reports"
REPORT: Final = f"{REPORTS}/{{name}}"


async def reports(visit: Visit) -> Shown:
    """GET /console/bench."""
    data = {"reports": await visit.get(REPORTS)}
    return View(template="bench_reports.html", title="Benchmarks", data=data)


async def report(visit: Visit) -> Shown:
    """GET /console/bench/{name}."""
    found = await visit.get(REPORT, name=visit.param("name"))
    return View(template="bench_report.html", title=f"Benchmarks of {found['date']}", data={"report": found})


PAGES: Final = (
    Page("GET", "/console/bench", reports),
    Page("GET", "/console/bench/{name}", report),
)
