"""Deliveries about events stand by the endpoint that they were sent to; one call asks for those of all events."""

from switch.console.sent import DELIVERIES, ENDPOINTS, sent_of
from tests.unit.switch.console.visiting import Answers, visit


def api(endpoints: int, *refused: str) -> Answers:
    listed = {"data": [{"id": str(number)} for number in range(endpoints)]}
    sent = [{"endpoint": endpoint, "event": event} for event in ("b", "a") for endpoint in ("2", "1")]
    return Answers({f"GET {ENDPOINTS}": listed, f"GET {DELIVERIES}": {"data": sent}}, refused)


async def test_deliveries_of_all_events_stand_by_their_endpoint_oldest_first() -> None:
    found = await sent_of(visit(api(3)), ["a", "b"])
    assert [(each["endpoint"], [one["event"] for one in each["deliveries"]]) for each in found] == [
        ({"id": "1"}, ["a", "b"]),
        ({"id": "2"}, ["a", "b"]),
    ]


async def test_one_call_asks_for_them_however_many_events_and_endpoints_there_are() -> None:
    asked = api(100)
    events = [str(number) for number in range(100)]
    await sent_of(visit(asked), events)
    assert [name for name, _ in asked.asked] == [f"GET {ENDPOINTS}", f"GET {DELIVERIES}"]
    assert asked.asked[1][1]["query"]["events"] == ",".join(events)


async def test_who_may_not_see_them_is_shown_none_and_without_endpoints_there_is_none() -> None:
    assert await sent_of(visit(api(1, f"GET {DELIVERIES}")), ["a"]) is None
    assert await sent_of(visit(api(0)), ["a"]) == []
    assert await sent_of(visit(api(1)), []) == []
