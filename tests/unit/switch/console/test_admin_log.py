"""The page of the log asks what its form says, page by page."""

from typing import Any

from switch.console.admin_log import admin_log
from tests.unit.switch.console.visiting import Answers, visit


async def test_filters_go_to_the_api_and_stay_on_the_next_page() -> None:
    api = Answers({"GET /v1/admin-log": {"data": []}})
    query = {"account": " ann ", "outcome": "", "resource": "/v1/lists/a", "after": "c"}
    shown: Any = await admin_log(visit(api, query=query))
    asked = {"account": "ann", "resource": "/v1/lists/a"}
    assert api.asked == [("GET /v1/admin-log", {"query": {"limit": "50", **asked, "after": "c"}})]
    assert shown.data["asked"] == asked
    assert shown.data["place"] == "/console/admin-log?account=ann&resource=%2Fv1%2Flists%2Fa"


async def test_without_a_filter_the_next_page_is_the_pages_own() -> None:
    shown: Any = await admin_log(visit(Answers({"GET /v1/admin-log": {"data": []}})))
    assert shown.data["place"] == "/console/admin-log" and shown.data["asked"] == {}
