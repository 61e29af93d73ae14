"""Results of benchmarks are the API's, by name, in words and units of people."""

from typing import Any

import pytest

from switch.console.bench_reports import report, reports
from tests.unit.switch.console.visiting import Answers, visit

NAME = "20261129T165729Z-75095e31"
LISTED = {"configured": True, "data": [{"name": NAME, "bytes": 5}]}


def run(*names: str, **machine: Any) -> dict[str, Any]:
    return {"figures": [{"benchmark": name} for name in names], "machine": machine}


async def shown(answer: dict[str, Any]) -> Any:
    api = Answers({"GET /v1/bench/reports/{name}": answer})
    found = await report(visit(api, params={"name": NAME}))
    assert api.asked == [("GET /v1/bench/reports/{name}", {"params": {"name": NAME}})]
    return found


async def test_results_are_listed_by_when_they_began() -> None:
    listed: Any = await reports(visit(Answers({"GET /v1/bench/reports": LISTED})))
    assert listed.data == {"reports": LISTED, "runs": [{"name": NAME, "bytes": 5, "at": "2026-11-29T16:57:29Z"}]}


@pytest.mark.parametrize(
    ("names", "title"),
    [
        ((), "A run of benchmarks"),
        (("single",), "Benchmarks: single"),
        (("single", "single", "live_feed"), "Benchmarks: single, live feed"),
        (("a", "b", "c", "d"), "4 benchmarks"),
    ],
)
async def test_a_title_says_what_was_measured(names: tuple[str, ...], title: str) -> None:
    assert (await shown(run(*names))).title == title


async def test_figures_stand_by_their_benchmark_and_the_machine_is_told_in_units() -> None:
    found = await shown(run("a", "a", "b", memory_kb=24_684_092, fsync_ms=0.152, load_average=4.6533, cpus=2))
    assert [(name, len(figures)) for name, figures in found.data["benchmarks"]] == [("a", 2), ("b", 1)]
    assert found.data["machine"] == [
        ("memory", "25.3 GB"),
        ("fsync", "0.152 ms"),
        ("load average", "4.65"),
        ("cpus", "2"),
    ]
