"""Reviews of decisions of credit: for those who may answer them on the page of all reviews, each resolved in words."""

from typing import Any

import pytest

from switch.console.credit_reviews import credit_review, credit_reviews, resolve, timeline, waiting
from switch.console.page import Redirect, View
from switch.problems.table import ProblemError, invalid_field
from tests.unit.switch.console.visiting import Answers, visit

REVIEWS, REVIEW = "GET /v1/credit/reviews", "GET /v1/credit/reviews/{id}"
RESOLVE = "POST /v1/credit/reviews/{id}/resolve"
OPENED, DUE = "2026-11-29T12:00:00.000Z", "2026-12-14T12:00:00.000Z"
FOUND = {"id": "0" * 36, "status": "open", "opened_at": OPENED, "due_at": DUE}
PAGE: dict[str, Any] = {"data": [FOUND], "has_more": False, "next": None}


async def test_the_oldest_wait_on_the_page_of_all_reviews() -> None:
    api = Answers({REVIEWS: PAGE})
    assert await waiting(visit(api)) == PAGE
    assert api.asked == [(REVIEWS, {"query": {"limit": "10"}})]


async def test_who_answers_none_is_shown_none_there() -> None:
    assert await waiting(visit(Answers({}, refused=(RESOLVE,)))) is None


async def test_a_holder_names_the_wallet() -> None:
    api = Answers({REVIEWS: PAGE})
    shown = await credit_reviews(visit(api, query={"wallet": " W "}))
    assert isinstance(shown, View) and (shown.data["page"], shown.data["wallet"]) == (PAGE, "W")
    assert api.asked == [(REVIEWS, {"query": {"limit": "25", "wallet": "W"}})]


async def test_one_is_shown() -> None:
    shown = await credit_review(visit(Answers({REVIEW: FOUND}), params={"id": "R"}))
    assert isinstance(shown, View) and shown.data["review"] == FOUND and shown.data["open"]
    assert [(moment["what"], moment["at"]) for moment in shown.data["timeline"]] == [
        ("Asked for by the holder", OPENED),
        ("Due", DUE),
    ]


@pytest.mark.parametrize(("by", "what"), [("ann", "Upheld by ann"), (None, "Upheld")])
def test_what_was_decided_takes_the_place_of_when_it_was_due(by: str | None, what: str) -> None:
    resolution = {"outcome": "upheld", "by": by, "at": DUE, "text": "It stays."}
    moments = timeline({**FOUND, "status": "resolved", "resolution": resolution})
    assert [(each["what"], each["text"]) for each in moments] == [
        ("Asked for by the holder", None),
        (what, "It stays."),
    ]


async def test_one_is_resolved_with_the_forms_key() -> None:
    api = Answers({RESOLVE: {}})
    form = {"outcome": "upheld", "text": " It\r\nstays. ", "idempotency_key": "k"}
    done = await resolve(visit(api, params={"id": "R"}, form=form))
    assert done == Redirect("/console/credit-reviews/R?done=resolve")
    body = {"outcome": "upheld", "text": "It\nstays."}
    assert api.asked == [(RESOLVE, {"params": {"id": "R"}, "headers": {"Idempotency-Key": "k"}, "body": body})]


async def test_a_wrong_field_is_named_beside_the_form_and_nothing_else() -> None:
    api = Answers({RESOLVE: invalid_field("text", "a text is expected"), REVIEW: FOUND})
    shown = await resolve(visit(api, params={"id": "R"}))
    assert isinstance(shown, View) and (shown.status, shown.data["problem"]["errors"][0]["field"]) == (422, "text")
    with pytest.raises(ProblemError, match="case_not_open"):
        await resolve(visit(Answers({RESOLVE: ProblemError("case_not_open")}), params={"id": "R"}))
