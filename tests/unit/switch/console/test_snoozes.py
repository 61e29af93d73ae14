"""Snoozes: rules of the packs that run can be snoozed, with an end and a reason, and the page that asked is where one comes back to."""

from typing import Any

import pytest

from switch.console.page import Redirect, View
from switch.console.snoozes import end_snooze, rule, snoozable, snooze
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

PACKS, PACK, OF_WALLET = "GET /v1/rule-packs", "GET /v1/rule-packs/{name}", "GET /v1/wallets/{id}/snoozes"
PUT = "PUT /v1/rule-packs/{name}/rules/{rule}/snoozes/{wallet}"
DELETE = PUT.replace("PUT", "DELETE")
RUNNING = {"deployments": [{"live": "a@2", "challenger": "b@1", "shadows": ["c@9"]}]}
FORM = {"rule": "a/large", "wallet": " W ", "reason": "pays her staff", "until": "2030-01-01T00:00:00Z"}


def pack(wanted: Any) -> Any:
    return {"name": wanted.params["name"], "rules": [{"id": f"of-{wanted.query['version']}"}]}


async def test_rules_of_all_packs_that_run_can_be_snoozed() -> None:
    api = Answers({PACKS: RUNNING, PACK: pack, OF_WALLET: {"data": ["one"]}})
    found = await snoozable(visit(api), "W")
    assert found is not None and (found["snoozes"], found["wallet"]) == (["one"], "W")
    assert found["rules"] == ["a/of-2", "b/of-1", "c/of-9"]


async def test_where_no_pack_runs_nothing_can_be_snoozed() -> None:
    found = await snoozable(visit(Answers({PACKS: {"deployments": []}, OF_WALLET: {"data": []}})), "W")
    assert found is not None and found["rules"] == []


async def test_a_key_that_sees_no_packs_is_asked_nothing() -> None:
    assert await snoozable(visit(Answers({}, refused=(OF_WALLET,))), "W") is None


async def test_the_page_of_a_rule_shows_for_whom_it_is_snoozed() -> None:
    api = Answers({"GET /v1/rule-packs/{name}/rules/{rule}/snoozes": {"data": []}})
    shown = await rule(visit(api, params={"name": "a", "rule": "large"}))
    assert isinstance(shown, View) and (shown.data["pack"], shown.data["rule"]) == ("a", "large")


async def test_a_snooze_is_made_and_leads_back() -> None:
    api = Answers({PUT: {}})
    done = await snooze(visit(api, form={**FORM, "back": "/console/wallets/W?after=x"}))
    assert done == Redirect("/console/wallets/W?done=snoozed#snoozes")
    params = {"name": "a", "rule": "large", "wallet": "W"}
    assert api.asked == [(PUT, {"params": params, "body": {"reason": "pays her staff", "until": FORM["until"]}})]


@pytest.mark.parametrize(("field", "value"), [("until", ""), ("rule", "large"), ("rule", "/large"), ("rule", "a/")])
async def test_what_is_missing_is_named(field: str, value: str) -> None:
    with pytest.raises(ProblemError) as refused:
        await snooze(visit(Answers({}), form={**FORM, field: value}))
    assert refused.value.errors[0].field == field


async def test_a_snooze_is_ended_and_leads_nowhere_else() -> None:
    api = Answers({DELETE: {}})
    done = await end_snooze(visit(api, form={**FORM, "back": "https://evil.example/"}))
    assert done == Redirect("/console?done=awake#snoozes")
    assert api.asked == [(DELETE, {"params": {"name": "a", "rule": "large", "wallet": "W"}})]


async def test_with_four_eyes_the_end_is_asked_for_with_a_reason_of_its_own() -> None:
    api = Answers({DELETE: ProblemError("approval_needed"), "POST /v1/proposals": {"id": "P"}})
    done = await end_snooze(visit(api, form={**FORM, "why": "case 17"}))
    assert done == Redirect("/console/proposals/P?done=proposed")
    path = "/v1/rule-packs/a/rules/large/snoozes/W"
    assert api.asked[1][1]["body"] == {"method": "DELETE", "path": path, "reason": "case 17"}
