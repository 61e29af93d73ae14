"""To write a pack: a preview changes nothing, a new version follows the one that was edited, and what is refused keeps its text."""

from typing import Any

import pytest

from rules.language.document import read_pack
from switch.console.page import Redirect, View
from switch.console.rule_packs import EXAMPLE, edit_pack, new_pack, pack, packs, set_mode, write_pack
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

PACK, PUT = "GET /v1/rule-packs/{name}", "PUT /v1/rule-packs/{name}"
BACKTEST = "POST /v1/rule-packs/backtest"
STORED = {"name": "own", "version": 3, "text": "name: own", "files": {"a.txt": "x"}}


def form(**fields: str) -> dict[str, str]:
    return {"name": "own", "base": "3", "text": "name: own\r\nrules: []", "do": "preview", **fields}


async def test_a_new_pack_begins_as_one_that_checks() -> None:
    shown = await new_pack(visit(Answers({})))
    assert isinstance(shown, View) and (shown.data["text"], shown.data["base"]) == (EXAMPLE, 0)
    assert read_pack(EXAMPLE, lambda name: "").name == "corner-shop"


async def test_a_pack_is_edited_from_its_newest_version() -> None:
    shown = await edit_pack(visit(Answers({PACK: STORED}), params={"name": "own"}))
    assert isinstance(shown, View)
    assert (shown.data["name"], shown.data["base"], shown.data["text"]) == ("own", 3, "name: own")


async def test_a_preview_tries_the_text_with_the_lists_of_its_base_and_publishes_nothing() -> None:
    api = Answers({PACK: STORED, BACKTEST: {"report": 1}})
    shown = await write_pack(visit(api, form=form()))
    assert isinstance(shown, View) and shown.data["preview"]["report"] == 1 and shown.status == 200
    assert api.asked == [
        (PACK, {"params": {"name": "own"}, "query": {"version": "3"}}),
        (BACKTEST, {"body": {"text": "name: own\nrules: []", "files": {"a.txt": "x"}, "last": 10_000}}),
    ]


@pytest.mark.parametrize(
    ("fields", "name", "header"),
    [
        ({}, "own", {"If-Match": '"3"'}),
        ({"base": "0", "name": "", "text": "name: 'new.one' # x"}, "new.one", {"If-None-Match": "*"}),
        ({"base": "0", "name": "", "text": "rules: []"}, "unnamed", {"If-None-Match": "*"}),
    ],
)
async def test_a_version_follows_its_base_and_a_new_name_replaces_nothing(
    fields: dict[str, str], name: str, header: dict[str, str]
) -> None:
    api = Answers({PACK: STORED, PUT: {"name": name}})
    done = await write_pack(visit(api, form=form(do="publish", **fields)))
    assert done == Redirect(f"/console/rule-packs/{name}?done=published")
    sent = api.calls[-1]
    assert (dict(sent.params), dict(sent.headers)) == ({"name": name}, header)


async def test_what_is_refused_keeps_its_text_and_says_why() -> None:
    problem = ProblemError("version_conflict", "somebody else published")
    shown = await write_pack(visit(Answers({PACK: STORED, PUT: problem}), form=form(do="publish")))
    assert isinstance(shown, View) and shown.data["text"] == "name: own\nrules: []"
    assert shown.data["problem"]["detail"] == "somebody else published" and shown.status in (409, 412)
    with pytest.raises(ProblemError, match="forbidden"):
        await write_pack(visit(Answers({PACK: STORED, PUT: ProblemError("forbidden")}), form=form(do="publish")))


@pytest.mark.parametrize("base", ["", "-1", "three", "²", "1" * 10, "1.0"])
async def test_a_base_is_a_number_of_a_version(base: str) -> None:
    api = Answers({})
    with pytest.raises(ProblemError) as refused:
        await write_pack(visit(api, form=form(base=base)))
    assert (refused.value.code, api.calls) == ("invalid_field", [])


async def test_a_mode_is_set_of_the_version_that_was_looked_at() -> None:
    api = Answers({"POST /v1/rule-packs/{name}/mode": {}})
    done = await set_mode(visit(api, params={"name": "own"}, form={"mode": "live", "version": "3"}))
    assert done == Redirect("/console/rule-packs/own?version=3&done=live")
    assert api.calls[0].body == {"mode": "live", "version": 3}


async def test_lists_and_versions_are_asked_for_as_the_page_was() -> None:
    api = Answers({"GET /v1/rule-packs": {"data": []}, PACK: STORED})
    await packs(visit(api, query={"after": "c"}))
    shown: Any = await pack(visit(api, params={"name": "own"}, query={"version": "2", "done": "live"}))
    assert api.asked[0] == ("GET /v1/rule-packs", {"query": {"limit": "50", "after": "c"}})
    assert api.asked[1] == (PACK, {"params": {"name": "own"}, "query": {"version": "2"}})
    assert (shown.title, shown.data["done"]) == ("own@3", "live")
