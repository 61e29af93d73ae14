"""A wallet's page: statement and chart for who may read it, credit for who speaks for the holder, changes that go to this wallet."""

from typing import Any

import pytest

from switch.console.page import Redirect
from switch.console.wallets import (
    CHANGE,
    CONSENTS,
    CREDIT,
    HISTORY,
    INQUIRIES,
    ORDERS,
    POINTS,
    WHAT_IF,
    change_wallet,
    wallet,
    what_if,
    withdraw_consent,
)
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

ID = "00003000-0f18-86a7-a655-811d7f69def9"
LINES = [
    {"effective_at": "2026-11-24T12:00:00Z", "balance_after": 7, "amount": 2, "payee": "b"},
    {"effective_at": "2026-11-23T12:00:00Z", "balance_after": 5, "amount": 3, "payee": "b"},
]
ANSWERS = {
    "GET /v1/wallets/{id}": {"id": ID, "owner": None},
    "GET /v1/wallets/{id}/transfers": {"data": LINES, "has_more": True, "next": "c"},
    f"GET {CREDIT}": {"score": 640},
    f"GET {INQUIRIES}": {"data": []},
    f"GET {CONSENTS}": {"data": []},
    f"GET {HISTORY}": {"data": []},
    f"GET {POINTS}": ProblemError("features_not_published"),
    "GET /v1/wallets/{id}/holds": {"data": ["held"], "has_more": False},
    f"GET {ORDERS}": {"data": ["order"]},
    "GET /v1/wallets/{id}/snoozes": {"data": ["snoozed"]},
    "GET /v1/wallets/{id}/windows": {"counted": True},
    "GET /v1/rule-packs": {"deployments": []},
}
TABLE = {
    "subtotals": {"history": 40, "identity": 5},
    "lines": [
        {"feature": "orders_kept_amount", "dimension": "history", "value": 3, "best": 30},
        {"feature": "days_since_default", "dimension": "history", "value": None, "best": 20},
        {"feature": "wallet_age_days", "dimension": "identity", "value": 400, "best": 43},
    ],
}


async def test_the_chart_is_the_statement_from_its_oldest_line_on() -> None:
    view: Any = await wallet(visit(Answers(ANSWERS), params={"id": ID}))
    assert (view.data["chart"]["from"], view.data["chart"]["to"]) == (
        LINES[1]["effective_at"],
        LINES[0]["effective_at"],
    )
    assert view.data["first"] is True and view.title == "Wallet 811d7f69def9"
    assert view.data["credit"]["score"] == {"score": 640}


async def test_an_older_page_of_the_statement_is_asked_for_by_its_cursor() -> None:
    api = Answers({**ANSWERS, "GET /v1/wallets/{id}": {"id": ID, "owner": "Ann"}})
    view: Any = await wallet(visit(api, params={"id": ID}, query={"after": "c"}))
    assert (
        "GET /v1/wallets/{id}/transfers",
        {"params": {"id": ID}, "query": {"limit": "30", "after": "c"}},
    ) in api.asked
    assert (view.data["first"], view.title) == (False, "Wallet Ann")


async def test_holds_orders_and_snoozes_are_shown_to_those_who_may_know() -> None:
    view: Any = await wallet(visit(Answers(ANSWERS), params={"id": ID}))
    assert view.data["holds"]["data"] == ["held"] and view.data["orders"]["data"] == ["order"]
    assert view.data["snoozes"]["snoozes"] == ["snoozed"]
    refused = (f"GET {CREDIT}", "GET /v1/wallets/{id}/snoozes")
    view = await wallet(visit(Answers(ANSWERS, refused=refused), params={"id": ID}))
    assert view.data["orders"] is view.data["snoozes"] is None


async def test_credit_is_shown_whole_or_not_at_all() -> None:
    for path in (CREDIT, INQUIRIES, CONSENTS, HISTORY):
        api = Answers({**ANSWERS, f"GET {path}": ProblemError("wallet_not_found")})
        view: Any = await wallet(visit(api, params={"id": ID}))
        assert view.data["credit"] is None
    refused: Any = await wallet(visit(Answers(ANSWERS, refused=(f"GET {CREDIT}",)), params={"id": ID}))
    assert refused.data["credit"] is None
    with pytest.raises(ProblemError, match="timeout"):
        await wallet(visit(Answers({**ANSWERS, f"GET {CREDIT}": ProblemError("timeout")}), params={"id": ID}))


@pytest.mark.parametrize("change", ["freeze", "unfreeze"])
async def test_a_change_is_of_this_wallet_with_the_forms_key(change: str) -> None:
    api = Answers({f"POST {CHANGE}": {}})
    done = await change_wallet(visit(api, params={"id": ID, "change": change}, form={"idempotency_key": "k"}))
    assert done == Redirect(f"/console/wallets/{ID}?done={change}")
    assert api.asked == [
        (f"POST {CHANGE}", {"params": {"id": ID, "change": change}, "headers": {"Idempotency-Key": "k"}})
    ]


async def test_a_consent_ends_and_its_wallet_is_shown() -> None:
    api = Answers({"DELETE /v1/consents/{id}": {"wallet": ID}})
    done = await withdraw_consent(visit(api, params={"id": "c"}, form={}))
    assert done == Redirect(f"/console/wallets/{ID}?done=withdraw#consents")


async def test_a_radar_has_what_a_dimension_gives_at_most_and_questions_are_of_what_one_can_change() -> None:
    view: Any = await wallet(visit(Answers({**ANSWERS, f"GET {POINTS}": TABLE}), params={"id": ID}))
    assert [(axis["value"], axis["most"]) for axis in view.data["credit"]["radar"]["axes"]] == [(40, 50), (5, 43)]
    assert [line["feature"] for line in view.data["credit"]["possible"]] == ["orders_kept_amount"]
    without: Any = await wallet(visit(Answers(ANSWERS), params={"id": ID}))
    assert (without.data["credit"]["radar"], without.data["credit"]["possible"]) == (None, [])


async def test_what_if_asks_with_numbers_as_numbers_and_shows_the_answer() -> None:
    api = Answers({**ANSWERS, f"POST {WHAT_IF}": {"score": 700, "band": "good"}})
    form = {"feature_1": "a", "value_1": " 40 ", "feature_2": "b", "value_2": "0.5", "feature_3": "c", "value_3": "own"}
    view: Any = await what_if(visit(api, params={"id": ID}, form=form))
    assert api.calls[0].body == {"changes": {"a": 40, "b": 0.5, "c": "own"}}
    assert (view.data["what_if"]["score"], view.data["what_if_problem"]) == (700, None)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"feature_1": "", "value_1": "5"},
        {"feature_1": "a", "value_1": " "},
        {"feature_1": "a", "value_1": "inf"},
        {"feature_1": "a", "value_1": "nan"},
        {"feature_1": "a", "value_1": "1e999"},
    ],
)
async def test_a_question_without_an_answer_is_told_on_the_page_and_asks_nothing(form: dict[str, str]) -> None:
    view: Any = await what_if(visit(api := Answers(ANSWERS), params={"id": ID}, form=form))
    assert view.status == 422 and view.data["what_if_problem"] and view.data["what_if"] is None
    assert f"POST {WHAT_IF}" not in [name for name, _ in api.asked]
