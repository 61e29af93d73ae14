"""The catalogue of scenarios, page by page, and one of them in the version that was asked for."""

from typing import Any

import pytest

from switch.console.scenarios import scenario, scenarios
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

ONE = "GET /v1/scenarios/{name}"


async def test_the_list_goes_on_where_it_was() -> None:
    api = Answers({"GET /v1/scenarios": {"data": ["hotel"]}})
    shown: Any = await scenarios(visit(api, query={"after": "c"}))
    assert shown.data["scenarios"] == {"data": ["hotel"]}
    assert api.asked == [("GET /v1/scenarios", {"query": {"limit": "50", "after": "c"}})]


@pytest.mark.parametrize(("query", "sent"), [({}, {}), ({"version": "2"}, {"query": {"version": "2"}})])
async def test_one_is_shown_under_its_title_in_its_version(query: dict[str, str], sent: dict[str, Any]) -> None:
    api = Answers({ONE: {"title": "Check in without a deposit"}})
    shown: Any = await scenario(visit(api, params={"name": "hotel"}, query=query))
    assert (shown.title, api.asked) == ("Check in without a deposit", [(ONE, {"params": {"name": "hotel"}, **sent})])


async def test_one_that_there_is_not_is_the_apis_problem() -> None:
    with pytest.raises(ProblemError, match="scenario_not_found"):
        await scenario(visit(Answers({ONE: ProblemError("scenario_not_found")}), params={"name": "hostel"}))
