"""The page of reviews: cases of a status, with the wallets that the key may see, and a decision that goes to its own case."""

import pytest

from actors.records.layout import ReviewStatus
from switch.console.page import Redirect, View
from switch.console.reviews import STATUSES, decide, reviews
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

CASES = {"data": [{"payer": "a", "payee": "b"}, {"payer": "b", "payee": "gone"}], "has_more": False, "next": None}
REVIEWS, WALLET = "GET /v1/reviews", "GET /v1/wallets/{id}"


def wallets(wanted: object) -> object:
    identity = wanted.params["id"]  # type: ignore[attr-defined]
    return ProblemError("wallet_not_found") if identity == "gone" else {"id": identity}


async def test_each_wallet_is_asked_for_once_and_one_that_is_gone_is_left_out() -> None:
    api = Answers({REVIEWS: CASES, WALLET: wallets})
    shown = await reviews(visit(api, query={"after": "c"}))
    assert isinstance(shown, View) and set(shown.data["wallets"]) == {"a", "b"}
    assert api.asked[0] == (REVIEWS, {"query": {"status": "open", "limit": "25", "after": "c"}})
    assert sorted(call[1]["params"]["id"] for call in api.asked[1:]) == ["a", "b", "gone"]


async def test_a_key_that_reads_no_wallets_sees_the_cases_alone() -> None:
    shown = await reviews(visit(Answers({REVIEWS: CASES}, refused=(WALLET,))))
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
    done = await decide(visit(api, params={"id": "case", "answer": answer}, form={"idempotency_key": "k"}))
    assert done == Redirect(f"/console/reviews?done={answer}")
    assert api.asked == [(path, {"params": {"id": "case"}, "headers": {"Idempotency-Key": "k"}})]
