"""A session speaks for a key until it ends, and no longer than the key works; of its token only the hash is kept."""

from datetime import timedelta

import pytest

from actors.database.pool import Pool
from actors.stores.api_keys import CreatedKey, KeyStore, key_hash
from actors.stores.console_sessions import LIFE_S, SESSIONS_OF_KEY_MAX, ConsoleSessions


@pytest.fixture
async def key(pool: Pool) -> CreatedKey:
    return await KeyStore(pool).create("ops", ["read"])


async def _run(pool: Pool, statement: str) -> None:
    async with pool.session() as session:
        await session.execute(statement)


async def test_a_session_speaks_for_its_key_and_its_account(pool: Pool, key: CreatedKey) -> None:
    sessions = ConsoleSessions(pool, KeyStore(pool))
    tokens = [await sessions.open(key.key) for _ in range(2)]
    assert None not in tokens and tokens[0] != tokens[1] and len(tokens[0] or "") >= 40
    hashes = [key_hash(token) for token in tokens if token]
    found = await sessions.find([*hashes, key_hash("guessed")])
    assert found.keys() == set(hashes)
    principals = await KeyStore(pool).find([key_hash(key.key)])
    assert {(each.name, each.principal) for each in found.values()} == {("ops", principals[key_hash(key.key)])}


async def test_nothing_that_signs_in_is_kept(pool: Pool, key: CreatedKey) -> None:
    token = await ConsoleSessions(pool, KeyStore(pool)).open(key.key)
    async with pool.session() as session:
        rows = await session.fetch("SELECT * FROM console_session")
    assert token and len(rows) == 1 and token not in str(rows) and rows[0]["hash"] == key_hash(token)
    left = await pool._pool.fetchval("SELECT extract(epoch FROM expires_at - now()) FROM console_session")
    assert LIFE_S - 60 < left <= LIFE_S


@pytest.mark.parametrize("wrong", ["", "sp_nobody", "\udcff"])
async def test_a_key_that_does_not_work_signs_nobody_in(pool: Pool, wrong: str) -> None:
    assert await ConsoleSessions(pool, KeyStore(pool)).open(wrong) is None


async def test_a_session_ends_with_its_key_its_time_or_at_once(pool: Pool, key: CreatedKey) -> None:
    keys = KeyStore(pool)
    sessions = ConsoleSessions(pool, keys)
    token, expired = await sessions.open(key.key), await sessions.open(key.key)
    assert token and expired
    await _run(pool, f"UPDATE console_session SET expires_at = now() WHERE hash = '\\x{key_hash(expired).hex()}'")
    assert (await sessions.find([key_hash(token), key_hash(expired)])).keys() == {key_hash(token)}
    await sessions.close(token)
    await sessions.close(token)
    assert await sessions.find([key_hash(token)]) == {}
    again = await sessions.open(key.key)
    assert again and await keys.revoke(key.id)
    assert await sessions.find([key_hash(again)]) == {} and await sessions.open(key.key) is None


async def test_a_key_that_was_rotated_takes_its_sessions_with_it(pool: Pool, key: CreatedKey) -> None:
    sessions = ConsoleSessions(pool, KeyStore(pool))
    token = await sessions.open(key.key)
    assert token
    await KeyStore(pool).rotate(key.id, timedelta(0))
    assert await sessions.find([key_hash(token)]) == {} and await sessions.open(key.key) is None


async def test_the_oldest_sessions_of_a_key_give_way_and_those_of_others_stay(pool: Pool, key: CreatedKey) -> None:
    sessions, keys = ConsoleSessions(pool, KeyStore(pool)), KeyStore(pool)
    alone = await sessions.open((await keys.create("other", ["read"])).key)
    tokens = [await sessions.open(key.key) for _ in range(SESSIONS_OF_KEY_MAX + 3)]
    found = await sessions.find([key_hash(token or "") for token in (*tokens, alone)])
    assert found.keys() == {key_hash(token or "") for token in (*tokens[3:], alone)}
