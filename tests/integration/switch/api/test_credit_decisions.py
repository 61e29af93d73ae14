"""Consents and decisions over HTTP: what is granted, why not, to whom it is told, and that a question asked twice is one question."""

import time
import uuid
from typing import Any

from actors.records.credit_layout import CREDIT_REQUEST
from actors.records.layout import Kind
from tests.credit_scene import credit_scene
from tests.front_door import running_switch


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
            assert answers[-1].json["code"] == "too_many_decisions"
            again = time.time() + int(answers[-1].headers["Retry-After"])
            assert again % 86_400 < 30, "tomorrow"
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


async def test_a_consent_does_not_cover_data_that_a_later_version_uses_beside(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await credit_scene(switch)
        consent = (await scene.consent()).json["id"]

        async def statuses() -> list[str]:
            tokens = (scene.ann, scene.inn)
            return [(await scene.get(f"/v1/consents/{consent}", token)).json["status"] for token in tokens]

        text = (await switch.call("GET", "/v1/scenarios/hotel")).json["text"]
        stricter = text.replace("score >= 600", "score >= 601").partition("tests:")[0]
        assert (await switch.call("PUT", "/v1/scenarios/hotel", {"text": stricter})).json["version"] == 2
        assert (await scene.ask()).json["result"] == "yes", "of the same data"
        assert await statuses() == ["active"] * 2
        wider = stricter.replace("data: [score, orders]", "data: [score, orders, account]")
        wider = wider.replace("score >= 601", "score >= 601 && tier >= 0")
        assert (await switch.call("PUT", "/v1/scenarios/hotel", {"text": wider})).json["version"] == 3
        asked = (await scene.ask()).json
        assert asked["result"] == "not_available" and await statuses() == ["outdated"] * 2
        assert (await scene.get(f"/v1/credit/decisions/{asked['receipt']}", scene.inn)).json == asked
        mine = (await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit/inquiries", scene.ann)).json["data"]
        assert mine[0]["cause"] == "consent_outdated" and "more data" in mine[0]["explanation"]
        assert "consent" not in mine[0], "the question rests on none"
        await scene.consent()
        assert (await scene.ask()).json["result"] == "yes" and await statuses() == ["replaced"] * 2
