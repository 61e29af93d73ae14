"""Of a key only its hash is kept; keys of one name are of one account, which is bound from its first key on or not at all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from actors.database.connection import connect
from actors.database.pool import Pool
from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from actors.stores import api_keys
from actors.stores.api_keys import (
    BOOTSTRAP,
    Binding,
    Bound,
    CreatedKey,
    KeyRefused,
    KeyStore,
    ensure_bootstrap_key,
    has_keys,
    key_hash,
)
from actors.stores.scopes import SCOPES

SECRET = Secret.of(bytes(range(16)))


async def _principal(store: KeyStore, key: CreatedKey) -> Any:
    return (await store.find([key_hash(key.key)])).get(key_hash(key.key))


async def test_keys_of_one_name_speak_for_one_account_with_scopes_of_their_own(pool: Pool) -> None:
    store = KeyStore(pool)
    pay, read = await store.create("shop", ["pay", "read"]), await store.create("shop", ["read"])
    other = await store.create("other", ["admin"])
    found = [await _principal(store, key) for key in (pay, read, other)]
    assert found[0].account == found[1].account != found[2].account
    assert [each.scopes for each in found] == [{"pay", "read"}, {"read"}, {"admin"}]
    assert [each.bound for each in found] == [None] * 3
    assert await store.accounts([found[0].account, found[2].account, 99, found[0].account]) == {
        found[0].account: "shop",
        found[2].account: "other",
    }
    assert await store.accounts([]) == {} and await store.find([key_hash("sp_guessed")]) == {}


async def test_a_key_is_long_and_kept_nowhere(pool: Pool) -> None:
    key = await KeyStore(pool).create("shop", ["pay"])
    prefix, _, secret = key.key.split("_", 2)  # the secret may have more of them
    assert prefix == "sp" and len(secret) >= 40
    row = await pool._pool.fetchrow("SELECT * FROM api_key")
    assert row["hash"] == key_hash(key.key) and secret not in str(row)
    assert len(key_hash("\udcff")) == 32, "whatever bytes a header has"


@pytest.mark.parametrize(
    ("scopes", "says"), [(["pay", "all"], r"unknown scope all; there are admin, pay"), ([], r"unknown scope \(none\)")]
)
async def test_an_unknown_scope_is_refused_and_makes_nothing(pool: Pool, scopes: list[str], says: str) -> None:
    store = KeyStore(pool)
    with pytest.raises(KeyRefused, match=says):
        await store.create("shop", scopes)
    assert await store.list(SECRET) == []


async def test_a_key_works_until_it_ends_or_is_revoked(pool: Pool) -> None:
    store = KeyStore(pool)
    over = await store.create("shop", ["pay"], life=timedelta(0))
    lives = await store.create("shop", ["pay"], life=timedelta(hours=1))
    revoked = await store.create("shop", ["pay"])
    assert await store.revoke(revoked.id) and await store.revoke(revoked.id)
    assert not await store.revoke("00000000-0000-0000-0000-000000000000") and not await store.revoke("'; --")
    assert [await _principal(store, key) is not None for key in (over, lives, revoked)] == [False, True, False]
    listed = {each.id: each for each in await store.list(SECRET)}
    assert [listed[key.id].state for key in (over, lives, revoked)] == ["expired", "active", "revoked"]
    assert listed[lives.id].last_used_at is not None and listed[over.id].last_used_at is None
    assert listed[revoked.id].revoked_at is not None and listed[lives.id].bound is None


async def test_a_rotated_key_works_on_for_the_overlap(pool: Pool) -> None:
    store = KeyStore(pool)
    old = await store.create("shop", ["pay", "read"])
    new = await store.rotate(old.id, timedelta(hours=1))
    assert (new.name, new.scopes) == ("shop", ("pay", "read")) and new.key != old.key
    first, second = await _principal(store, old), await _principal(store, new)
    assert first is not None and second == msgspec.structs.replace(first, key=new.id) and first.key == old.id
    last = await store.rotate(new.id, timedelta(0))
    assert await _principal(store, new) is None and await _principal(store, last) is not None
    for gone in (new.id, "nothing", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(KeyRefused, match="no key"):
            await store.rotate(gone, timedelta(0))


async def test_an_overlap_lets_no_key_outlive_its_own_end(pool: Pool) -> None:
    store = KeyStore(pool)
    old = await store.create("shop", ["pay"], life=timedelta(hours=1))
    end = next(each.expires_at for each in await store.list(SECRET))
    await store.rotate(old.id, timedelta(days=30), timedelta(days=1))
    ends = {each.id: each.expires_at for each in await store.list(SECRET)}
    assert end and ends.pop(old.id) == end
    (newer,) = ends.values()
    assert newer and newer > end


@pytest.mark.parametrize("life", [timedelta(days=90), None])
async def test_a_new_key_ends_when_the_old_one_would_have_however_often_that_is_rotated(
    pool: Pool, life: timedelta | None
) -> None:
    store = KeyStore(pool)
    old = await store.create("shop", ["pay"], life=life)
    ends = {each.id: each.expires_at for each in await store.list(SECRET)}
    assert (ends[old.id] is None) == (life is None)
    made = [await store.rotate(old.id, timedelta(hours=1)) for _ in range(2)]
    last = await store.rotate(made[-1].id, timedelta(hours=1))
    assert [key.expires_at for key in (old, *made, last)] == [ends[old.id]] * 4, "each is told its end"
    now = {each.id: each.expires_at for each in await store.list(SECRET)}
    assert [now[key.id] for key in (*made[:-1], last)] == [ends[old.id]] * 2
    for rotated in (old, made[-1]):
        assert now[rotated.id] is not None and now[rotated.id] != ends[old.id], "it works on for its overlap"


@pytest.mark.parametrize("life", [timedelta(days=90), None])
async def test_an_overlap_that_is_made_longer_is_not_the_end_of_the_next_key(
    pool: Pool, life: timedelta | None
) -> None:
    store, week = KeyStore(pool), datetime.now(UTC) + timedelta(days=7)
    old = await store.create("shop", ["pay"], life=life)
    (first,) = [each.expires_at for each in await store.list(SECRET)]
    await store.rotate(old.id, timedelta(hours=1))
    assert await store.change(old.id, week, UNSET, UNSET)
    after = await store.rotate(old.id, timedelta(days=30))
    ends = {each.id: each.expires_at for each in await store.list(SECRET)}
    assert (ends[old.id], ends[after.id]) == (week, first)


async def test_a_rotated_key_that_is_given_a_later_end_or_none_gives_that_one(pool: Pool) -> None:
    store, end = KeyStore(pool), datetime(2036, 1, 1, tzinfo=UTC)
    old = await store.create("shop", ["pay"], life=timedelta(days=90))
    await store.rotate(old.id, timedelta(hours=1))
    assert await store.change(old.id, UNSET, 5, UNSET)
    limited = await store.rotate(old.id, timedelta(hours=1))
    assert await store.change(old.id, end, UNSET, UNSET)
    after = await store.rotate(old.id, timedelta(hours=1))
    for_ever = await store.rotate(old.id, timedelta(hours=1), None)
    assert await store.change(old.id, None, UNSET, UNSET)
    endless = await store.rotate(old.id, timedelta(hours=1))
    ends = {each.id: each.expires_at for each in await store.list(SECRET)}
    first = ends[limited.id]
    assert first is not None and first < end
    assert [ends[key.id] for key in (after, for_ever, endless)] == [end, None, None]


async def test_a_bound_account_is_bound_to_all_that_its_keys_name(pool: Pool) -> None:
    store = KeyStore(pool)
    first = await store.create("shop", ["pay"], Binding(wallets=[70, 71], owners=["ann"]))
    second = await store.create("shop", ["merchant"], Binding(wallets=[71, 72], scenarios=["hotel"]))
    third = await store.create("shop", ["read"])
    bound = Bound(frozenset({70, 71, 72}), frozenset({"ann"}), frozenset({"hotel"}))
    assert [(await _principal(store, key)).bound for key in (first, second, third)] == [bound] * 3
    listed = (await store.list(SECRET))[0].bound
    assert listed is not None and (listed.owners, listed.scenarios) == (("ann",), ("hotel",))
    assert [decode_wallet(SECRET, wallet) for wallet in listed.wallets] == [70, 71, 72]
    assert (await store.merchants(["shop", "nobody"])).keys() == {"shop"}
    await store.revoke(second.id)
    assert await store.merchants(["shop"]) == {}


@pytest.mark.parametrize(
    ("before", "name", "scopes", "binding", "says"),
    [
        (["pay"], "shop", ["pay"], Binding(wallets=[70]), "has keys on all wallets"),
        ([], BOOTSTRAP, ["pay"], Binding(owners=["ann"]), "every scope on all wallets"),
        ([], "shop", ["pay", "admin"], Binding(owners=["ann"]), "not admin"),
        ([], "shop", ["pay"], Binding(owners=["ann", ""]), "an owner has a name"),
        ([], "shop", ["pay"], Binding(scenarios=["hotel"]), "go with the scope merchant"),
        ([], "shop", ["merchant"], Binding(wallets=[70]), "names the scenarios"),
    ],
)
async def test_a_binding_that_does_not_go_with_the_account_is_refused_whole(
    pool: Pool, before: list[str], name: str, scopes: list[str], binding: Binding, says: str
) -> None:
    store = KeyStore(pool)
    if before:
        await store.create("shop", before)
    with pytest.raises(KeyRefused, match=says):
        await store.create(name, scopes, binding)
    assert [each.bound for each in await store.list(SECRET)] == [None] * len(before)


async def test_to_how_much_an_account_is_bound_is_bounded(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "WALLETS_MAX", 3)
    monkeypatch.setattr(api_keys, "OWNERS_MAX", 1)
    store = KeyStore(pool)
    await store.create("shop", ["pay"], Binding(wallets=[1, 2], owners=["ann"]))
    await store.create("shop", ["pay"], Binding(wallets=[2, 3], owners=["ann"]))
    with pytest.raises(KeyRefused, match="bound to 4 wallets, and 3 are possible; an owner has any number"):
        await store.create("shop", ["pay"], Binding(wallets=[4]))
    with pytest.raises(KeyRefused, match="bound to 2 owners, and 1 are possible"):
        await store.create("shop", ["pay"], Binding(owners=["bob"]))
    listed = (await store.list(SECRET))[0].bound
    assert listed is not None and len(listed.wallets) == 3 and listed.owners == ("ann",)


async def test_a_key_from_outside_exists_with_every_scope_and_stays_revoked(database_url: str, pool: Pool) -> None:
    store = KeyStore(pool)
    connection = await connect(database_url, name="test")
    assert not await has_keys(connection)
    for _ in range(2):
        await ensure_bootstrap_key(connection, "given")
    found = (await store.find([key_hash("given")]))[key_hash("given")]
    assert found.scopes == set(SCOPES) and await has_keys(connection)
    (listed,) = await store.list(SECRET)
    assert listed.name == BOOTSTRAP and await store.revoke(listed.id)
    await ensure_bootstrap_key(connection, "given")
    assert await store.find([key_hash("given")]) == {} and not await has_keys(connection)
    await connection.close()
