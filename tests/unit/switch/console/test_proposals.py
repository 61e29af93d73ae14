"""A proposal is told in words, with what holds now and what would; who asked for it is not offered to approve it."""

from typing import Any

import pytest

from switch.console.page import PROPOSALS, Redirect, View
from switch.console.proposals import DIFFERENCES_MAX, answer, change_of, proposal, proposals, words_of
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

MODE = {"method": "POST", "path": "/v1/rule-packs/shop/mode", "content": {"mode": "live", "version": 3}}
CARD = {"method": "POST", "path": "/v1/scorecards/till/mode", "content": {"mode": "live", "version": 2}}
ENTRY = {"method": "PUT", "path": "/v1/lists/stolen/entries/a%2Fb", "content": {"reason": "reported"}}
ENTRY_END = {"method": "DELETE", "path": "/v1/lists/stolen/entries/a%2Fb", "content": None}
SNOOZE = {
    "method": "PUT",
    "path": "/v1/rule-packs/shop/rules/large/snoozes/W",
    "content": {"reason": "staff", "until": "2030-01-01T00:00:00Z"},
}
SNOOZE_END = {**SNOOZE, "method": "DELETE", "content": None}
LIVE = {"deployments": [{"live": "shop@2"}]}
FILES = {"2": {"stolen.txt": "a\nb\n", "same.txt": "x\n"}, "3": {"stolen.txt": "b\nc\n", "same.txt": "x\n"}}
TEXTS = {"2": "name: shop\naction: review\n", "3": "name: shop\naction: decline\n"}


def pack(wanted: Any) -> Any:
    version, name = wanted.query["version"], wanted.params["name"]
    if name == "evil":
        return {"name": name, "version": int(version), "mode": "off", "text": "name: evil\n", "card": None, "files": {}}
    shown = {"name": name, "version": int(version), "mode": "shadow", "text": TEXTS[version], "card": "till@1"}
    return shown | {"files": FILES[version]}


def card(wanted: Any) -> Any:
    version = int(wanted.query["version"])
    return {"name": "till", "version": version, "document": {"name": "till", "base": version}}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (MODE, "Run shop@3 live"),
        (CARD, "Run the scorecard till@2 live"),
        (
            {**CARD, "content": {"mode": "live", "version": 2, "pack": "evil", "pack_version": 4}},
            "Run the scorecard till@2 live through evil@4",
        ),
        (ENTRY, "Put a/b on the list stolen"),
        (ENTRY_END, "Take a/b off the list stolen"),
        (SNOOZE, "Snooze shop/large for W"),
        (SNOOZE_END, "End the snooze of shop/large for W"),
        ({"method": "PUT", "path": "/v1/later", "content": None}, "PUT /v1/later"),
    ],
)
def test_a_proposal_is_told_in_words(found: dict[str, Any], words: str) -> None:
    assert words_of(found) == words


async def change(found: dict[str, Any], **answers: Any) -> Any:
    names = {
        "packs": "GET /v1/rule-packs",
        "pack": "GET /v1/rule-packs/{name}",
        "card": "GET /v1/scorecards/{name}",
        "entry": "GET /v1/lists/{name}/entries/{value}",
        "snoozes": "GET /v1/wallets/{id}/snoozes",
    }
    return await change_of(visit(Answers({names[name]: value for name, value in answers.items()})), found)


async def test_a_pack_that_would_decide_is_compared_with_the_one_that_does() -> None:
    made = await change(MODE, packs=LIVE, pack=pack)
    assert made.now == "shop@3 has the mode shadow; shop@2 is live" and made.then == "mode live"
    assert "-action: review" in made.difference and "+action: decline" in made.difference
    shadow = await change({**MODE, "content": {"mode": "shadow", "version": 3}}, packs=LIVE, pack=pack)
    assert shadow.difference == []


async def test_lists_in_files_of_a_pack_are_compared_too() -> None:
    made = await change(MODE, packs=LIVE, pack=pack)
    at = made.difference.index("--- shop@2 stolen.txt")
    assert made.difference[at:] == ["--- shop@2 stolen.txt", "+++ shop@3 stolen.txt", "-a", "+c"]


async def test_a_challenger_decides_too_and_says_for_how_many_wallets() -> None:
    content = {"mode": "challenger", "version": 3, "share": 250}
    made = await change({**MODE, "content": content}, packs=LIVE, pack=pack)
    assert made.then == "mode challenger for 250 ‰ of the wallets" and "+action: decline" in made.difference


async def test_of_a_long_difference_it_is_said_how_much_is_left_out() -> None:
    def long(wanted: Any) -> Any:
        version = wanted.query["version"]
        return pack(wanted) | {"text": "".join(f"{version} {line}\n" for line in range(DIFFERENCES_MAX))}

    made = await change(MODE, packs=LIVE, pack=long)
    heads, of_the_list = 3, 4
    assert (len(made.difference), made.left_out) == (DIFFERENCES_MAX, DIFFERENCES_MAX + heads + of_the_list)


async def test_texts_that_differ_where_nobody_sees_it_are_said_to_differ() -> None:
    def ended(wanted: Any) -> Any:
        return pack(wanted) | {"text": "name: shop" + ("\r\n" if wanted.query["version"] == "3" else "\n"), "files": {}}

    (*_, last) = (await change(MODE, packs=LIVE, pack=ended)).difference
    assert last == "@@ they differ in the order or the ends of lines only @@"


async def test_a_card_that_would_decide_through_another_pack_shows_that_pack() -> None:
    content = {"mode": "live", "version": 2, "pack": "evil", "pack_version": 4}
    made = await change({**CARD, "content": content}, packs=LIVE, pack=pack, card=card)
    assert made.then == "mode live through evil@4"
    assert {"--- shop@2", "+++ evil@4", "-name: shop", "+name: evil", '+  "base": 2'} <= set(made.difference)
    own = {"mode": "live", "version": 2, "pack": "shop", "pack_version": 2}
    made = await change({**CARD, "content": own}, packs=LIVE, pack=pack, card=card)
    assert "--- shop@2" not in made.difference


async def test_a_card_that_would_decide_is_compared_with_the_one_that_does() -> None:
    made = await change(CARD, packs=LIVE, pack=pack, card=card)
    assert made.now == "shop@2 is live with the scorecard till@1"
    assert '-  "base": 1' in made.difference and '+  "base": 2' in made.difference


async def test_where_nothing_is_live_there_is_nothing_to_compare_with() -> None:
    assert (await change(MODE, packs={"deployments": []}, pack=pack)).difference == []
    assert (await change(CARD, packs={"deployments": []}, card=card)).now == "no pack is live"


async def test_what_is_gone_meanwhile_is_said() -> None:
    assert (await change(MODE, pack=ProblemError("rule_pack_not_found"))).now == "there is no such pack"
    assert (await change(CARD, card=ProblemError("scorecard_not_found"))).now == "there is no such scorecard"


async def test_an_entry_shows_what_is_there_and_what_would_be() -> None:
    missing = ProblemError("list_entry_not_found")
    made = await change(ENTRY, entry=missing)
    assert (made.now, made.then) == ("not on it", "on it until it is taken off: reported")
    there = {"reason": "seen", "expires_at": "2030-01-01T00:00:00Z"}
    made = await change(ENTRY_END, entry=there)
    assert (made.now, made.then) == ("on it until 2030-01-01T00:00:00Z: seen", "not on it")


async def test_a_snooze_shows_whether_the_rule_fires() -> None:
    made = await change(SNOOZE, snoozes={"data": []})
    assert (made.now, made.then) == ("the rule fires", "snoozed until 2030-01-01T00:00:00Z: staff")
    held = {"data": [{"pack": "shop", "rule": "large", "until": "2029-01-01T00:00:00Z", "reason": "x"}]}
    made = await change(SNOOZE_END, snoozes=held)
    assert (made.now, made.then) == ("snoozed until 2029-01-01T00:00:00Z: x", "the rule fires")


async def test_the_list_has_each_in_words() -> None:
    page = {"data": [{"id": "P", **ENTRY}], "has_more": False, "next": None}
    api = Answers({f"GET {PROPOSALS}": page})
    shown = await proposals(visit(api, query={"all": "true"}))
    assert isinstance(shown, View) and shown.data["words"] == {"P": "Put a/b on the list stolen"}
    assert api.asked == [(f"GET {PROPOSALS}", {"query": {"limit": "25", "all": "true"}})]


@pytest.mark.parametrize(("by", "own"), [("ann", True), ("bob", False)])
async def test_ones_own_is_known_as_such(by: str, own: bool) -> None:
    found = {"id": "0" * 36, "made_by": by, **ENTRY_END}
    answers = {f"GET {PROPOSALS}/{{id}}": found, "GET /v1/lists/{name}/entries/{value}": ProblemError("list_not_found")}
    shown = await proposal(visit(Answers(answers), params={"id": "P"}))
    assert isinstance(shown, View) and shown.data["own"] is own


@pytest.mark.parametrize("word", ["approve", "decline"])
async def test_an_answer_goes_to_its_proposal(word: str) -> None:
    api = Answers({f"POST {PROPOSALS}/{{id}}/{word}": {}})
    done = await answer(visit(api, params={"id": "P", "answer": word}, form={"idempotency_key": "k"}))
    assert done == Redirect(f"/console/proposals/P?done={word}")
    assert api.asked[0][1] == {"params": {"id": "P"}, "headers": {"Idempotency-Key": "k"}}


async def test_what_is_over_is_said_on_its_page() -> None:
    found = {"id": "0" * 36, "made_by": "bob", "method": "PUT", "path": "/v1/later", "content": None}
    answers = {
        f"POST {PROPOSALS}/{{id}}/approve": ProblemError("proposal_over", "The proposal is declined by cy."),
        f"GET {PROPOSALS}/{{id}}": found,
    }
    shown = await answer(visit(Answers(answers), params={"id": "P", "answer": "approve"}))
    assert isinstance(shown, View) and (shown.status, shown.data["problem"]["detail"]) == (
        409,
        "The proposal is declined by cy.",
    )
