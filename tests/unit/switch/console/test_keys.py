"""The page of keys is the API's list; its forms are calls of the API, and their answer alone has a key."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from switch.console.keys import keys, make, revoke, rotate
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

MADE = {"id": "k1", "name": "shop", "scopes": ["read"], "expires_at": None, "key": "sp_1"}


async def test_keys_are_asked_for_from_where_the_page_was() -> None:
    api = Answers({"GET /v1/keys": {"data": []}})
    shown: Any = await keys(visit(api, query={"after": "c"}))
    assert api.asked == [("GET /v1/keys", {"query": {"limit": "50", "after": "c"}})]
    assert shown.data["keys"] == {"data": []} and shown.data["scopes"] == ["read"] and shown.data["own_name"] is None


async def test_who_may_make_none_is_offered_no_form() -> None:
    shown: Any = await keys(visit(Answers({"GET /v1/keys": {"data": []}}, refused=("POST /v1/keys",))))
    assert shown.data["scopes"] == []


async def test_a_form_becomes_the_call_that_it_says() -> None:
    api = Answers({"POST /v1/keys": MADE})
    form = {
        "name": " shop ",
        "scope.read": "on",
        "scope.pay": "on",
        "owners": "shop-1, shop-2\nshop-3",
        "wallets": "",
        "reads_per_s": "20",
        "writes_per_s": "",
        "life": "30",
        "idempotency_key": "f1",
    }
    shown: Any = await make(visit(api, form=form))
    ((_, sent),) = api.asked
    ends = datetime.fromisoformat(sent["body"].pop("expires_at"))
    assert timedelta(days=29) < ends - datetime.now(UTC) <= timedelta(days=30)
    assert sent["body"] == {
        "name": "shop",
        "scopes": ["read", "pay"],
        "owners": ["shop-1", "shop-2", "shop-3"],
        "reads_per_s": 20,
    }
    assert sent["headers"] == {"Idempotency-Key": "f1"}
    assert (shown.template, shown.status, shown.data) == ("key_made.html", 201, {"made": MADE})


async def test_a_key_is_rotated_with_its_overlap_and_revoked() -> None:
    api = Answers({"POST /v1/keys/{id}/rotate": MADE, "POST /v1/keys/{id}/revoke": MADE})
    shown: Any = await rotate(visit(api, params={"id": "k1"}, form={"overlap_s": "3600"}))
    assert shown.data == {"made": MADE}
    gone: Any = await revoke(visit(api, params={"id": "k1"}, form={}))
    assert gone.path == "/console/keys?done=revoked"
    assert [(name, sent["params"], sent["body"]) for name, sent in api.asked[:1]] == [
        ("POST /v1/keys/{id}/rotate", {"id": "k1"}, {"overlap_s": 3600})
    ]
    assert api.asked[1][0] == "POST /v1/keys/{id}/revoke" and api.asked[1][1]["params"] == {"id": "k1"}


@pytest.mark.parametrize(
    ("life", "ends"), [({}, {}), ({"life": "as_before"}, {}), ({"life": ""}, {"expires_at": None})]
)
async def test_a_rotated_key_hands_on_its_end_or_gives_none(life: dict[str, str], ends: dict[str, None]) -> None:
    api = Answers({"POST /v1/keys/{id}/rotate": MADE})
    await rotate(visit(api, params={"id": "k1"}, form={"overlap_s": "0", **life}))
    ((_, sent),) = api.asked
    assert sent["body"] == {"overlap_s": 0, **ends}


async def test_a_key_in_place_of_another_works_for_as_long_as_the_form_says() -> None:
    api = Answers({"GET /v1/keys": {"data": []}, "POST /v1/keys/{id}/rotate": MADE})
    shown: Any = await keys(visit(api))
    first, *offered = shown.data["next_lives"]
    assert first == "as_before" and offered == list(shown.data["lives"])
    await rotate(visit(api, params={"id": "k1"}, form={"overlap_s": "0", "life": "90"}))
    ends = datetime.fromisoformat(api.asked[-1][1]["body"]["expires_at"])
    assert timedelta(days=89) < ends - datetime.now(UTC) <= timedelta(days=90)
    with pytest.raises(ProblemError, match="invalid_field"):
        await rotate(visit(Answers({}), params={"id": "k1"}, form={"overlap_s": "0", "life": "2"}))


@pytest.mark.parametrize(
    "form", [{"life": "2"}, {"life": "", "reads_per_s": "many"}, {"reads_per_s": "-1"}, {"reads_per_s": "1" * 10}]
)
async def test_what_no_field_of_the_form_can_be_is_refused(form: dict[str, str]) -> None:
    with pytest.raises(ProblemError, match="invalid_field"):
        await make(visit(Answers({}), form={"name": "x", "scope.read": "on", **form}))
