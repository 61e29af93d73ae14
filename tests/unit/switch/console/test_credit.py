"""Lists are of whom they are asked about, an order's page has its life and only the buttons that its state and the key allow."""

from typing import Any

import pytest

from switch.console.credit import change_order, consents, order, orders
from switch.console.page import Redirect
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

CONSENTS, ORDERS, ORDER = "GET /v1/consents", "GET /v1/credit/orders", "GET /v1/credit/orders/{id}"
BY_HOLDER = "POST /v1/credit/orders/{id}/{change:confirm|pay}"
BY_MERCHANT = "POST /v1/credit/orders/{id}/{change:cancel|paid-elsewhere}"
FOUND = {"id": "o", "number": "A-1", "status": "created", "steps": [{"step": "created"}, {"step": "unheard_of"}]}


@pytest.mark.parametrize(("page", "path"), [(consents, CONSENTS), (orders, ORDERS)])
async def test_a_list_is_of_the_wallet_that_is_named_or_the_merchants_own(page: Any, path: str) -> None:
    api = Answers({path: {"data": []}})
    shown: Any = await page(visit(api, query={"wallet": " w ", "after": "c"}))
    assert api.asked == [(path, {"query": {"limit": "25", "wallet": "w", "after": "c"}})]
    assert (shown.data["wallet"], shown.data["page"]) == ("w", {"data": []})
    own: Any = await page(visit(api))
    assert (api.asked[1], own.data["wallet"]) == ((path, {"query": {"limit": "25"}}), "")


@pytest.mark.parametrize(("page", "path"), [(consents, CONSENTS), (orders, ORDERS)])
async def test_who_is_no_merchant_is_asked_for_a_wallet_and_a_wrong_one_is_told(page: Any, path: str) -> None:
    api = Answers({path: ProblemError("invalid_query")})
    shown: Any = await page(visit(api))
    assert shown.data["page"] is None
    with pytest.raises(ProblemError):
        await page(visit(api, query={"wallet": "w"}))


@pytest.mark.parametrize(
    ("status", "refused", "possible"),
    [
        ("created", (), ["confirm", "cancel"]),
        ("created", (BY_HOLDER,), ["cancel"]),
        ("overdue", (BY_MERCHANT,), ["pay"]),
        ("paid", (), []),
    ],
)
async def test_buttons_are_those_of_the_state_and_the_key(
    status: str, refused: tuple[str, ...], possible: list[str]
) -> None:
    api = Answers({ORDER: {**FOUND, "status": status}}, refused=refused)
    shown: Any = await order(visit(api, params={"id": "o"}))
    assert shown.data["possible"] == possible
    assert [step["tone"] for step in shown.data["steps"]] == ["info", ""]


@pytest.mark.parametrize(("change", "route"), [("pay", BY_HOLDER), ("paid-elsewhere", BY_MERCHANT)])
async def test_a_change_is_of_this_order_with_the_forms_key(change: str, route: str) -> None:
    api = Answers({route: {}})
    done = await change_order(visit(api, params={"id": "o", "change": change}, form={"idempotency_key": "k"}))
    assert done == Redirect(f"/console/orders/o?done={change}")
    sent = {"params": {"id": "o", "change": change}, "body": {}, "headers": {"Idempotency-Key": "k"}}
    assert [(name, {**rest, "body": {}}) for name, rest in api.asked] == [(route, sent)]
    with pytest.raises(ProblemError, match="invalid_field"):
        await change_order(visit(api, params={"id": "o", "change": "burn"}))
