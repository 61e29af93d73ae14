"""The page of reviews: cases of a status, with the wallets that the key may see, and a decision that goes to its own case."""

import pytest

from actors.records.layout import ReviewStatus
from rules.vocabulary.times import time_ms
from switch.console.page import Redirect, View
from switch.console.reviews import STATUSES, assign, decide, label, review, reviews, write_note
from switch.http.times import now_ms
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

CASES = {"data": [{"payer": "a", "payee": "b"}, {"payer": "b", "payee": "gone"}], "has_more": False, "next": None}
REVIEWS, WALLET = "GET /v1/reviews", "GET /v1/wallets/{id}"
CREDIT = "POST /v1/credit/reviews/{id}/resolve"
FORM = {"idempotency_key": "k"}


def wallets(wanted: object) -> object:
    identity = wanted.params["id"]  # type: ignore[attr-defined]
    return ProblemError("wallet_not_found") if identity == "gone" else {"id": identity}


async def test_each_wallet_is_asked_for_once_and_one_that_is_gone_is_left_out() -> None:
    api = Answers({REVIEWS: CASES, WALLET: wallets}, refused=(CREDIT,))
    shown = await reviews(visit(api, query={"after": "c"}))
    assert isinstance(shown, View) and set(shown.data["wallets"]) == {"a", "b"}
    assert api.asked[0] == (REVIEWS, {"query": {"status": "open", "limit": "25", "after": "c"}})
    assert sorted(call[1]["params"]["id"] for call in api.asked[1:]) == ["a", "b", "gone"]


async def test_a_key_that_reads_no_wallets_sees_the_cases_alone() -> None:
    shown = await reviews(visit(Answers({REVIEWS: CASES}, refused=(WALLET, CREDIT))))
    assert isinstance(shown, View) and shown.data["wallets"] == {} and shown.data["reviews"] == CASES


def test_every_status_that_a_case_can_have_has_its_list() -> None:
    assert set(STATUSES) == {status.name.lower() for status in ReviewStatus}


async def test_what_is_no_status_is_refused_before_anything_is_asked() -> None:
    api = Answers({})
    with pytest.raises(ProblemError) as refused:
        await reviews(visit(api, query={"status": "closed"}))
    assert (refused.value.code, refused.value.errors[0].field, api.calls) == ("invalid_query", "status", [])


@pytest.mark.parametrize("answer", ["approve", "decline"])
async def test_a_decision_goes_to_its_case_with_the_forms_key(answer: str) -> None:
    path = f"POST /v1/reviews/{{id}}/{answer}"
    api = Answers({path: {}})
    done = await decide(visit(api, params={"id": "case", "answer": answer}, form=FORM))
    assert done == Redirect(f"/console/reviews?done={answer}#case-case")
    assert api.asked == [(path, {"params": {"id": "case"}, "headers": {"Idempotency-Key": "k"}})]


async def test_cases_are_narrowed_by_whose_they_are_and_when_they_are_due() -> None:
    api = Answers({REVIEWS: {"data": []}}, refused=(CREDIT,))
    await reviews(visit(api, query={"assigned": "me", "due": "hour"}))
    query = api.asked[0][1]["query"]
    assert query["assigned"] == "me" and abs(time_ms(query["due_before"]) - now_ms() - 3_600_000) < 10_000
    for name in ("assigned", "due"):
        with pytest.raises(ProblemError) as refused:
            await reviews(visit(api, query={name: "x"}))
        assert refused.value.errors[0].field == name


async def test_decisions_of_credit_wait_beside_open_cases_alone() -> None:
    credit = {"data": ["one"], "has_more": False, "next": None}
    api = Answers({REVIEWS: {"data": []}, "GET /v1/credit/reviews": credit})
    shown = await reviews(visit(api))
    assert isinstance(shown, View) and shown.data["credit"] == credit
    shown = await reviews(visit(api, query={"status": "approved"}))
    assert isinstance(shown, View) and shown.data["credit"] is None


async def test_a_case_has_its_notes_and_those_to_whom_it_can_be_given() -> None:
    case = {"id": "0" * 36, "payer": "a", "payee": "gone"}
    answers = {
        "GET /v1/reviews/{id}": case,
        "GET /v1/reviews/{id}/notes": {"notes": ["n"]},
        "GET /v1/analysts": {"data": ["ann"]},
        WALLET: wallets,
    }
    shown = await review(visit(Answers(answers), params={"id": "case"}))
    assert isinstance(shown, View) and (shown.data["notes"], shown.data["analysts"]) == (["n"], ["ann"])
    assert set(shown.data["wallets"]) == {"a"}


@pytest.mark.parametrize(
    ("form", "assignee"),
    [({"do": "take"}, "ann"), ({"do": "let-go"}, None), ({"do": "give", "assignee": " bob "}, "bob")],
)
async def test_a_case_is_taken_let_go_and_given(form: dict[str, str], assignee: str | None) -> None:
    path = "PUT /v1/reviews/{id}/assignee"
    api = Answers({path: {}})
    origin = "/console/reviews?assigned=nobody&done=note"
    done = await assign(visit(api, params={"id": "case"}, form={**form, "back": origin}))
    assert done == Redirect(f"/console/reviews?assigned=nobody&done={form['do']}#case-case")
    assert api.asked == [(path, {"params": {"id": "case"}, "body": {"assignee": assignee}})]


async def test_a_note_and_a_label_go_to_their_case_and_lead_nowhere_else() -> None:
    api = Answers({"POST /v1/reviews/{id}/notes": {}, "PUT /v1/transfers/{id}/label": {}})
    sent = {"text": " called\r\nher ", "back": "/console/wallets/W", **FORM}
    assert await write_note(visit(api, params={"id": "case"}, form=sent)) == Redirect(
        "/console/reviews?done=note#case-case"
    )
    assert api.asked[0][1]["body"] == {"text": "called\nher"}
    marked = await label(visit(api, params={"id": "case"}, form={"do": "fraud", "back": "/console/reviews/case"}))
    assert marked == Redirect("/console/reviews/case?done=fraud#case-case")
    assert api.asked[1][1]["body"] == {"label": True}
