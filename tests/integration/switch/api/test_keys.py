"""Keys over HTTP: all that is known of each but the key, newest first, page by page, to administrators alone."""

import uuid
from datetime import timedelta

import pytest

from actors.stores.api_keys import Binding, KeyStore
from tests.front_door import RunningSwitch

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_keys_are_listed_with_what_they_may_and_never_with_what_they_are(shared: RunningSwitch) -> None:
    store, name = KeyStore(shared.pool), f"shop-{uuid.uuid4().hex[:8]}"
    bound = await store.create(name, ["pay", "read"], Binding(owners=["ann"]), timedelta(days=9))
    gone = await store.create(f"{name}-2", ["read"])
    await store.revoke(gone.id)
    answer = await shared.call("GET", "/v1/keys?limit=100")
    assert answer.status == 200, answer.raw
    shown = {each["id"]: each for each in answer.json["data"]}
    assert bound.key.encode() not in answer.raw and bound.key.rpartition("_")[2].encode() not in answer.raw
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


async def test_who_is_no_administrator_sees_no_keys(shared: RunningSwitch) -> None:
    for scope in ("read", "analyst", "pay", "holder", "credit"):
        key = await KeyStore(shared.pool).create(f"{scope}-{uuid.uuid4().hex[:8]}", [scope])
        assert (await shared.call("GET", "/v1/keys", token=key.key)).status == 403
    wrong = await shared.call("GET", "/v1/keys?after=x")
    assert (wrong.status, wrong.json["code"]) == (422, "invalid_query")
