"""Results of benchmarks are the API's, by name."""

from typing import Any

from switch.console.bench_reports import report, reports
from tests.unit.switch.console.visiting import Answers, visit


async def test_results_are_listed_and_shown_by_name() -> None:
    api = Answers({"GET /v1/bench/reports": {"data": []}, "GET /v1/bench/reports/{name}": {"date": "today"}})
    listed: Any = await reports(visit(api))
    assert listed.data == {"reports": {"data": []}}
    shown: Any = await report(visit(api, params={"name": "n"}))
    assert (shown.title, api.asked[1]) == (
        "Benchmarks of today",
        ("GET /v1/bench/reports/{name}", {"params": {"name": "n"}}),
    )
