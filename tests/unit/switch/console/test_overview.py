"""The overview shows figures to everybody, and the newest payments, newest first, to who may read events."""

from switch.console.overview import NEWEST, PAYMENTS, newest, overview
from switch.console.page import View
from switch.views.events import TYPES
from tests.unit.switch.console.figures_of_tests import FIGURES
from tests.unit.switch.console.visiting import Answers, visit


async def test_the_newest_payments_come_first() -> None:
    api = Answers({"GET /v1/events": {"data": ["older", "newer"], "has_more": False, "next": "c"}}, figures=FIGURES)
    shown = await overview(visit(api))
    assert isinstance(shown, View) and shown.data["newest"] == ["newer", "older"]
    assert shown.data["figures"]["requests"] == 3
    assert api.asked == [("GET /v1/events", {"query": {"after": "last", "limit": str(NEWEST), "types": PAYMENTS}})]


async def test_who_may_not_read_events_sees_figures_alone() -> None:
    shown = await overview(visit(Answers({}, refused=("GET /v1/events",), figures=FIGURES)))
    assert isinstance(shown, View) and shown.data["newest"] == []


async def test_what_is_not_the_same_for_everybody_is_a_page_of_its_own() -> None:
    api = Answers({"GET /v1/events": {"data": ["older", "newer"], "has_more": False, "next": "c"}})
    shown = await newest(visit(api))
    assert isinstance(shown, View) and shown.data == {"newest": ["newer", "older"]}
    unseen = await newest(visit(Answers({}, refused=("GET /v1/events",))))
    assert isinstance(unseen, View) and unseen.data == {"newest": []}


def test_payments_are_types_that_there_are() -> None:
    assert set(PAYMENTS.split(",")) <= set(TYPES)
