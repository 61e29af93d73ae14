"""Object-level access: every route is tried by accounts that are bound to other wallets, with real ids of what is not theirs.

They get the same answer as if it were not there, nothing of it moves, and nothing of it is in what they are shown.
"""

import asyncio
import uuid
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pytest

from actors.audit.audit import audit_database
from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from actors.stores.api_keys import Binding, KeyRefused, KeyStore
from actors.stores.scopes import SCOPES
from switch.api.app import ROUTES
from switch.gateway import arrow
from switch.http.access import Access
from switch.http.lookups import TTL_S
from tests.front_door import SECRET, Answer, RunningSwitch, running_switch


class Scene(NamedTuple):
    """Ann and a shop have bound accounts, Ann's by wallet and the shop's by owner; Bob, another shop and a bank are strangers to both.
    `paid`, `held`, `refused`: Bob's payment, hold and declined attempt to the other shop. `secrets`: what only strangers may see."""

    switch: RunningSwitch
    ann: str
    shop: str
    bob: str
    other: str
    bank: str
    ann_key: str
    shop_key: str
    paid: str
    held: str
    refused: str
    hook: str
    delivery: str
    bobs_key: str

    async def post(self, path: str, body: Any, token: str) -> Answer:
        return await self.switch.call("POST", path, body, key=str(uuid.uuid4()), token=token)

    async def get(self, path: str, token: str) -> Answer:
        return await self.switch.call("GET", path, token=token)

    def strangers(self) -> list[str]:
        """Ids that neither account may ever be shown."""
        return [self.bob, self.other, self.paid, self.held, self.refused, self.hook, self.delivery, self.bobs_key]


async def scene_on(switch: RunningSwitch) -> Scene:
    ann, bob = await switch.wallet(owner="ann"), await switch.wallet(owner="bob", external_id="bob's")
    shop, other = await switch.wallet("merchant", owner="shop"), await switch.wallet("merchant", owner="other")
    bank = await switch.wallet("external")
    for wallet in (ann, bob):
        assert (await switch.pay(bank, wallet, 1_000)).status == 201
    store, scopes = KeyStore(switch.pool), ("pay", "read", "webhooks", "keys")
    ann_key = await store.create("ann", scopes, Binding(wallets=[decode_wallet(Secret.of(SECRET), ann)]))
    shop_key = await store.create("shop", scopes, Binding(owners=["shop"]))
    context = {"context": {"device": "bob's phone"}, "reference": "bob's secret"}
    body = {"payer": bob, "payee": other, "amount": 10, "currency": "EUR", **context}
    paid = await switch.call("POST", "/v1/transfers", body, key="bob's key")
    held = await switch.pay(bob, other, 20, hold=True, **context)
    refused = await switch.pay(bob, other, 1_000_000, **context)
    assert (paid.status, held.status, refused.status) == (201, 201, 402)
    hook = (await switch.call("POST", "/v1/webhook-endpoints", {"url": "https://bobs.example/"})).json["id"]
    delivery = (await switch.call("POST", f"/v1/webhook-endpoints/{hook}/test", {})).json["id"]
    bobs_key = await store.create("bob", ["read", "keys"], Binding(owners=["bob"]))
    ids = paid.json["id"], held.json["id"], refused.json["transfer_id"], hook, delivery, bobs_key.id
    return Scene(switch, ann, shop, bob, other, bank, ann_key.key, shop_key.key, *ids)


ELSEWHERE = (Access.REFUSED, Access.PARTY, Access.PUBLIC)
"""What is tried below, what test_no_credit_key_reads_or_changes_what_is_not_its_own tries, and what is nobody's."""


MISSING = {"payer_not_found", "linked_refused", "transfer_not_found", "key_not_seen"}
"""Codes of rows about what is not the caller's."""


class Probe(NamedTuple):
    """A call with what is not the caller's, and the code that it must get; None: it is answered, and nothing of strangers is in it."""

    path: str
    body: Any = None
    code: str | None = None


def probes(scene: Scene) -> dict[tuple[str, str], list[Probe]]:
    """What is tried on each route that bound accounts may call at all."""
    pays = {"payee": scene.ann, "amount": 5, "currency": "EUR"}
    row = {**pays, "payer": scene.bob, "idempotency_key": "k"}
    changes = {
        ("POST", f"/v1/transfers/{{id}}/{change}"): [
            Probe(f"/v1/transfers/{id_}/{change}", {}, "transfer_not_found")
            for id_ in (scene.paid, scene.held, scene.refused)
        ]
        for change in ("capture", "void", "refund")
    }
    hook = f"/v1/webhook-endpoints/{scene.hook}"
    delivery = f"{hook}/deliveries/{scene.delivery}"
    no_hook = "webhook_endpoint_not_found"
    bobs_key, no_key = f"/v1/keys/{scene.bobs_key}", "api_key_not_found"
    return {
        **changes,
        ("GET", "/v1/keys"): [Probe("/v1/keys")],
        ("POST", "/v1/keys"): [
            Probe("/v1/keys", {"name": name, "scopes": ["read"], **more}, "key_beyond_maker")
            for name in ("ann", "shop", "bob", "bootstrap")
            for more in ({"wallets": [scene.bob]}, {"owners": ["bob"]}, {"scenarios": ["hotel"]}, {"scopes": ["admin"]})
        ],
        ("GET", "/v1/keys/{id}"): [Probe(bobs_key, None, no_key)],
        ("PATCH", "/v1/keys/{id}"): [Probe(bobs_key, {"expires_at": None}, no_key)],
        ("POST", "/v1/keys/{id}/rotate"): [Probe(f"{bobs_key}/rotate", {}, no_key)],
        ("POST", "/v1/keys/{id}/revoke"): [Probe(f"{bobs_key}/revoke", {}, no_key)],
        ("POST", "/v1/webhook-endpoints"): [
            Probe("/v1/webhook-endpoints", {"url": "http://a.example"}, "invalid_field")
        ],
        ("GET", "/v1/webhook-endpoints"): [Probe("/v1/webhook-endpoints")],
        ("GET", "/v1/webhook-endpoints/{id}"): [Probe(hook, None, no_hook)],
        ("PATCH", "/v1/webhook-endpoints/{id}"): [Probe(hook, {"url": "https://anns.example"}, no_hook)],
        ("DELETE", "/v1/webhook-endpoints/{id}"): [Probe(hook, None, no_hook)],
        ("POST", "/v1/webhook-endpoints/{id}/secret/rotate"): [Probe(f"{hook}/secret/rotate", {}, no_hook)],
        ("POST", "/v1/webhook-endpoints/{id}/test"): [Probe(f"{hook}/test", {}, no_hook)],
        ("POST", "/v1/webhook-endpoints/{id}/replay"): [Probe(f"{hook}/replay", {}, no_hook)],
        ("GET", "/v1/webhook-endpoints/{id}/deliveries"): [Probe(f"{hook}/deliveries", None, no_hook)],
        ("GET", "/v1/webhook-deliveries"): [Probe(f"/v1/webhook-deliveries?events={scene.paid}")],
        ("GET", "/v1/webhook-endpoints/{id}/deliveries/{delivery}"): [Probe(delivery, None, no_hook)],
        ("POST", "/v1/webhook-endpoints/{id}/deliveries/{delivery}/replay"): [Probe(f"{delivery}/replay", {}, no_hook)],
        ("POST", "/v1/transfers"): [
            Probe("/v1/transfers", {**pays, "payer": payer, **more}, "payer_not_found")
            for payer in (scene.bob, scene.other, scene.bank)
            for more in ({}, {"hold": True})
        ],
        ("POST", "/v1/transfers/batch"): [
            Probe("/v1/transfers/batch", {"transfers": [row]}),
            Probe("/v1/transfers/batch", {"transfers": [row, {**row, "idempotency_key": "l"}], "linked": True}),
        ],
        ("GET", "/v1/transfers"): [
            Probe(f"/v1/transfers?wallet={wallet}&idempotency_key=bob's key", None, "key_not_seen")
            for wallet in (scene.bob, scene.other)
        ],
        ("GET", "/v1/transfers/{id}"): [
            Probe(f"/v1/transfers/{id_}", None, "transfer_not_found") for id_ in (scene.paid, scene.held, scene.refused)
        ],
        ("GET", "/v1/transfers/{id}/events"): [
            Probe(f"/v1/transfers/{id_}/events", None, "transfer_not_found")
            for id_ in (scene.paid, scene.held, scene.refused)
        ],
        ("GET", "/v1/events/{id}"): [
            Probe(f"/v1/events/{id_}", None, "event_not_found") for id_ in (scene.paid, scene.held, scene.refused)
        ],
        ("GET", "/v1/wallets/{id}/windows"): [
            Probe(f"/v1/wallets/{wallet}/windows", None, "wallet_not_found")
            for wallet in (scene.bob, scene.other, scene.bank)
        ],
        ("GET", "/v1/wallets"): [
            Probe(f"/v1/wallets?{what}") for what in ("owner=bob", "owner=other", "external_id=bob's")
        ],
        ("GET", "/v1/wallets/{id}"): [
            Probe(f"/v1/wallets/{wallet}", None, "wallet_not_found") for wallet in (scene.bob, scene.other, scene.bank)
        ],
        ("GET", "/v1/wallets/{id}/transfers"): [
            Probe(f"/v1/wallets/{wallet}/transfers", None, "wallet_not_found")
            for wallet in (scene.bob, scene.other, scene.bank)
        ],
        ("GET", "/v1/wallets/{id}/statement"): [
            Probe(
                f"/v1/wallets/{wallet}/statement?from=2020-01-01T00:00:00Z&format={format_}", None, "wallet_not_found"
            )
            for wallet in (scene.bob, scene.other, scene.bank)
            for format_ in ("json", "csv", "html")
        ],
        ("GET", "/v1/wallets/{id}/holds"): [
            Probe(f"/v1/wallets/{wallet}/holds", None, "wallet_not_found")
            for wallet in (scene.bob, scene.other, scene.bank)
        ],
        ("GET", "/v1/owners/transfers"): [Probe(f"/v1/owners/transfers?owner={owner}") for owner in ("bob", "other")],
        ("POST", "/v1/dry-runs/transfers"): [
            Probe("/v1/dry-runs/transfers", {**pays, "payer": payer, **more}, "payer_not_found")
            for payer in (scene.bob, scene.other, scene.bank)
            for more in ({}, {"hold": True})
        ],
        ("POST", "/v1/lookups/transfers"): [
            Probe(
                "/v1/lookups/transfers",
                {
                    "transfers": [
                        *({"id": id_} for id_ in (scene.paid, scene.held, scene.refused)),
                        *({"wallet": wallet, "idempotency_key": "bob's key"} for wallet in (scene.bob, scene.other)),
                    ]
                },
            )
        ],
        ("GET", "/v1/wallets/{id}/balance"): [
            Probe(f"/v1/wallets/{wallet}/balance?at=2030-01-01T00:00:00Z", None, "wallet_not_found")
            for wallet in (scene.bob, scene.other, scene.bank)
        ],
        ("GET", "/v1/events"): [Probe("/v1/events"), Probe("/v1/events?types=wallet.opened,transfer.declined")],
    }


async def money(scene: Scene) -> list[tuple[int, int]]:
    wallets = scene.ann, scene.shop, scene.bob, scene.other
    shown = [(await scene.switch.call("GET", f"/v1/wallets/{wallet}")).json for wallet in wallets]
    return [(wallet["posted"], wallet["held"]) for wallet in shown]


async def test_every_route_says_how_it_keeps_accounts_to_their_own(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await scene_on(switch)
        tried = probes(scene)
        assert set(tried) == {(r.method, r.path) for r in ROUTES if r.access not in ELSEWHERE}
        before, blocks = await money(scene), await switch.blocks()
        for token in (scene.ann_key, scene.shop_key):
            for (method, _), calls in tried.items():
                for probe in calls:
                    key = str(uuid.uuid4()) if method == "POST" else None
                    answer = await scene.switch.call(method, probe.path, probe.body, key=key, token=token)
                    assert answer.json.get("code") == probe.code, (probe, answer.raw)
                    if probe.code is None:
                        codes = {each["code"] for each in answer.json.get("results", ())}
                        assert answer.status == 200 and codes <= MISSING, answer.raw
                        sent = [scene.ann] if method == "POST" else []
                        assert not [
                            each for each in scene.strangers() if each in answer.raw.decode() and each not in sent
                        ]
        assert await money(scene) == before and await switch.blocks() == blocks
        assert (await audit_database(switch.database_url)).differences == []


async def test_routes_for_all_wallets_refuse_bound_accounts_whatever_scope_their_key_has(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await scene_on(switch)
        connection_scopes = "UPDATE api_key SET scopes = $1 WHERE name = 'ann'"
        async with switch.pool.session() as session:  # as if a key had got more than `keys create` gives
            await session.execute(connection_scopes, list(SCOPES))
        await asyncio.sleep(TTL_S)
        refused = [route for route in ROUTES if route.access is Access.REFUSED]
        for route in refused:
            path = route.path.replace("{change:freeze|unfreeze|close}", "freeze").replace("{name}", "default")
            path = path.replace("{value}", "phone-1").replace("{rule}", "r1").replace("{wallet}", scene.bob)
            answer = await switch.call(route.method, path.replace("{id}", scene.bob), {}, key="k", token=scene.ann_key)
            assert (answer.status, answer.json["code"]) == (403, "forbidden"), route
        assert len(refused) > 10


async def test_a_guessed_hold_is_not_found(database_url: str) -> None:
    """The ids around a known one, as the one that cost 41 guesses, and the same address with other checks: also for an unbound key."""
    async with running_switch(database_url) as switch:
        scene = await scene_on(switch)
        mine = await switch.pay(scene.ann, scene.shop, 5, hold=True)
        known = uuid.UUID(mine.json["id"]).int
        guesses = [known ^ 1 << bit for bit in range(128)] + [known + (step << 60) for step in range(-20, 21) if step]
        for guess in guesses:
            answer = await scene.post(f"/v1/transfers/{uuid.UUID(int=guess)}/void", {}, switch.key)
            assert (answer.status, answer.json["code"]) == (404, "transfer_not_found")
        assert (await scene.post(f"/v1/transfers/{mine.json['id']}/void", {}, switch.key)).status == 201


async def test_bound_accounts_do_all_that_is_theirs(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await scene_on(switch)
        body = {"payer": scene.ann, "payee": scene.shop, "amount": 30, "currency": "EUR"}
        made = await scene.post("/v1/transfers", {**body, "context": {"device": "ann's phone"}}, scene.ann_key)
        assert made.status == 201
        seen = {
            key: (await scene.get(f"/v1/transfers/{made.json['id']}", key)).json
            for key in (scene.ann_key, scene.shop_key)
        }
        assert seen[scene.ann_key]["context"] and seen[scene.ann_key]["decision"]
        assert "context" not in seen[scene.shop_key] and seen[scene.shop_key]["decision"] is None
        assert (await scene.post(f"/v1/transfers/{made.json['id']}/refund", {}, scene.ann_key)).status == 403
        assert (await scene.post(f"/v1/transfers/{made.json['id']}/refund", {}, scene.shop_key)).status == 201
        for key in (scene.ann_key, scene.shop_key):  # either ends a hold: who made it, and whom it is for
            held = await scene.post("/v1/transfers", {**body, "hold": True}, scene.ann_key)
            assert (await scene.post(f"/v1/transfers/{held.json['id']}/void", {}, key)).status == 201
        kept = await switch.pay(scene.ann, scene.shop, 5, hold=True)  # by the back office
        assert (await scene.post(f"/v1/transfers/{kept.json['id']}/void", {}, scene.ann_key)).status == 403
        assert (await scene.post(f"/v1/transfers/{kept.json['id']}/capture", {}, scene.shop_key)).status == 201
        rows = [{**body, "idempotency_key": "a"}, {**body, "payer": scene.bob, "idempotency_key": "b"}]
        batch = await scene.post("/v1/transfers/batch", {"transfers": rows}, scene.ann_key)
        assert [row["code"] for row in batch.json["results"]] == ["ok", "payer_not_found"]
        for wallet, key in ((scene.ann, scene.ann_key), (scene.shop, scene.shop_key)):
            assert (await scene.get(f"/v1/wallets/{wallet}", key)).status == 200
            lines = (await scene.get(f"/v1/wallets/{wallet}/transfers", key)).json["data"]
            events = (await scene.get("/v1/events?types=transfer.posted,transfer.refunded&limit=100", key)).json["data"]
            assert len(lines) >= 3 and events
            assert all(wallet in (event["data"]["payer"], event["data"]["payee"]) for event in events)
        listed = (await scene.get("/v1/wallets?owner=shop", scene.shop_key)).json["data"]
        assert [wallet["id"] for wallet in listed] == [scene.shop]


async def test_rows_of_an_arrow_batch_from_others_wallets_are_refused_one_by_one(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await scene_on(switch)
        raw = pa.binary(16)
        payers = [uuid.UUID(wallet).bytes for wallet in (scene.ann, scene.bob, scene.bank)]
        table = pa.table(
            {
                "idempotency_key": pa.array([uuid.uuid4().bytes for _ in payers], raw),
                "payer": pa.array(payers, raw),
                "payee": pa.array([uuid.UUID(scene.shop).bytes] * 3, raw),
                "amount": pa.array([5] * 3, pa.int64()),
                "currency": ["EUR"] * 3,
            }
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        headers = {"Content-Type": arrow.CONTENT_TYPE}
        answer = await switch.call(
            "POST",
            "/v1/transfers/batch",
            data=sink.getvalue().to_pybytes(),
            key="k",
            token=scene.ann_key,
            headers=headers,
        )
        reported = pa.ipc.open_stream(answer.raw).read_all()
        names = msgspec.json.decode(reported.schema.metadata[b"codes"])
        assert [names[str(code)] for code in reported["code"].to_pylist()] == [
            "ok",
            "payer_not_found",
            "payer_not_found",
        ]


async def test_a_wallet_that_changes_hands_is_lost_to_its_old_owner_within_two_seconds(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await scene_on(switch)
        assert (await scene.get(f"/v1/wallets/{scene.shop}", scene.shop_key)).status == 200
        assert (await switch.call("PATCH", f"/v1/wallets/{scene.shop}", {"owner": "other"}, key="p")).status == 200
        await asyncio.sleep(TTL_S)
        assert (await scene.get(f"/v1/wallets/{scene.shop}", scene.shop_key)).status == 404


async def test_with_the_scope_pay_alone_an_account_asks_after_its_own_payments(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        scene = await scene_on(switch)
        till = (await KeyStore(switch.pool).create("till", ["pay"])).key
        body = {"payer": scene.ann, "payee": scene.shop, "amount": 5, "currency": "EUR"}
        made = await switch.call("POST", "/v1/transfers", body, key="mine", token=till)
        by_key = await scene.get(f"/v1/transfers?wallet={scene.ann}&idempotency_key=mine", till)
        assert by_key.json["id"] == made.json["id"]
        assert (await scene.get(f"/v1/transfers/{made.json['id']}", till)).status == 200
        assert (await scene.get(f"/v1/transfers/{scene.paid}", till)).json["code"] == "transfer_not_found"


async def test_an_account_is_bound_from_its_first_key_on(database_url: str) -> None:
    async with running_switch(database_url) as switch:
        store = KeyStore(switch.pool)
        await store.create("office", ["pay"])
        await store.create("shop", ["pay"], Binding(owners=["shop"]))
        await store.create("shop", ["read"])  # another key of the bound account
        await store.create("shop", ["read"], Binding(wallets=[65_536], owners=["shop"]))
        for name, scopes, owners in (
            ("office", ["pay"], ["shop"]),
            ("bootstrap", ["pay"], ["shop"]),
            ("new", ["admin"], ["shop"]),
            ("shop", ["import"], []),
            ("many", ["pay"], [f"owner {i}" for i in range(21)]),
        ):
            with pytest.raises(KeyRefused):
                await store.create(name, scopes, Binding(owners=owners))
        listed = {key.name: key.bound for key in await store.list(Secret.of(SECRET))}
        assert listed["office"] is None and "new" not in listed
        assert listed["shop"] is not None and (listed["shop"].owners, len(listed["shop"].wallets)) == (("shop",), 1)
