"""Pages of lists: an entry goes to its list, a refusal stands beside the form, and with four eyes it is asked for."""

from typing import Any

import pytest

from switch.console.lists import add_entry, end_entry, make_list, one_list
from switch.console.page import Redirect, View
from switch.problems.table import ProblemError, invalid_field
from tests.unit.switch.console.visiting import Answers, visit

LISTS, LIST = "GET /v1/lists", "PUT /v1/lists/{name}"
ENTRIES, ADD, END = (
    "GET /v1/lists/{name}/entries",
    "PUT /v1/lists/{name}/entries/{value}",
    "DELETE /v1/lists/{name}/entries/{value}",
)
NO_ENTRIES = {"data": [], "has_more": False, "next": None}
THERE = {"data": [{"name": "stolen", "type": "device"}]}


async def test_a_list_shows_its_entries() -> None:
    shown = await one_list(visit(Answers({LISTS: THERE, ENTRIES: NO_ENTRIES}), params={"name": "stolen"}))
    assert isinstance(shown, View) and shown.data["list"]["type"] == "device" and shown.data["entries"] == NO_ENTRIES


async def test_a_list_is_made_and_shown() -> None:
    api = Answers({LIST: {}})
    done = await make_list(visit(api, form={"name": " stolen ", "type": "device", "description": ""}))
    assert done == Redirect("/console/lists/stolen?done=made")
    assert api.asked == [(LIST, {"params": {"name": "stolen"}, "body": {"type": "device"}})]


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ({"value": "phone 1", "reason": "reported", "days": ""}, {"reason": "reported"}),
        (
            {"value": "phone 1", "reason": "reported", "days": "7", "expires_at": "2030-01-01T00:00:00Z"},
            {"reason": "reported", "expires_at": "2030-01-01T00:00:00Z"},
        ),
    ],
)
async def test_an_entry_goes_to_its_list(form: dict[str, str], body: Any) -> None:
    api = Answers({ADD: {}})
    done = await add_entry(visit(api, params={"name": "stolen"}, form=form))
    assert done == Redirect("/console/lists/stolen?done=added")
    assert api.asked == [(ADD, {"params": {"name": "stolen", "value": "phone 1"}, "body": body})]


async def test_an_entry_is_ended() -> None:
    api = Answers({END: {}})
    done = await end_entry(visit(api, params={"name": "stolen"}, form={"value": "phone 1"}))
    assert done == Redirect("/console/lists/stolen?done=ended")


async def test_a_refusal_stands_beside_the_form() -> None:
    api = Answers(
        {ADD: invalid_field("value", "a wallet id of this switch is expected"), LISTS: THERE, ENTRIES: NO_ENTRIES}
    )
    shown = await add_entry(visit(api, params={"name": "stolen"}, form={"value": "x", "reason": "y"}))
    assert isinstance(shown, View) and shown.status == 422
    assert shown.data["problem"]["errors"][0]["message"] == "a wallet id of this switch is expected"


async def test_what_is_no_matter_of_the_form_is_no_part_of_the_page() -> None:
    with pytest.raises(ProblemError, match="forbidden"):
        await add_entry(visit(Answers({ADD: ProblemError("forbidden")}), params={"name": "stolen"}))


async def test_with_four_eyes_the_entry_is_asked_for() -> None:
    api = Answers({ADD: ProblemError("approval_needed"), "POST /v1/proposals": {"id": "P"}})
    form = {"value": "phone/1", "reason": "reported", "idempotency_key": "k"}
    done = await add_entry(visit(api, params={"name": "stolen"}, form=form))
    assert done == Redirect("/console/proposals/P?done=proposed")
    call = {
        "method": "PUT",
        "path": "/v1/lists/stolen/entries/phone%2F1",
        "reason": "reported",
        "content": {"reason": "reported"},
    }
    assert api.asked[1] == ("POST /v1/proposals", {"headers": {"Idempotency-Key": "k"}, "body": call})
