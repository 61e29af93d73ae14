"""What analysts do on pages: take cases, write notes, label, keep lists, snooze rules, and ask each other for what takes two."""

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from actors.database.connection import migrate
from actors.stores.api_keys import KeyStore
from switch.api.four_eyes import FourEyes
from tests.conftest import new_database
from tests.console.scene import Day
from tests.console.visitor import visitor
from tests.front_door import RunningSwitch, running_switch

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = "</script><script>alert(1)</script>"


async def a_key(switch: RunningSwitch, name: str, *scopes: str) -> str:
    return (await KeyStore(switch.pool).create(name, scopes)).key


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def careful(postgres_url: str) -> AsyncIterator[RunningSwitch]:
    """A switch on which it takes two to change decisions."""
    async with new_database(postgres_url) as url:
        await migrate(url)
        async with running_switch(url, shards=1, four_eyes=FourEyes(four_eyes=True)) as running:
            await running.call("PUT", "/v1/lists/stolen", {"type": "device"})
            yield running


# Reviews.


async def test_a_case_is_taken_found_among_ones_own_given_and_let_go(switch: RunningSwitch, day: Day) -> None:
    ann = await a_key(switch, f"ann-{uuid.uuid4().hex[:6]}", "analyst", "read")
    place, action = f"/console/reviews/{day.case}", f"/console/reviews/{day.case}/assignee"
    async with await visitor(switch, ann) as visit:
        name = (await visit.get("/console/reviews")).plain.split("Sign out")[0].split()[-1]
        taken = await visit.submit("/console/reviews", action, do="take")
        assert taken.headers["Location"] == f"/console/reviews?done=take#case-{day.case}"
        mine = await visit.get("/console/reviews?assigned=me&due=day")
        assert "everything" in mine.plain and name in mine.plain
        assert "Nothing of this sort is open" in (await visit.get("/console/reviews?assigned=nobody")).plain
        given = await visit.submit(place, action, do="give", assignee="tests")
        assert given.headers["Location"].startswith(f"{place}?done=give")
        assert (await visit.get(f"{place}.json")).json["case"]["assignee"] == "tests"
        assert "Nothing of this sort is open" in (await visit.get("/console/reviews?assigned=me")).plain
        refused = await visit.submit(place, action, do="give", assignee="nobody here")
        assert refused.status == 422 and "scope analyst" in refused.plain
        await visit.submit(place, action, do="let-go")
        assert (await visit.get(f"{place}.json")).json["case"]["assignee"] is None


async def test_notes_are_written_once_as_text_and_seen_by_the_next(switch: RunningSwitch, day: Day) -> None:
    place, action = f"/console/reviews/{day.case}", f"/console/reviews/{day.case}/notes"
    async with await visitor(switch) as visit:
        fields = await visit.fields(place, action)
        for _ in range(2):
            done = await visit.post(action, {**fields, "text": f"Called bob.\r\n{EVIL}"})
            assert done.headers["Location"] == f"{place}?done=note#case-{day.case}"
        seen = await visit.get(place)
        assert seen.plain.count("Called bob. <") == 1 and EVIL not in seen.text
        empty = await visit.submit(place, action, text=" ")
        assert empty.status == 422


async def test_a_payment_is_labelled_from_its_case_and_from_its_page(switch: RunningSwitch, day: Day) -> None:
    case, coffee = f"/console/reviews/{day.case}", f"/console/transfers/{day.coffee}"
    async with await visitor(switch) as visit:
        await visit.submit(case, f"{case}/label", do="fraud")
        assert (await switch.call("GET", f"/v1/transfers/{day.case}/label")).json["label"] is True
        assert "fraud" in (await visit.get("/console/reviews")).plain
        done = await visit.submit(coffee, f"{coffee}/label", do="not-fraud")
        assert done.headers["Location"] == f"{coffee}?done=not-fraud"
        assert "not fraud tests" in (await visit.get(coffee)).plain
        await visit.submit(coffee, f"{coffee}/label", do="no-label")
        assert (await visit.get(f"{coffee}.json")).json["label"] is None
        capture = (await switch.call("GET", f"/v1/transfers/{day.hold}")).json["captures"][0]["id"]
        assert (await visit.get(f"/console/transfers/{capture}.json")).json["label"] is False


async def test_a_decision_of_credit_waits_beside_payments_and_is_resolved(switch: RunningSwitch, day: Day) -> None:
    place = f"/console/credit-reviews/{day.credit_review}"
    async with await visitor(switch) as visit:
        assert "My income has doubled." in (await visit.get("/console/reviews")).plain
        assert "My income has doubled." in (await visit.get("/console/credit-reviews")).plain
        wrong = await visit.submit(place, f"{place}/resolve#resolve", outcome="perhaps", text=EVIL)
        assert wrong.status == 422 and EVIL not in wrong.text
        done = await visit.submit(
            place, f"{place}/resolve#resolve", outcome="upheld", text="The contract is not signed."
        )
        assert done.headers["Location"] == f"{place}?done=resolve"
        seen = await visit.get(place)
        assert "Upheld by tests" in seen.plain and "The contract is not signed." in seen.plain
        assert "No holder has asked" in (await visit.get("/console/reviews")).plain


# Lists and snoozes.


async def test_a_list_is_made_and_its_entries_come_and_go(switch: RunningSwitch, day: Day) -> None:
    place = "/console/lists/watched"
    async with await visitor(switch) as visit:
        made = await visit.submit("/console/lists", "/console/lists", name="watched", type="wallet", description=EVIL)
        assert made.headers["Location"] == f"{place}?done=made"
        again = await visit.submit("/console/lists", "/console/lists", name="watched", type="device")
        assert again.status == 422 and "holds values of the type wallet" in again.plain
        wrong = await visit.submit(place, f"{place}/entries#add", value="x", reason="y")
        assert wrong.status == 422 and "a wallet id of this switch" in wrong.plain
        action = f"{place}/entries"
        added = await visit.submit(place, f"{action}#add", value=day.bob, reason=EVIL, days="7")
        assert added.headers["Location"] == f"{place}?done=added"
        seen = await visit.get(place)
        assert day.bob in seen.text and "tests" in seen.plain and EVIL not in seen.text
        (entry,) = (await visit.get(f"{place}.json")).json["entries"]["data"]
        assert entry["expires_at"] is not None
        ended = await visit.submit(place, f"{action}/end", value=day.bob)
        assert ended.headers["Location"] == f"{place}?done=ended"
        assert "Nothing is on this list." in (await visit.get(place)).plain
        assert (
            await visit.submit("/console/lists/stolen-devices", "/console/lists/stolen-devices/entries/end", value="no")
        ).status == 404


async def test_a_rule_is_snoozed_from_a_wallet_and_from_a_payment_and_wakes(switch: RunningSwitch, day: Day) -> None:
    wallet, payment = f"/console/wallets/{day.bob}", f"/console/transfers/{day.case}"
    rule = {"rule": "default/drain", "reason": "moves banks", "days": "7"}
    async with await visitor(switch) as visit:
        done = await visit.submit(wallet, "/console/snoozes", **rule)
        assert done.headers["Location"] == f"{wallet}?done=snoozed#snoozes"
        for path in (wallet, payment, "/console/rule-packs/default/rules/drain"):
            assert "moves banks" in (await visit.get(path)).plain, path
        ended = await visit.submit(payment, "/console/snoozes/end")
        assert ended.headers["Location"] == f"{payment}?done=awake#snoozes"
        assert (await visit.get(f"{wallet}.json")).json["snoozes"]["snoozes"] == []
        options = (await visit.get(payment)).text.partition('aria-label="Rule"')[2]
        assert options.startswith("><option>default/drain"), "the rule that fired comes first"


async def test_what_answers_a_form_names_no_twin_that_is_not_there(switch: RunningSwitch, day: Day) -> None:
    place = f"/console/transfers/{day.coffee}"
    async with await visitor(switch) as visit:
        assert f'href="{place}.json"' in (await visit.get(place)).text
        explained = await visit.submit(place, f"{place}/explain#why")
        assert explained.status == 200 and "decided anew it comes to what was recorded" in explained.plain
        assert "This page as JSON" not in explained.text


# What the key's scopes do not allow.


async def test_a_reader_sees_lists_labels_and_snoozes_and_changes_none(switch: RunningSwitch, day: Day) -> None:
    key = await a_key(switch, f"reader-{uuid.uuid4().hex[:6]}", "read")
    async with await visitor(switch, key) as visit:
        for path in (
            "/console/lists",
            "/console/lists/stolen-devices",
            f"/console/wallets/{day.alice}",
            f"/console/transfers/{day.coffee}",
            "/console/rule-packs/default/rules/burst",
        ):
            seen = await visit.get(path)
            assert seen.status == 200 and seen.text.count("<form") == 2, "the search and the way out alone"
        csrf = (await visit.fields("/console", "/console/sign-out"))["csrf"]
        for path, fields in (
            ("/console/lists", {"name": "mine", "type": "device"}),
            ("/console/lists/stolen-devices/entries", {"value": "phone-9", "reason": "x"}),
            ("/console/lists/stolen-devices/entries/end", {"value": "phone-7"}),
            ("/console/snoozes", {"rule": "default/drain", "wallet": day.bob, "reason": "x", "days": "7"}),
            ("/console/snoozes/end", {"rule": "default/burst", "wallet": day.alice}),
            (f"/console/transfers/{day.coffee}/label", {"do": "fraud"}),
            (f"/console/reviews/{day.case}/label", {"do": "fraud"}),
            (f"/console/reviews/{day.case}/assignee", {"do": "take"}),
            (f"/console/reviews/{day.case}/notes", {"text": "x"}),
            (f"/console/credit-reviews/{day.credit_review}/resolve", {"outcome": "upheld", "text": "x"}),
            (f"/console/proposals/{day.proposal}/approve", {}),
        ):
            assert (await visit.post(path, {"csrf": csrf, **fields})).status == 403, path
        for path in ("/console/reviews", f"/console/reviews/{day.case}", "/console/proposals"):
            assert (await visit.get(path)).status == 403, path


# Four eyes.


async def test_forms_say_that_they_ask_and_another_account_approves(careful: RunningSwitch) -> None:
    bob = await a_key(careful, "bob", "analyst", "read")
    place = "/console/lists/stolen"
    async with await visitor(careful) as asks, await visitor(careful, bob) as approves:
        assert "Four eyes: this asks for the change." in (await asks.get(place)).plain
        assert 'href="/console/proposals"' in (await asks.get("/console")).text
        sent = await asks.submit(place, f"{place}/entries#add", value="phone/1", reason="reported")
        where = sent.headers["Location"].partition("?")[0]
        assert sent.headers["Location"].endswith("?done=proposed")
        own = await asks.get(where)
        assert "You have asked for it" in own.plain and f'action="{where}/approve"' not in own.text
        assert "Put phone/1 on the list stolen" in own.plain and "not on it" in own.plain
        assert "Nothing is on this list" in (await asks.get(place)).plain
        csrf = (await asks.fields("/console", "/console/sign-out"))["csrf"]
        refused = await asks.post(f"{where}/approve", {"csrf": csrf})
        assert refused.status == 403
        assert "Put phone/1 on the list stolen" in (await approves.get("/console/proposals")).plain
        done = await approves.submit(where, f"{where}/approve")
        assert done.headers["Location"] == f"{where}?done=approve"
        seen = await asks.get(place)
        assert "phone/1" in seen.plain and "tests" in seen.plain, "it is made in the name of who asked"
        over = await asks.post(f"{where}/decline", {"csrf": csrf})
        assert over.status == 409 and "approved by bob" in over.plain


async def test_modes_of_packs_and_cards_snoozes_and_ends_are_asked_for_too(careful: RunningSwitch) -> None:
    text = (await careful.call("GET", "/v1/rule-packs/default")).json["text"].replace("name: default", "name: other", 1)
    published = await careful.call(
        "PUT", "/v1/rule-packs/other", {"text": text.replace("fallback: approve", "fallback: decline", 1)}
    )
    assert published.status == 201, published.raw
    wallet = await careful.wallet(owner="carol")
    async with await visitor(careful) as visit:
        for place, action, fields, words in (
            ("/console/rule-packs/other", "/console/rule-packs/other/mode", {"why": "tried"}, "Run other@1 live"),
            (
                f"/console/wallets/{wallet}",
                "/console/snoozes",
                {"rule": "default/drain", "reason": "x", "days": "7"},
                "Snooze default/drain for",
            ),
        ):
            sent = await visit.submit(place, action, **fields)
            where = sent.headers["Location"].partition("?")[0]
            assert sent.status == 303 and where.startswith("/console/proposals/"), sent.plain
            seen = await visit.get(where)
            assert words in seen.plain
            back = await visit.submit(where, f"{where}/decline")
            assert back.headers["Location"] == f"{where}?done=decline"
            assert "declined" in (await visit.get("/console/proposals?all=true")).plain
        without = await visit.submit("/console/rule-packs/other", "/console/rule-packs/other/mode")
        assert without.status == 422 and "reason" in without.plain
    assert (await careful.call("GET", "/v1/rule-packs/other")).json["mode"] == "off"
