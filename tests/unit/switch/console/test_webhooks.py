"""Pages of webhooks ask the API for what was asked of them, and lead back to the endpoint."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from switch.console import webhooks
from switch.console.page import Redirect, View, Visit, Wanted
from switch.problems.table import ProblemError, invalid_field
from tests.unit.switch.console.visiting import Answers, visit


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
    assert isinstance(shown, View) and shown.data["endpoints"] == {"data": []}


ID = "01a22779-e163-70d8-824e-7ae6cd396b70"
ONE = {"GET /v1/webhook-endpoints/{id}": {"id": ID}, "GET /v1/webhook-endpoints/{id}/deliveries": {"data": []}}
MAKE, PATCH = "POST /v1/webhook-endpoints", "PATCH /v1/webhook-endpoints/{id}"
ROTATE = "POST /v1/webhook-endpoints/{id}/secret/rotate"


async def test_an_endpoint_is_made_and_its_secret_shown_on_its_page_alone() -> None:
    api = Answers({**ONE, MAKE: {"id": ID, "secret": "whsec_x"}})
    form = {
        "url": " https://a.example ",
        "types": "transfer.posted, ,leg.landed",
        "ordered": "yes",
        "after": "start",
        "description": " till ",
    }
    shown = await webhooks.make(visit(api, form=form))
    assert isinstance(shown, View) and shown.data["secret"] == "whsec_x"
    body = {"url": "https://a.example", "ordered": True, "types": ["transfer.posted", "leg.landed"]}
    assert api.asked[0] == (MAKE, {"body": {**body, "description": "till", "after": "start"}})
    again = await webhooks.endpoint(visit(api, params={"id": ID}))
    assert isinstance(again, View) and again.data["secret"] is None


async def test_a_url_that_is_refused_is_named_beside_the_form() -> None:
    page = {"data": [], "has_more": False, "next": None}
    api = Answers({MAKE: invalid_field("url", "https is expected"), "GET /v1/webhook-endpoints": page})
    shown = await webhooks.make(visit(api, form={"url": "http://a.example"}))
    assert isinstance(shown, View) and shown.status == 422
    assert shown.data["problem"]["errors"][0]["message"] == "https is expected"
    with pytest.raises(ProblemError, match="forbidden"):
        await webhooks.make(visit(Answers({MAKE: ProblemError("forbidden")})))


@pytest.mark.parametrize(("overlap", "body"), [("3600", {"expires_in": 3_600}), ("", {}), ("x", {})])
async def test_a_secret_is_rotated_and_the_new_one_shown(overlap: str, body: dict[str, int]) -> None:
    api = Answers({**ONE, ROTATE: {"secret": "whsec_y"}})
    shown = await webhooks.rotate(visit(api, params={"id": ID}, form={"overlap": overlap}))
    assert isinstance(shown, View) and shown.data["secret"] == "whsec_y"
    assert api.calls[0].body == body


@pytest.mark.parametrize("change", ["disable", "enable"])
async def test_an_endpoint_is_disabled_and_enabled(change: str) -> None:
    api = Answers({PATCH: {}})
    done = await webhooks.change(visit(api, params={"id": ID, "change": change}))
    assert done == Redirect(f"/console/webhooks/{ID}?done={change}")
    assert api.calls[0].body == {"disabled": change == "disable"}


async def test_an_endpoint_is_removed() -> None:
    api = Answers({"DELETE /v1/webhook-endpoints/{id}": {}})
    done = await webhooks.change(visit(api, params={"id": ID, "change": "remove"}))
    assert done == Redirect("/console/webhooks?done=remove")
