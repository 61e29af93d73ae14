"""The page of events asks for the newest, or goes on from a cursor, and knows groups of types by name."""

import pytest

from switch.console.events import GROUPS, event, events
from switch.console.page import View
from switch.views.events import TYPES
from tests.unit.switch.console.visiting import Answers, visit

PAGE = {"data": [], "has_more": False, "next": "c"}


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ({}, {"limit": "50", "after": "last"}),
        ({"after": "start"}, {"limit": "50"}),
        ({"after": "c1"}, {"limit": "50", "after": "c1"}),
        ({"types": "declined"}, {"limit": "50", "after": "last", "types": "transfer.declined"}),
        ({"types": "wallet.frozen"}, {"limit": "50", "after": "last", "types": "wallet.frozen"}),
    ],
)
async def test_what_is_looked_at_is_asked_of_the_api(query: dict[str, str], sent: dict[str, str]) -> None:
    api = Answers({"GET /v1/events": PAGE})
    shown = await events(visit(api, query=query))
    assert api.asked == [("GET /v1/events", {"query": sent})]
    assert isinstance(shown, View) and shown.data["events"] == PAGE
    assert shown.data["newest"] is ("after" not in query)


async def test_an_event_is_shown_with_whom_it_was_sent_to() -> None:
    found = {"id": "e", "type": "transfer.posted"}
    api = Answers({"GET /v1/events/{id}": found, "GET /v1/webhook-endpoints": {"data": []}})
    shown = await event(visit(api, params={"id": "e"}))
    assert isinstance(shown, View) and shown.data == {"event": found, "sent": []}
    assert shown.title == "Event transfer.posted"


def test_groups_are_of_types_that_there_are() -> None:
    for types in GROUPS.values():
        assert set(types.split(",")) <= set(TYPES)
