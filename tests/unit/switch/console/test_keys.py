"""The page of keys is the API's list, page by page."""

from typing import Any

from switch.console.keys import keys
from tests.unit.switch.console.visiting import Answers, visit


async def test_keys_are_asked_for_from_where_the_page_was() -> None:
    api = Answers({"GET /v1/keys": {"data": []}})
    shown: Any = await keys(visit(api, query={"after": "c"}))
    assert api.asked == [("GET /v1/keys", {"query": {"limit": "50", "after": "c"}})]
    assert shown.data == {"keys": {"data": []}}
