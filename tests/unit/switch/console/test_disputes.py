"""A dispute's clock has what was and what will be, by time; what is refused of a resolution is said beside its form."""

from typing import Any

import pytest

from switch.console.disputes import dispute, disputes, forward, resolve, timeline
from switch.console.page import Redirect
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

DISPUTES, DISPUTE = "GET /v1/credit/disputes", "GET /v1/credit/disputes/{id}"
RESOLVE, FORWARD = "POST /v1/credit/disputes/{id}/resolve", "POST /v1/credit/disputes/{id}/forward"


def at(day: int) -> str:
    return f"2026-11-{day:02}T00:00:00.000Z"


def found(status: str = "open", **more: Any) -> dict[str, Any]:
    return {
        "id": "d",
        "text": "wrong",
        "status": status,
        "source": "inn",
        "opened_at": at(1),
        "forward_by": at(3),
        "due_at": at(20),
        **more,
    }


def whats(given: dict[str, Any]) -> list[str]:
    return [moment["what"] for moment in timeline(given)]


def test_a_clock_tells_what_will_be_until_it_has_been() -> None:
    due = "Due: what nobody has answered by then is deleted"
    assert whats(found()) == ["Opened by the holder", "Goes to its source by itself", due]
    assert whats(found("forwarded", forwarded_at=at(2))) == ["Opened by the holder", "Forwarded to inn", due]
    answer = {"outcome": "corrected", "text": "yes", "at": at(5)}
    end = {"outcome": "deleted", "by": None, "text": "late", "at": at(20)}
    ended = found("deleted", forwarded_at=at(2), answer=answer, resolution=end)
    assert whats(ended)[2:] == ["The source says: corrected", "Deleted by its clock"]
    by_ann = found("kept", resolution={**end, "by": "ann", "outcome": "kept"})
    assert whats(by_ann) == ["Opened by the holder", "Kept by ann"], "it goes nowhere any more"
    assert [moment["text"] for moment in timeline(ended)] == ["wrong", None, "yes", "late"]


async def test_only_an_open_dispute_can_be_resolved() -> None:
    for status, can in (("open", True), ("answered", True), ("kept", False), ("reinserted", False)):
        api = Answers({DISPUTE: found(status)})
        shown: Any = await dispute(visit(api, params={"id": "d"}, query={"done": "forward"}))
        assert (shown.data["open"], shown.data["done"]) == (can, "forward")


async def test_a_list_is_of_a_wallet_or_of_all_that_wait() -> None:
    api = Answers({DISPUTES: {"data": []}})
    await disputes(visit(api))
    await disputes(visit(api, query={"wallet": "w"}))
    assert [rest["query"] for _, rest in api.asked] == [{"limit": "25"}, {"limit": "25", "wallet": "w"}]


async def test_a_resolution_is_sent_with_its_words() -> None:
    api = Answers({RESOLVE: {}, FORWARD: {}})
    form = {"outcome": "kept", "text": " because ", "statement": "  "}
    assert await resolve(visit(api, params={"id": "d"}, form=form)) == Redirect("/console/disputes/d?done=resolve")
    assert api.calls[0].body == {"outcome": "kept", "text": "because"}
    await resolve(visit(api, params={"id": "d"}, form={**form, "statement": "mine"}))
    assert api.calls[1].body["statement"] == "mine"
    assert await forward(visit(api, params={"id": "d"})) == Redirect("/console/disputes/d?done=forward")


async def test_what_is_refused_is_said_beside_the_form() -> None:
    api = Answers({DISPUTE: found(), RESOLVE: ProblemError("case_unanswered", "its source was not asked")})
    shown: Any = await resolve(visit(api, params={"id": "d"}, form={"outcome": "kept", "text": "t"}))
    assert shown.data["problem"]["detail"] == "its source was not asked" and shown.status >= 400
    with pytest.raises(ProblemError, match="case_not_open"):
        await resolve(visit(Answers({RESOLVE: ProblemError("case_not_open")}), params={"id": "d"}, form={}))
