"""Pages of webhooks ask the API for what was asked of them, and lead back to the endpoint."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from switch.console import webhooks
from switch.console.page import Redirect, View, Visit, Wanted
from switch.problems.table import ProblemError


class Recorded:
    """A visit that remembers what it asked for."""

    def __init__(self, query: dict[str, str] | None = None, **params: str) -> None:
        self.query, self._params = query or {}, params
        self.asked: list[Any] = []

    def param(self, name: str) -> str:
        return self._params[name]

    def page_query(self, **more: str) -> dict[str, str]:
        return more

    async def get(self, path: str, query: Any = None, **params: str) -> Any:
        self.asked.append((path, query, params))
        return {"data": []}

    async def send(self, wanted: Wanted) -> Any:
        self.asked.append((wanted.path, dict(wanted.params)))
        return SimpleNamespace()


async def test_deliveries_are_narrowed_to_a_state() -> None:
    visit = Recorded({"state": "dead"}, id="e")
    shown = await webhooks.endpoint(cast(Visit, visit))
    assert isinstance(shown, View) and shown.data["state"] == "dead"
    assert visit.asked[1] == (webhooks.DELIVERIES, {"limit": webhooks.ROWS, "state": "dead"}, {"id": "e"})
    visit = Recorded(id="e")
    await webhooks.endpoint(cast(Visit, visit))
    assert visit.asked[1][1] == {"limit": webhooks.ROWS}
    with pytest.raises(ProblemError):
        await webhooks.endpoint(cast(Visit, Recorded({"state": "lost"}, id="e")))


async def test_buttons_lead_back_to_the_endpoint() -> None:
    visit = Recorded(id="e", action="test", delivery="d")
    assert await webhooks.send(cast(Visit, visit)) == Redirect("/console/webhooks/e?done=test")
    assert await webhooks.send_again(cast(Visit, visit)) == Redirect("/console/webhooks/e?done=replay")
    assert visit.asked == [
        ("/v1/webhook-endpoints/{id}/test", {"id": "e"}),
        ("/v1/webhook-endpoints/{id}/deliveries/{delivery}/replay", {"id": "e", "delivery": "d"}),
    ]


async def test_the_list_is_the_apis() -> None:
    shown = await webhooks.endpoints(cast(Visit, Recorded()))
    assert isinstance(shown, View) and shown.data == {"endpoints": {"data": []}}
