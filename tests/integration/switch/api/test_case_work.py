"""Cases have an assignee and notes, with who wrote them and when; notes are no part of the journal and go with the profile."""

import uuid
from collections.abc import AsyncIterator

import pytest

from actors.stores import case_work
from actors.stores.api_keys import KeyStore
from tests.front_door import Answer, RunningSwitch, running_switch
from tests.payments import funded
from tests.reviewer import REVIEWED, Reviewer


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, scorer=Reviewer()) as running:
        yield running


async def in_review(switch: RunningSwitch, payer: str) -> str:
    made = await switch.pay(payer, await switch.wallet("merchant"), REVIEWED)
    assert made.json["status"] == "in_review", made.raw
    identity: str = made.json["id"]
    return identity


async def test_a_case_is_given_to_an_analyst_who_finds_it_and_back_to_nobody(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 10_000)
    mine, other = [await in_review(switch, payer) for _ in range(2)]
    await KeyStore(switch.pool).create("ann", ["analyst"])
    reader = await KeyStore(switch.pool).create("reader", ["read"])
    path = f"/v1/reviews/{mine}/assignee"
    given = await switch.call("PUT", path, {"assignee": "ann"})
    assert (given.status, given.json) == (200, {"id": mine, "assignee": "ann", "notes": []})
    listed = (await switch.call("GET", "/v1/reviews")).json["data"]
    assert [(each["id"], each["assignee"]) for each in listed] == [(mine, "ann"), (other, None)]
    hers = (await switch.call("GET", "/v1/reviews?assignee=ann")).json["data"]
    assert [each["id"] for each in hers] == [mine]
    for name in ("reader", "nobody"):
        refused = await switch.call("PUT", path, {"assignee": name})
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "assignee")
    assert (await switch.call("GET", "/v1/reviews?assignee=nobody")).json["code"] == "invalid_query"
    assert (await switch.call("PUT", path, {"assignee": None}, token=reader.key)).status == 403
    assert (await switch.call("PUT", path, {"assignee": None})).json["assignee"] is None
    assert (await switch.call("GET", "/v1/reviews?assignee=ann")).json["data"] == []
    await switch.call("PUT", path, {"assignee": "ann"})
    approved = await switch.call("POST", f"/v1/reviews/{mine}/approve", {}, key="yes")
    assert (approved.status, approved.json["assignee"]) == (201, "ann")


async def test_notes_are_kept_in_their_order_once_by_key_and_not_without_end(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, payer = await funded(switch, 10_000)
    case = await in_review(switch, payer)
    path = f"/v1/reviews/{case}/notes"
    key = str(uuid.uuid4())
    first = await switch.call("POST", path, {"text": "called the holder\nno answer"}, key=key)
    again = await switch.call("POST", path, {"text": "called the holder\nno answer"}, key=key)
    assert first.status == again.status == 201 and first.json == again.json
    assert (await switch.call("POST", path, {"text": "called again"})).status == 201
    found = (await switch.call("GET", path)).json
    assert [(each["number"], each["text"], each["made_by"]) for each in found["notes"]] == [
        (1, "called the holder\nno answer", "tests"),
        (2, "called again", "tests"),
    ]
    assert found["notes"][0]["made_at"] <= found["notes"][1]["made_at"]
    monkeypatch.setattr(case_work, "NOTES_MAX", 2)
    assert (await switch.call("POST", path, {"text": "one more"})).json["code"] == "notes_full"
    assert (await switch.call("POST", path, {"text": ""})).json["code"] == "invalid_field"
    posted = await switch.pay(payer, await switch.wallet("merchant"), 5)
    assert (await switch.call("GET", f"/v1/reviews/{posted.json['id']}/notes")).json["code"] == "not_in_review"


async def test_notes_and_reasons_about_a_wallet_go_when_its_profile_is_erased(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 10_000)
    _, other = await funded(switch, 10_000)
    about, kept = await in_review(switch, payer), await in_review(switch, other)
    for case in (about, kept):
        assert (await switch.call("POST", f"/v1/reviews/{case}/notes", {"text": "Ms Smith says"})).status == 201
    await switch.call("PUT", "/v1/lists/mules", {"type": "wallet"})
    entry = f"/v1/lists/mules/entries/{payer}"
    assert (await switch.call("PUT", entry, {"reason": "Ms Smith, reported"})).status == 200
    erased = await switch.call("DELETE", f"/v1/wallets/{payer}/profile")
    assert (erased.status, erased.json["profile"]) == (200, True), erased.raw
    assert (await switch.call("GET", f"/v1/reviews/{about}/notes")).json["notes"] == []
    assert len((await switch.call("GET", f"/v1/reviews/{kept}/notes")).json["notes"]) == 1
    assert (await switch.call("GET", entry)).json["reason"] == "", "the wallet stays on the list"


async def test_a_retry_after_an_erasure_gets_no_words_about_the_wallet_and_makes_no_second_note(
    switch: RunningSwitch, database_url: str
) -> None:
    _, payer = await funded(switch, 10_000)
    _, other = await funded(switch, 10_000)
    cases = [await in_review(switch, each) for each in (payer, other)]

    async def note(case: str) -> Answer:
        return await switch.call("POST", f"/v1/reviews/{case}/notes", {"text": "Ms Smith says"}, key=case)

    first = [(await note(case)).json for case in cases]
    await switch.call("DELETE", f"/v1/wallets/{payer}/profile")
    erased, kept = [await note(case) for case in cases]
    assert (erased.status, erased.headers["Idempotent-Replayed"]) == (201, "true")
    assert erased.json == {**first[0], "notes": []}
    assert (await switch.call("GET", f"/v1/reviews/{cases[0]}/notes")).json["notes"] == [], "and is made no second time"
    assert kept.json == first[1], "others lose nothing"
    answers = [row["answer"] for row in await switch.pool.fetch("answers_naming", cases)]
    assert sum(b"Smith" in each for each in answers) == 1 and len(answers) == 2


async def test_cases_are_narrowed_by_whose_they_are_and_when_they_are_due(switch: RunningSwitch) -> None:
    _, payer = await funded(switch, 10_000)
    first, second, third = [await in_review(switch, payer) for _ in range(3)]
    ann = (await KeyStore(switch.pool).create("ann", ["analyst"])).key

    async def found(query: str, token: str | None = None) -> list[str]:
        answer = await switch.call("GET", f"/v1/reviews?{query}", token=token)
        assert answer.status == 200, answer.raw
        return [each["id"] for each in answer.json["data"]]

    await switch.call("PUT", f"/v1/reviews/{first}/assignee", {"assignee": "ann"})
    await switch.call("PUT", f"/v1/reviews/{second}/assignee", {"assignee": "tests"})
    assert await found("assigned=me", ann) == [first]
    assert await found("assigned=me") == [second]
    assert await found("assigned=nobody") == [third]
    page = (await switch.call("GET", "/v1/reviews?limit=1")).json
    for query in ("assigned=nobody", "due_before=2027-01-01T00:00:00Z"):
        other = await switch.call("GET", f"/v1/reviews?{query}&limit=1&after={page['next']}")
        assert other.json["code"] == "invalid_query", "a cursor is of its own question"
    due = (await switch.call("GET", f"/v1/reviews/{second}")).json["expires_at"]
    assert await found(f"due_before={due}") == [first]
    assert await found(f"due_before={due}&assigned=nobody") == []
    for query, field in (
        ("assigned=ann", "assigned"),
        ("assigned=me&assignee=ann", "assigned"),
        ("due_before=soon", "due_before"),
    ):
        refused = await switch.call("GET", f"/v1/reviews?{query}")
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, field)


async def test_a_case_says_whether_it_was_fraud_and_how_much_was_written(switch: RunningSwitch) -> None:
    bank, payer = await funded(switch, 10_000)
    case, other = [await in_review(switch, payer) for _ in range(2)]
    shown = (await switch.call("GET", f"/v1/reviews/{case}")).json
    assert (shown["status"], shown["label"], shown["notes"], shown["assignee"]) == ("open", None, 0, None)
    await switch.call("PUT", f"/v1/transfers/{case}/label", {"label": False})
    for text in ("called", "called again"):
        await switch.call("POST", f"/v1/reviews/{case}/notes", {"text": text})
    listed = (await switch.call("GET", "/v1/reviews")).json["data"]
    assert [(each["id"], each["label"], each["notes"]) for each in listed] == [(case, False, 2), (other, None, 0)]
    assert (await switch.call("GET", f"/v1/reviews/{case}")).json == listed[0]
    approved = await switch.call("POST", f"/v1/reviews/{case}/approve", {}, key="yes")
    assert (approved.json["label"], approved.json["notes"]) == (False, 2)
    shown = (await switch.call("GET", f"/v1/reviews/{case}")).json
    assert (shown["status"], shown["decided_by"]) == ("approved", "tests")
    paid = (await switch.pay(payer, bank, 1)).json["id"]
    assert (await switch.call("GET", f"/v1/reviews/{paid}")).json["code"] == "not_in_review"
    assert (await switch.call("GET", f"/v1/reviews/{uuid.uuid4()}")).json["code"] == "transfer_not_found"


async def test_analysts_are_those_with_a_key_that_works(switch: RunningSwitch) -> None:
    store = KeyStore(switch.pool)
    await store.create("ann", ["analyst"])
    await store.create("reader", ["read"])
    gone = await store.create("gone", ["analyst"])
    await store.revoke(gone.id)
    assert (await switch.call("GET", "/v1/analysts")).json == {"data": ["ann", "tests"]}
    reader = (await store.create("reader", ["read"])).key
    for path in ("/v1/analysts", f"/v1/reviews/{uuid.uuid4()}"):
        assert (await switch.call("GET", path, token=reader)).status == 403
