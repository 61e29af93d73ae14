"""A card's page has its points in words, its mode from the packs that run; what is refused keeps its text."""

import json
from typing import Any

import pytest

from models.scorecard import parse
from switch.console.page import Redirect, View
from switch.console.scorecards import (
    card,
    cards,
    edit_card,
    new_card,
    points_table,
    population,
    set_mode,
    write_card,
)
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

CARD, PUT = "GET /v1/scorecards/{name}", "PUT /v1/scorecards/{name}"
BACKTEST, POPULATION = "POST /v1/scorecards/backtest", "POST /v1/scorecards/population"
DOCUMENT = {"name": "own", "version": 3, "characteristics": [
    {"feature": "amount", "reason": "LARGE", "scale": 100, "edges": [100, 250], "points": [9, 4, 0], "missing": 1},
    {"feature": "channel", "reason": "CHANNEL", "categories": [["web", "app"]], "points": [5], "missing": -2, "unknown": 3},
]}  # fmt: skip
STORED = {"name": "own", "version": 3, "document": DOCUMENT}
NOW = {"live": "b@2", "challenger": "a@1", "share": 5, "shadows": ["s.x@7"]}
OF_PACKS = {"b": "other@1", "a": "own@3", "s.x": None}
FOUND = {
    "before": 2,
    "since": 1,
    "distribution": [{"low": 0, "before": 2, "since": 0}, {"low": 5, "before": 0, "since": 1}],
}


def packs(deployments: list[Any]) -> dict[str, Any]:
    return {
        "GET /v1/rule-packs": {"data": [], "deployments": deployments},
        "GET /v1/rule-packs/{name}": lambda wanted: {"card": OF_PACKS[wanted.params["name"]]},
    }


async def test_modes_are_those_of_the_packs_that_run_with_a_card() -> None:
    api = Answers({**packs([NOW]), "GET /v1/scorecards": {"data": []}})
    shown: Any = await cards(visit(api))
    assert shown.data["modes"] == {"other@1": "live", "own@3": "challenger"}
    asked = [dict(each.query) for each in api.calls if each.path == "/v1/rule-packs/{name}"]
    assert asked == [{"version": "7"}, {"version": "1"}, {"version": "2"}]
    idle: Any = await cards(visit(Answers({**packs([]), "GET /v1/scorecards": {"data": []}})))
    assert idle.data["modes"] == {}


async def test_a_card_is_shown_with_its_table_and_the_mode_of_this_version() -> None:
    api = Answers({**packs([NOW]), CARD: STORED})
    shown: Any = await card(visit(api, params={"name": "own"}, query={"version": "3", "done": "live"}))
    assert (shown.title, shown.data["mode"], shown.data["done"]) == ("own@3", "challenger", "live")
    assert api.asked[0] == (CARD, {"params": {"name": "own"}, "query": {"version": "3"}})
    older: Any = await card(visit(Answers({**packs([NOW]), CARD: {**STORED, "version": 2}}), params={"name": "own"}))
    assert older.data["mode"] == "off"


def test_bins_are_told_in_the_units_of_the_feature() -> None:
    numbers, texts = points_table(DOCUMENT)
    assert [(bin["of"], bin["points"]) for bin in numbers["bins"]] == [
        ("below 1.0", 9),
        ("1.0 to below 2.5", 4),
        ("2.5 and more", 0),
        ("not known", 1),
    ]
    assert [(bin["of"], bin["points"]) for bin in texts["bins"]] == [
        ("web, app", 5),
        ("any other", 3),
        ("not known", -2),
    ]
    alone = {"feature": "f", "reason": "R", "edges": [], "points": [2], "missing": 0}
    assert [bin["of"] for bin in points_table({"characteristics": [alone]})[0]["bins"]] == ["all", "not known"]


async def test_a_new_card_begins_as_one_that_checks_and_an_edited_one_as_the_next_version() -> None:
    shown: Any = await new_card(visit(Answers({})))
    assert parse(shown.data["text"].encode()).name == "corner-shop"
    edited: Any = await edit_card(visit(Answers({CARD: STORED}), params={"name": "own"}))
    assert (edited.data["base"], json.loads(edited.data["text"])["version"]) == (3, 4)


def form(**fields: str) -> dict[str, str]:
    return {"name": "own", "base": "3", "text": json.dumps(DOCUMENT), "do": "preview", **fields}


async def test_a_preview_tries_the_card_and_publishes_nothing() -> None:
    api = Answers({BACKTEST: {"report": 1}})
    shown: Any = await write_card(visit(api, form=form()))
    assert shown.data["preview"]["report"] == 1
    assert api.asked == [(BACKTEST, {"body": {"document": DOCUMENT, "last": 10_000}})]
    everything: Any = await write_card(visit(api, form={**form(), "of": "all"}))
    assert api.asked[1:] == [(BACKTEST, {"body": {"document": DOCUMENT}})]
    assert everything.data["preview"]["span"] == "all payments"


@pytest.mark.parametrize(
    ("fields", "name", "header"),
    [
        ({}, "own", {"If-Match": '"3"'}),
        ({"base": "0", "name": ""}, "own", {"If-None-Match": "*"}),
        ({"base": "0", "name": "", "text": "{}"}, "unnamed", {"If-None-Match": "*"}),
    ],
)
async def test_a_version_follows_its_base(fields: dict[str, str], name: str, header: dict[str, str]) -> None:
    api = Answers({PUT: {"name": name}})
    done = await write_card(visit(api, form=form(do="publish", **fields)))
    assert done == Redirect(f"/console/scorecards/{name}?done=published")
    assert (dict(api.calls[0].params), dict(api.calls[0].headers)) == ({"name": name}, header)


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", "{", '{"a":' * 100_000 + "1" + "}" * 100_000])
async def test_what_is_no_card_keeps_its_text_and_asks_nothing(text: str) -> None:
    api = Answers({})
    shown = await write_card(visit(api, form=form(text=text)))
    assert isinstance(shown, View) and (shown.status, shown.data["text"], api.calls) == (422, text, [])


async def test_what_is_refused_keeps_its_text_and_what_is_no_matter_of_the_text_does_not() -> None:
    shown = await write_card(visit(Answers({PUT: ProblemError("version_conflict")}), form=form(do="publish")))
    assert isinstance(shown, View) and not shown.data["problem"]["errors"]
    with pytest.raises(ProblemError, match="forbidden"):
        await write_card(visit(Answers({PUT: ProblemError("forbidden")}), form=form(do="publish")))


async def test_the_monitor_compares_at_the_time_that_is_given() -> None:
    answer = {"divided_at": "2026-01-01T00:00:00.000Z", "population": FOUND, "seconds": 1.0}
    api = Answers({**packs([NOW]), CARD: STORED, POPULATION: answer})
    sent = {"version": "3", "divided_at": " 2026-01-01T00:00:00.000Z "}
    shown: Any = await population(visit(api, params={"name": "own"}, form=sent))
    assert api.calls[0].body == {"name": "own", "version": 3, "divided_at": "2026-01-01T00:00:00.000Z"}
    assert len(shown.data["monitor"]["chart"]["bars"]) == 4 and shown.data["mode"] == "challenger"
    await population(visit(api, params={"name": "own"}, form={"version": "3", "divided_at": ""}))
    assert "divided_at" not in [each for each in api.calls if each.method == "POST"][-1].body


async def test_a_monitor_that_is_refused_says_why_on_the_cards_page() -> None:
    api = Answers({**packs([NOW]), CARD: STORED, POPULATION: ProblemError("backtest_running")})
    shown: Any = await population(visit(api, params={"name": "own"}, form={"version": "3"}))
    assert shown.data["monitor"] is None and shown.data["problem"]["title"] and shown.status >= 400
    with pytest.raises(ProblemError, match="invalid_field"):
        await population(visit(api, params={"name": "own"}, form={"version": "x"}))


async def test_a_mode_is_set_of_the_version_that_was_looked_at() -> None:
    api = Answers({"POST /v1/scorecards/{name}/mode": {}})
    done = await set_mode(visit(api, params={"name": "own"}, form={"mode": "shadow", "version": "3"}))
    assert done == Redirect("/console/scorecards/own?version=3&done=shadow")
    assert api.calls[0].body == {"mode": "shadow", "version": 3}
