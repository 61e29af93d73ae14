"""Consents over HTTP: given by the holder, seen by their parties, ended by one call."""

from switch.http.times import now_ms, time_text
from tests.credit_scene import IN_A_WEEK, credit_scene
from tests.front_door import running_switch


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
