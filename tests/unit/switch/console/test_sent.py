"""Deliveries about events stand by the endpoint that they were sent to, and so many questions are asked and no more."""

from typing import Any

from switch.console.page import Wanted
from switch.console.sent import DELIVERIES, ENDPOINTS, QUESTIONS_MAX, sent_of
from tests.unit.switch.console.visiting import Answers, visit


def api(endpoints: int, refused: tuple[str, ...] = ()) -> Answers:
    def deliveries(wanted: Wanted) -> dict[str, Any]:
        return {"data": [] if wanted.params["id"] == "0" else [(wanted.params["id"], wanted.query["event"])]}

    listed = {"data": [{"id": str(number)} for number in range(endpoints)]}
    return Answers({f"GET {ENDPOINTS}": listed, f"GET {DELIVERIES}": deliveries}, refused)


async def test_deliveries_of_all_events_stand_by_their_endpoint() -> None:
    found = await sent_of(visit(api(3)), ["a", "b"])
    assert found == [{"endpoint": {"id": n}, "deliveries": [(n, "a"), (n, "b")]} for n in ("1", "2")]


async def test_so_many_questions_are_asked() -> None:
    asked = api(9)
    await sent_of(visit(asked), [str(number) for number in range(100)])
    assert len(asked.calls) == 1 + QUESTIONS_MAX // 9 * 9


async def test_who_may_not_see_them_is_shown_none_and_without_endpoints_there_is_none() -> None:
    assert await sent_of(visit(api(1, refused=(f"GET {ENDPOINTS}",))), ["a"]) is None
    assert await sent_of(visit(api(0)), ["a"]) == []
