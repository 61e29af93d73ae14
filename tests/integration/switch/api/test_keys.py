"""Keys over HTTP: shown once, never more than their maker has, seen without what they are, gone within a second."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest

from actors.database.pool import StoreUnavailable
from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from actors.stores.api_keys import Binding, KeyLimits, KeyStore
from switch.api.four_eyes import FourEyes
from switch.http.auth import KEY_TTL_S
from tests.front_door import SECRET, Answer, RunningSwitch, running_switch

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_keys_are_listed_with_what_they_may_and_never_with_what_they_are(shared: RunningSwitch) -> None:
    store, name = KeyStore(shared.pool), f"shop-{uuid.uuid4().hex[:8]}"
    bound = await store.create(name, ["pay", "read"], Binding(owners=["ann"]), timedelta(days=9))
    gone = await store.create(f"{name}-2", ["read"])
    await store.revoke(gone.id)
    answer = await shared.call("GET", "/v1/keys?limit=100")
    assert answer.status == 200, answer.raw
    shown = {each["id"]: each for each in answer.json["data"]}
    assert bound.key.encode() not in answer.raw and bound.key.split("_", 2)[2].encode() not in answer.raw
    first = shown[bound.id]
    assert (first["name"], first["scopes"], first["status"]) == (name, ["pay", "read"], "active")
    assert first["bound"] == {"wallets": [], "owners": ["ann"], "scenarios": []}
    assert first["expires_at"] > first["created_at"] and first["revoked_at"] is None and first["last_used_at"] is None
    assert (shown[gone.id]["status"], shown[gone.id]["bound"]) == ("revoked", None)
    assert (await shared.call("GET", "/v1/wallets?owner=ann", token=bound.key)).status == 200


async def test_pages_hold_each_key_once_newest_first(shared: RunningSwitch) -> None:
    store = KeyStore(shared.pool)
    made = [(await store.create(f"page-{uuid.uuid4().hex[:8]}", ["read"])).id for _ in range(5)]
    seen, path = [], "/v1/keys?limit=2"
    while path:
        page = (await shared.call("GET", path)).json
        seen += [each["id"] for each in page["data"]]
        path = f"/v1/keys?limit=2&after={page['next']}" if page["has_more"] else ""
    assert len(seen) == len(set(seen))
    assert [each for each in seen if each in made] == made[::-1]


async def make(switch: RunningSwitch, body: dict[str, Any], token: str | None = None, key: str | None = None) -> Answer:
    return await switch.call("POST", "/v1/keys", body, token=token, key=key)


async def works(switch: RunningSwitch, token: str) -> bool:
    status = (await switch.call("GET", "/v1/keys", token=token)).status
    assert status in (200, 401, 403)
    return status != 401


async def test_a_key_is_made_works_rotates_and_is_revoked(shared: RunningSwitch) -> None:
    name = f"made-{uuid.uuid4().hex[:8]}"
    made = await make(shared, {"name": name, "scopes": ["admin", "read"], "expires_at": "2036-01-01T00:00:00Z"})
    assert made.status == 201 and made.json["key"].startswith("sp_")
    assert (made.json["name"], made.json["status"], made.json["expires_at"]) == (
        name,
        "active",
        "2036-01-01T00:00:00.000Z",
    )
    assert await works(shared, made.json["key"])
    identity = made.json["id"]
    shown = await shared.call("GET", f"/v1/keys/{identity}")
    assert shown.status == 200 and "key" not in shown.json
    turned = await shared.call("POST", f"/v1/keys/{identity}/rotate", {"overlap_s": 60})
    assert turned.status == 201 and (turned.json["name"], turned.json["scopes"]) == (name, ["admin", "read"])
    assert turned.json["expires_at"] == made.json["expires_at"], "the new one ends when the old one would have"
    for given, ends in ((None, None), ("2035-01-01T00:00:00Z", "2035-01-01T00:00:00.000Z")):
        other = await shared.call("POST", f"/v1/keys/{identity}/rotate", {"overlap_s": 60, "expires_at": given})
        assert (other.status, other.json["expires_at"]) == (201, ends)
    assert await works(shared, turned.json["key"])
    assert await works(shared, made.json["key"]), "both work while they overlap"
    old = (await shared.call("GET", f"/v1/keys/{identity}")).json
    assert old["created_at"] < old["expires_at"] < "2036"
    gone = await shared.call("POST", f"/v1/keys/{turned.json['id']}/revoke", {})
    assert (gone.status, gone.json["status"]) == (200, "revoked")
    await asyncio.sleep(KEY_TTL_S + 0.05)
    assert not await works(shared, turned.json["key"])
    for path, body in (("rotate", {}), ("", {"reads_per_s": 1})):
        over = await shared.call("POST" if path else "PATCH", f"/v1/keys/{turned.json['id']}/{path}".rstrip("/"), body)
        assert (over.status, over.json["code"]) == (409, "api_key_over")
    assert (await shared.call("POST", f"/v1/keys/{turned.json['id']}/revoke", {})).status == 200


async def test_a_repeat_makes_no_second_key_and_shows_none(shared: RunningSwitch) -> None:
    name, key = f"once-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    first = await make(shared, {"name": name, "scopes": ["read"]}, key=key)
    again = await make(shared, {"name": name, "scopes": ["read"]}, key=key)
    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert again.json == {**first.json, "key": None}
    rotate = f"/v1/keys/{first.json['id']}/rotate"
    turned = [await shared.call("POST", rotate, {}, key=f"{key}-2") for _ in range(2)]
    assert turned[1].json == {**turned[0].json, "key": None}
    other = await make(shared, {"name": name, "scopes": ["pay"]}, key=key)
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    secrets = [first.json["key"], turned[0].json["key"]]
    async with shared.pool.session() as session:
        for (table,) in await session.fetch("SELECT relname FROM pg_stat_user_tables"):
            rows = await session.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} AS t")
            assert not [row for row in rows for secret in secrets if secret.split("_", 2)[2] in row["row"]], table
            kept = [
                bytes(value)
                for row in await session.fetch(f"SELECT * FROM {table}")
                for value in row.values()
                if isinstance(value, bytes)
            ]
            assert not [value for value in kept for secret in secrets if secret.encode() in value], table
    names = [each for each in (await shared.call("GET", "/v1/keys?limit=100")).json["data"] if each["name"] == name]
    assert len(names) == 2


async def test_a_key_that_was_made_while_its_answer_was_lost_is_not_made_again(
    shared: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The front door dies when the key is there and the answer is not."""
    name, key = f"lost-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex

    async def lost(*_: Any) -> Any:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(KeyStore, "one", lost)
        assert (await make(shared, {"name": name, "scopes": ["read"]}, key=key)).status == 503
    again = await make(shared, {"name": name, "scopes": ["read"]}, key=key)
    assert (again.status, again.json["name"], again.json["key"]) == (201, name, None)
    found = [each for each in (await shared.call("GET", "/v1/keys?limit=100")).json["data"] if each["name"] == name]
    assert [each["id"] for each in found] == [again.json["id"]]


async def test_a_key_gives_no_more_than_its_maker_has(shared: RunningSwitch) -> None:
    store, suffix = KeyStore(shared.pool), uuid.uuid4().hex[:8]
    clerk = await store.create(f"clerk-{suffix}", ["keys", "read", "pay"], limits=KeyLimits(reads_per_s=50))
    strong = await store.create(f"strong-{suffix}", ["admin", "read"])
    for body, status, code in (
        ({"scopes": ["read"]}, 201, None),
        ({"scopes": ["keys", "pay"], "reads_per_s": 50}, 201, None),
        ({"scopes": ["read", "admin"]}, 403, "key_beyond_maker"),
        ({"scopes": ["audit"]}, 403, "key_beyond_maker"),
        ({"scopes": ["read"], "reads_per_s": 51}, 403, "key_beyond_maker"),
    ):
        answer = await make(shared, {"name": f"by-clerk-{suffix}", **body}, clerk.key)
        assert (answer.status, None if status == 201 else answer.json["code"]) == (status, code), body
        assert status != 201 or answer.json["reads_per_s"] == 50, "where none is given it is the maker's"
    path = f"/v1/keys/{strong.id}"
    for method, way, change in (("POST", "/rotate", {}), ("PATCH", "", {"expires_at": None})):
        answer = await shared.call(method, path + way, change, token=clerk.key)
        assert (answer.status, answer.json["code"]) == (403, "key_beyond_maker")
    own = await shared.call("PATCH", f"/v1/keys/{clerk.id}", {"reads_per_s": None}, token=clerk.key)
    assert (own.status, own.json["code"]) == (403, "key_beyond_maker")
    assert (await shared.call("POST", path + "/revoke", {}, token=clerk.key)).status == 200, "it may take away"


async def test_a_bound_account_makes_and_sees_its_own_keys_and_no_others(shared: RunningSwitch) -> None:
    store, suffix = KeyStore(shared.pool), uuid.uuid4().hex[:8]
    shop, other = await shared.wallet("merchant", owner=f"shop-{suffix}"), await shared.wallet("merchant")
    address = decode_wallet(Secret.of(SECRET), shop)
    scopes = ["pay", "read", "keys", "merchant"]
    mine = await store.create(f"shop-{suffix}", scopes, Binding(wallets=[address], owners=["so"], scenarios=["hotel"]))
    theirs = await store.create(f"other-{suffix}", ["read", "keys"], Binding(owners=["them"]))
    name = {"name": f"shop-{suffix}"}
    for body, status in (
        ({**name, "scopes": ["read"]}, 201),
        ({**name, "scopes": ["pay"], "wallets": [shop], "owners": ["so"]}, 201),
        ({**name, "scopes": ["merchant"], "scenarios": ["hotel"]}, 201),
        ({**name, "scopes": ["read"], "wallets": [other]}, 403),
        ({**name, "scopes": ["read"], "owners": ["them"]}, 403),
        ({**name, "scopes": ["merchant"], "scenarios": ["rental"]}, 403),
        ({**name, "scopes": ["webhooks"]}, 403),
        ({**name, "scopes": ["admin"]}, 403),
        ({"name": f"other-{suffix}", "scopes": ["read"]}, 403),
        ({"name": f"new-{suffix}", "scopes": ["read"]}, 403),
    ):
        answer = await make(shared, body, mine.key)
        assert answer.status == status, (body, answer.raw)
        assert status == 201 or answer.json["code"] == "key_beyond_maker"
    seen = (await shared.call("GET", "/v1/keys", token=mine.key)).json["data"]
    assert {each["name"] for each in seen} == {f"shop-{suffix}"} and len(seen) == 4
    for method, way in (("GET", ""), ("PATCH", ""), ("POST", "/rotate"), ("POST", "/revoke")):
        sent: Any = None if method == "GET" else {}
        answer = await shared.call(method, f"/v1/keys/{theirs.id}{way}", sent, token=mine.key)
        assert (answer.status, answer.json["code"]) == (404, "api_key_not_found"), way
        nobodys = await shared.call(method, f"/v1/keys/{uuid.uuid4()}{way}", sent, token=mine.key)
        assert nobodys.json == answer.json
    fresh = (await make(shared, {**name, "scopes": ["read"]}, mine.key)).json
    assert (await shared.call("GET", f"/v1/wallets/{shop}", token=fresh["key"])).status == 200
    assert (await shared.call("GET", f"/v1/wallets/{other}", token=fresh["key"])).status == 404


async def test_limits_of_a_key_hold_for_that_key_alone_and_can_be_lifted(shared: RunningSwitch) -> None:
    name = f"slow-{uuid.uuid4().hex[:8]}"
    slow = (await make(shared, {"name": name, "scopes": ["admin"], "reads_per_s": 2, "writes_per_s": 1})).json
    free = (await make(shared, {"name": name, "scopes": ["admin"]})).json
    reads = [await shared.call("GET", "/v1/keys", token=slow["key"]) for _ in range(9)]
    assert {each.status for each in reads} == {200, 429} and reads[-1].headers["Retry-After"]
    assert reads[-1].json["code"] == "too_many_requests"
    writes = [await shared.call("PUT", "/v1/lists/x", data=b"", token=slow["key"]) for _ in range(6)]
    assert {each.status for each in writes} >= {429}
    assert {(await shared.call("GET", "/v1/keys", token=free["key"])).status for _ in range(9)} == {200}
    lifted = await shared.call("PATCH", f"/v1/keys/{slow['id']}", {"reads_per_s": None, "writes_per_s": 500})
    assert (lifted.json["reads_per_s"], lifted.json["writes_per_s"]) == (None, 500)
    await asyncio.sleep(KEY_TTL_S + 0.05)
    assert {(await shared.call("GET", "/v1/keys", token=slow["key"])).status for _ in range(9)} == {200}


async def test_what_no_key_can_be_is_refused(shared: RunningSwitch) -> None:
    name = f"odd-{uuid.uuid4().hex[:8]}"
    await make(shared, {"name": name, "scopes": ["read"]})
    for body, status, code in (
        ({"name": name, "scopes": []}, 422, "invalid_field"),
        ({"name": name, "scopes": ["root"]}, 422, "invalid_field"),
        ({"name": "", "scopes": ["read"]}, 422, "invalid_field"),
        ({"name": name, "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, 422, "invalid_field"),
        ({"name": name, "scopes": ["read"], "wallets": [str(uuid.uuid4())]}, 422, "invalid_field"),
        ({"name": name, "scopes": ["read"], "owners": ["ann"]}, 409, "key_refused"),
        ({"name": "bootstrap", "scopes": ["read"], "owners": ["ann"]}, 409, "key_refused"),
        ({"name": f"{name}-2", "scopes": ["admin"], "owners": ["ann"]}, 409, "key_refused"),
    ):
        answer = await make(shared, body)
        assert (answer.status, answer.json["code"]) == (status, code), answer.raw
    assert (await shared.call("GET", "/v1/keys/not-an-id")).status == 404


async def test_the_last_key_that_makes_keys_stays_until_there_is_another(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        (only,) = [each for each in (await switch.call("GET", "/v1/keys")).json["data"] if "keys" in each["scopes"]]
        bound = await KeyStore(switch.pool).create("shop", ["keys", "read"], Binding(owners=["shop"]))
        for method, way, body in (("POST", "/revoke", {}), ("PATCH", "", {"expires_at": "2036-01-01T00:00:00Z"})):
            answer = await switch.call(method, f"/v1/keys/{only['id']}{way}", body)
            assert (answer.status, answer.json["code"]) == (409, "last_key")
        assert (await switch.call("POST", f"/v1/keys/{bound.id}/revoke", {})).status == 200, "it makes none for others"
        second = (await make(switch, {"name": "second", "scopes": ["keys"]})).json
        both = [switch.call("POST", f"/v1/keys/{each['id']}/revoke", {}) for each in (only, second)]
        assert sorted(each.status for each in await asyncio.gather(*both)) == [200, 409], "one of them stays"


async def test_with_four_eyes_nobody_makes_a_second_person_alone(database_url: str) -> None:
    async with running_switch(database_url, shards=1, four_eyes=FourEyes(four_eyes=True)) as switch:
        other = await KeyStore(switch.pool).create("other", ["analyst"])
        for scope in ("admin", "analyst", "keys"):
            answer = await make(switch, {"name": "second", "scopes": ["read", scope]})
            assert (answer.status, answer.json["code"]) == (403, "key_needs_command")
        taken = await switch.call("POST", f"/v1/keys/{other.id}/rotate", {})
        assert (taken.status, taken.json["code"]) == (403, "key_needs_command")
        assert (await make(switch, {"name": "shop", "scopes": ["pay", "read"]})).status == 201
        assert (await make(switch, {"name": "tests", "scopes": ["analyst"]})).status == 201, "it is the same person"


async def test_each_change_of_a_key_has_its_entry_without_the_key(shared: RunningSwitch) -> None:
    made = (await make(shared, {"name": f"log-{uuid.uuid4().hex[:8]}", "scopes": ["read"]})).json
    path = f"/v1/keys/{made['id']}"
    await shared.call("PATCH", path, {"reads_per_s": 7})
    turned = (await shared.call("POST", f"{path}/rotate", {})).json
    await shared.call("POST", f"{path}/revoke", {})
    answer = await shared.call("GET", f"/v1/admin-log?resource={path}")
    assert [(each["call"], each["resource"], each["sent"]) for each in answer.json["data"]] == [
        ("POST /v1/keys/{id}/revoke", f"{path}/revoke", None),
        ("POST /v1/keys/{id}/rotate", f"{path}/rotate/{turned['id']}", "{}"),
        ("PATCH /v1/keys/{id}", path, '{"reads_per_s":7}'),
        ("POST /v1/keys", path, None),
    ]
    assert made["key"].encode() not in answer.raw and turned["key"].encode() not in answer.raw


async def test_who_is_no_administrator_sees_no_keys(shared: RunningSwitch) -> None:
    admin = await KeyStore(shared.pool).create(f"admin-{uuid.uuid4().hex[:8]}", ["admin"])
    assert (await make(shared, {"name": "x", "scopes": ["admin"]}, admin.key)).status == 403, "that is the scope keys"
    for scope in ("read", "analyst", "pay", "holder", "credit"):
        key = await KeyStore(shared.pool).create(f"{scope}-{uuid.uuid4().hex[:8]}", [scope])
        assert (await shared.call("GET", "/v1/keys", token=key.key)).status == 403
    wrong = await shared.call("GET", "/v1/keys?after=x")
    assert (wrong.status, wrong.json["code"]) == (422, "invalid_query")
