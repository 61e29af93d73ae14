"""Results of benchmarks: what was measured on this switch's machines."""

from itertools import groupby
from typing import Any, Final

from switch.console.page import Page, Shown, View, Visit
from switch.console.rendering import size, words

REPORTS: Final = "/v1/bench/reports"
REPORT: Final = f"{REPORTS}/{{name}}"
NAMED_MAX: Final = 3
"""Benchmarks that a title names; of more it says how many."""


async def reports(visit: Visit) -> Shown:
    """GET /console/bench."""
    found = await visit.get(REPORTS)
    runs = [{**each, "at": _began(each["name"])} for each in found["data"]]
    return View(template="bench_reports.html", title="Benchmarks", data={"reports": found, "runs": runs})


def _began(name: str) -> str:
    """When a run began, as RFC 3339, out of its name: 20261129T165729Z-75095e31."""
    day, _, time = name.partition("-")[0].partition("T")
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}T{time[:2]}:{time[2:4]}:{time[4:6]}Z"


async def report(visit: Visit) -> Shown:
    """GET /console/bench/{name}."""
    found = await visit.get(REPORT, name=visit.param("name"))
    benchmarks = [(name, list(some)) for name, some in groupby(found["figures"], lambda each: each["benchmark"])]
    machine = [_of_machine(name, value) for name, value in found["machine"].items()]
    data = {"report": found, "benchmarks": benchmarks, "machine": machine}
    return View(template="bench_report.html", title=_title([name for name, _ in benchmarks]), data=data)


def _title(names: list[str]) -> str:
    """What was measured: "Benchmarks: console, single", or how many there are."""
    unlike = list(dict.fromkeys(names))
    if not unlike:
        return "A run of benchmarks"
    named = ", ".join(words(name) for name in unlike)
    return f"Benchmarks: {named}" if len(unlike) <= NAMED_MAX else f"{len(unlike)} benchmarks"


_BYTES: Final = {"_kb": 1_024, "_bytes": 1}
"""What a number counts, by how its name ends."""


def _of_machine(name: str, value: Any) -> tuple[str, str]:
    """A property of the machine for people: bytes in their unit, times in theirs."""
    for suffix, factor in _BYTES.items():
        if name.endswith(suffix) and isinstance(value, int):
            return words(name.removesuffix(suffix)), size(value * factor)
    if name.endswith("_ms"):
        return words(name.removesuffix("_ms")), f"{value} ms"
    return words(name), f"{value:.2f}" if isinstance(value, float) else str(value)


PAGES: Final = (
    Page("GET", "/console/bench", reports),
    Page("GET", "/console/bench/{name}", report),
)
