"""Consents and decisions over HTTP: what is granted, why not, to whom it is told, and that a question asked twice is one question."""

import uuid
from typing import Any

import numpy as np

from actors.records.credit_layout import CREDIT_REQUEST, SCORE
from actors.records.ids import Secret, decode_wallet
from actors.records.layout import Kind
from switch.http.times import now_ms, time_text
from tests.credit_scene import IN_A_WEEK, credit_scene
from tests.front_door import SECRET, running_switch


async def test_a_consent_is_given_seen_by_its_parties_and_ended_by_one_call(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        body = {
            "wallet": scene.ann_wallet,
            "scenario": "hotel",
            "merchant": "inn",
            "expires_at": time_text(now_ms() + IN_A_WEEK),
        }
        made = await scene.post("/v1/consents", body, scene.ann, "once")
        assert (made.status, made.json["status"], made.json["data"]) == (201, "active", ["score", "orders"])
        assert "check in without a deposit" in made.json["purpose"]
        again = await scene.post("/v1/consents", body, scene.ann, "once")
        assert again.json == {**made.json, "replayed": True}
        other = await scene.post("/v1/consents", {**body, "merchant": "shop"}, scene.ann, "once")
        assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
        one = f"/v1/consents/{made.json['id']}"
        assert (await scene.get(one, scene.inn)).json == made.json == (await scene.get(one, scene.ann)).json
        for stranger in (scene.bob, scene.shop):
            assert (await scene.get(one, stranger)).json["code"] == "consent_not_found"
        assert (await scene.delete(one, scene.bob)).json["code"] == "consent_not_found"
        assert (await scene.delete(one, scene.inn)).json["code"] == "forbidden"
        listed = await scene.get("/v1/consents", scene.inn)
        assert [each["id"] for each in listed.json["data"]] == [made.json["id"]]
        used = await switch.call("DELETE", one, key="once", token=scene.ann)
        assert used.json["code"] == "idempotency_mismatch", "the key is of the consent, which has not ended"
        for _ in range(2):
            assert (await scene.delete(one, scene.ann)).json["status"] == "withdrawn"
        newer = (await scene.consent()).json
        listed = await scene.get(f"/v1/consents?wallet={scene.ann_wallet}", scene.ann)
        assert [(each["id"], each["status"]) for each in listed.json["data"]] == [
            (newer["id"], "active"),
            (made.json["id"], "withdrawn"),
        ]
        await scene.consent()
        assert (await scene.get(f"/v1/consents/{newer['id']}", scene.ann)).json["status"] == "replaced"
        foreign = await scene.get(f"/v1/consents?wallet={scene.ann_wallet}", scene.bob)
        assert foreign.json["code"] == "wallet_not_found"


async def test_what_no_consent_can_be_is_refused_by_its_field(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        for field, more in (
            ("expires_at", {"expires_at": time_text(now_ms() + 400 * 86_400_000)}),
            ("expires_at", {"expires_at": "tomorrow"}),
            ("merchant", {"merchant": "ann"}),
            ("standing", {"scenario": "financial-leasing", "standing": {"cap": 5}}),
            ("standing.cap", {"standing": {"cap": 50_001}}),
            ("consented", {"consented": True}),
        ):
            answer = await scene.consent(**more)
            assert answer.status == 422 and field in {each["field"] for each in answer.json["errors"]}, (
                field,
                answer.json,
            )
        assert (await scene.consent(scenario="hostel")).json["code"] == "scenario_not_found"
        past = await scene.consent(expires_at=time_text(now_ms() - 1_000))
        assert past.json["code"] == "invalid_request"
        theirs = await scene.post(
            "/v1/consents",
            {"wallet": scene.bob_wallet, "scenario": "hotel", "merchant": "inn", "expires_at": time_text(now_ms() + 1)},
            scene.ann,
        )
        assert theirs.json["code"] == "wallet_not_found"


async def test_yes_grants_no_gives_reasons_and_the_holder_is_told_more(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        consent = (await scene.consent()).json
        yes = (await scene.ask(amount=30_000)).json
        assert (yes["result"], yes["granted"]) == ("yes", 30_000) and "reasons" not in yes
        assert "disputed" not in yes
        scene.scored(scene.ann_wallet, 590, overdue=1, disputed=1)
        no = (await scene.ask(amount=30_000)).json
        assert no["disputed"] is True
        assert (no["result"], no["reasons"]) == ("no", ["SCORE_BELOW", "OVERDUE_ORDERS"]) and "granted" not in no
        path = f"/v1/credit/decisions/{no['receipt']}"
        assert (await scene.get(path, scene.inn)).json == no
        reported = (await scene.get(path, scene.ann)).json
        assert (reported["cause"], reported["score"], reported["amount"], reported["consent"]) == (
            "decided",
            590,
            30_000,
            consent["id"],
        )
        assert reported["notice"]["text"] == "Please pay the deposit at the desk."
        assert [each["code"] for each in reported["notice"]["reasons"]] == no["reasons"]
        assert reported["notice"]["reasons"][0]["text"] == "Your score is below 600, which this service asks for."
        for stranger in (scene.bob, scene.shop):
            assert (await scene.get(path, stranger)).json["code"] == "receipt_not_found"
        inquiries = f"/v1/wallets/{scene.ann_wallet}/credit/inquiries"
        first = (await scene.get(f"{inquiries}?limit=1", scene.ann)).json
        rest = (await scene.get(f"{inquiries}?limit=1&after={first['next']}", scene.ann)).json
        assert [first["data"][0]["result"], rest["data"][0]["result"], rest["has_more"]] == ["no", "yes", False]
        assert (await scene.get(inquiries, scene.bob)).json["code"] == "wallet_not_found"
        assert (await scene.get(inquiries, scene.inn)).json["code"] == "forbidden"


async def test_a_question_asked_twice_under_one_key_is_one_question(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await scene.consent()
        first = await scene.ask(key="q", amount=100)
        scene.scored(scene.ann_wallet, 400)
        again = await scene.ask(key="q", amount=100)
        assert again.raw == first.raw and again.headers["Idempotent-Replayed"] == "true"
        other = await scene.ask(key="q", amount=101)
        assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
        nobody = str(uuid.uuid4())
        assert (await scene.ask(nobody, key="q")).raw == (await scene.ask(nobody, key="q")).raw
        listed = await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit/inquiries", scene.ann)
        assert len(listed.json["data"]) == 1


async def test_a_merchant_asks_about_one_wallet_so_often_a_day_whether_it_exists_or_not(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        for wallet in (scene.ann_wallet, str(uuid.uuid4())):
            answers = [await scene.ask(wallet) for _ in range(11)]
            assert [each.status for each in answers] == [201] * 10 + [429]
            assert answers[-1].json["code"] == "too_many_decisions" and answers[-1].headers["Retry-After"]
        assert (await scene.ask(scene.bob_wallet)).status == 201, "another wallet is another count"


async def test_a_scenario_that_the_key_does_not_name_is_forbidden_and_one_that_is_not_is_not_found(
    database_url: str,
) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        assert (await scene.ask(scenario="online-shopping")).json["code"] == "forbidden"
        assert (await scene.ask(scenario="hostel")).json["code"] == "scenario_not_found"
        assert (await scene.ask("ann")).json["errors"][0]["field"] == "wallet"
        body = {"wallet": scene.ann_wallet, "scenario": "hotel"}
        assert (await scene.post("/v1/credit/decisions", body, scene.ann)).json["code"] == "forbidden"
        threshold = await scene.ask(threshold=500)
        assert threshold.json["errors"][0]["field"] == "threshold", "thresholds are the scenario's"


async def test_what_was_recorded_between_the_look_and_the_log_is_looked_at_again(database_url: str) -> None:
    """A consent withdrawn while a question is on its way: the answer is that of after."""
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        given = (await scene.consent()).json
        (client,) = switch.clients
        credit = client.credit
        withdrawn: list[Any] = []

        async def late(rows: Any, details: dict[int, bytes]) -> Any:
            if rows["op"][0] == Kind.INQUIRY and not withdrawn:
                withdrawn.append(await scene.delete(f"/v1/consents/{given['id']}", scene.ann))
            return await credit(rows, details)

        client.credit = late  # type: ignore[method-assign]
        assert (await scene.ask()).json["result"] == "not_available"
        assert withdrawn[0].json["status"] == "withdrawn"


def test_requests_have_room_for_what_scenarios_say() -> None:
    assert CREDIT_REQUEST["open_max"].itemsize == 1


async def test_a_holder_sees_the_published_score_with_its_subtotals_and_why_there_is_none(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        (client,) = switch.clients
        ann, bob = (decode_wallet(Secret.of(SECRET), wallet) for wallet in (scene.ann_wallet, scene.bob_wallet))
        scores = np.zeros(2, SCORE)
        scores["kind"], scores["holder"], scores["run"], scores["as_of"] = Kind.SCORE, (ann, bob), 7, now_ms() - 1_000
        scores["score"], scores["cause"] = (655, 0), (0, 2)
        scores["subtotals"][0] = (150, 140, 130, 120, 115)
        published = await client.publish(scores, {})
        assert published["code"].tolist() == [0, 0]
        shown = (await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit", scene.ann)).json
        assert (shown["score"], shown["band"], shown["run"]) == (655, "very_good", 7)
        assert sum(shown["subtotals"].values()) == 655 and shown["orders"]["open"] == 0 and not shown["disputed"]
        none = (await scene.get(f"/v1/wallets/{scene.bob_wallet}/credit", scene.bob)).json
        assert (none["score"], none["na_cause"]) == (None, "few_payments") and "subtotals" not in none
        await scene.consent()
        assert (await scene.ask(amount=100)).json["result"] == "yes", "decisions rest on what is published"


async def test_a_consent_does_not_cover_data_that_a_later_version_uses_beside(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        await scene.consent()
        text = (await switch.call("GET", "/v1/scenarios/hotel")).json["text"]
        stricter = text.replace("score >= 600", "score >= 601").partition("tests:")[0]
        assert (await switch.call("PUT", "/v1/scenarios/hotel", {"text": stricter})).json["version"] == 2
        assert (await scene.ask()).json["result"] == "yes", "of the same data"
        wider = stricter.replace("data: [score, orders]", "data: [score, orders, account]")
        wider = wider.replace("score >= 601", "score >= 601 && tier >= 0")
        assert (await switch.call("PUT", "/v1/scenarios/hotel", {"text": wider})).json["version"] == 3
        assert (await scene.ask()).json["result"] == "not_available"
        mine = (await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit/inquiries", scene.ann)).json["data"]
        assert mine[0]["cause"] == "no_consent"
        await scene.consent()
        assert (await scene.ask()).json["result"] == "yes"
