"""Erasure over HTTP: a holder's own texts go, whoever may ask for it; what others need stays until it is over, and the answer names it."""

import uuid

import pytest

from actors.audit.audit import audit_database
from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from actors.stores.api_keys import Binding, KeyStore
from tests.credit_scene import credit_scene
from tests.front_door import SECRET, RunningSwitch, running_switch
from tests.payments import once_posted
from tests.score_batches import publish_card, publish_scores, reported, score_row


async def test_texts_of_payments_and_the_profile_go_and_the_ledger_stays(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        bank, shop = await switch.wallet("external"), await switch.wallet("merchant")
        ann = await switch.wallet(owner="Ann", external_id="ann-1", metadata={"name": "Ann"})
        bob = await switch.wallet(owner="Bob")
        for wallet in (ann, bob):
            assert (await switch.pay(bank, wallet, 100)).status == 201
        words = {"reference": "rent", "metadata": {"for": "May"}, "context": {"device": "phone"}}
        mine, his = [(await switch.pay(wallet, shop, 30, **words)).json["id"] for wallet in (ann, bob)]
        erased = await switch.call("DELETE", f"/v1/wallets/{ann}/profile")
        assert (erased.status, erased.json["wallet"], erased.json["profile"]) == (200, ann, True), erased.raw
        assert (erased.json["payments"], erased.json["kept"]) == (1, [])
        left = (await switch.call("GET", f"/v1/transfers/{mine}")).json
        assert (left["amount"], left["payer"]) == (30, ann) and {"reference", "metadata", "context"}.isdisjoint(left)
        assert (await switch.call("GET", f"/v1/transfers/{his}")).json["reference"] == "rent", "others lose nothing"
        shown = (await switch.call("GET", f"/v1/wallets/{ann}")).json
        assert (shown["posted"], shown["owner"], shown["external_id"], shown["metadata"]) == (70, None, None, {})
        assert (await switch.call("GET", "/v1/wallets?external_id=ann-1")).json["data"] == []
        again = (await switch.call("DELETE", f"/v1/wallets/{ann}/profile")).json
        assert (again["payments"], again["profile"]) == (0, False)
        await once_posted(switch, shop, 60)
        assert (await audit_database(database_url)).differences == []


async def test_who_may_not_speak_for_a_wallet_erases_nothing(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        path = f"/v1/wallets/{scene.ann_wallet}/profile"
        for stranger in (scene.bob, scene.inn, scene.shop):
            refused = await scene.delete(path, stranger)
            assert refused.json["code"] in ("wallet_not_found", "forbidden"), refused.raw
        for scope in ("read", "pay", "analyst", "credit"):
            key = await KeyStore(switch.pool).create(scope, [scope])
            assert (await scene.delete(path, key.key)).json["code"] == "forbidden", scope
        assert (await switch.call("GET", f"/v1/wallets/{scene.ann_wallet}")).json["owner"] == "ann"
        nobody = "00003000-0f18-86a7-a655-811d7f69def9"
        assert (await switch.call("DELETE", f"/v1/wallets/{nobody}/profile")).json["code"] == "wallet_not_found"
        bank = await switch.wallet("external")
        operator = await switch.call("DELETE", f"/v1/wallets/{bank}/profile")
        assert operator.json["code"] == "wallet_not_found", "an operator wallet is of nobody"


async def test_what_is_not_over_keeps_its_text_until_it_is(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        await scene.consent()
        order = (await scene.order(introduction="Room of Ann")).json["id"]
        path = f"/v1/wallets/{scene.ann_wallet}/profile"
        erased = (await scene.delete(path, scene.ann)).json
        assert erased["kept"] == [{"id": order, "until": "the order is over"}]
        assert (await scene.get(f"/v1/credit/orders/{order}", scene.inn)).json["introduction"] == "Room of Ann"
        await scene.do(order, "cancel", scene.inn)
        erased = (await switch.call("DELETE", path)).json
        assert (erased["records"], erased["kept"]) == (1, [])
        assert (await switch.call("GET", f"/v1/credit/orders/{order}", token=scene.inn)).json["introduction"] == ""


async def test_who_never_gets_a_block_to_itself_is_told_to_ask_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_switch(database_url, shards=1) as switch:
        bank, ann = await switch.wallet("external"), await switch.wallet(owner="Ann")
        assert (await switch.pay(bank, ann, 100)).status == 201
        assert (await switch.pay(ann, bank, 10, reference="rent")).status == 201

        async def lost(*_: object) -> bool:
            return False

        monkeypatch.setattr(switch.services.erasures, "replace", lost)
        refused = await switch.call("DELETE", f"/v1/wallets/{ann}/profile")
        assert (refused.status, refused.json["code"]) == (503, "overloaded"), refused.raw
        monkeypatch.undo()
        assert (await switch.call("DELETE", f"/v1/wallets/{ann}/profile")).json["payments"] == 1


async def marks_of(switch: RunningSwitch, wallet: str) -> list[str]:
    """Kinds of records that say whether the wallet's score counts in others' features, oldest first."""
    address = decode_wallet(Secret.of(SECRET), wallet)
    key = await KeyStore(switch.pool).create(str(uuid.uuid4()), ["holder"], Binding(wallets=[address]))
    copy = (await switch.call("GET", f"/v1/wallets/{wallet}/data", token=key.key)).json
    return [each["kind"] for each in reversed(copy["data"]) if each["kind"] in ("score", "data_erased")]


async def test_an_erasure_that_finds_no_text_is_recorded_once_so_that_the_score_counts_in_nobodys_features(
    database_url: str,
) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        nameless = await switch.wallet()
        path = f"/v1/wallets/{nameless}/profile"
        assert (await switch.call("DELETE", path)).json["records"] == 0
        assert await marks_of(switch, nameless) == [], "nothing of it was there"
        await publish_card(switch)
        for run in (1, 2):
            row = score_row(nameless, 640, run)
            assert reported(await publish_scores(switch, [row])) == [("ok", False)]
            for _ in range(2):
                assert (await switch.call("DELETE", path)).json["records"] == 0
        assert await marks_of(switch, nameless) == ["score", "data_erased"] * 2
        assert (await switch.call("DELETE", f"/v1/wallets/{scene.bob_wallet}/profile")).json["profile"] is True
        assert await marks_of(switch, scene.bob_wallet) == ["data_erased"], "it had a profile"
    assert (await audit_database(database_url)).differences == []
