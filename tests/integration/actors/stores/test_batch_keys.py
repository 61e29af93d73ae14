"""A key of a batch is bound to what was sent first under it, until its time is over; one caller at a time has its turn."""

import asyncio

import pytest

from actors.database.pool import Pool, StoreUnavailable
from actors.stores import batch_keys
from actors.stores.batch_keys import BatchKeyStore, Bound, KeyInUse, turn_of_key

KEY, DIGEST, ANOTHER = b"k" * 16, b"d" * 16, b"e" * 16


async def _age(pool: Pool, key: bytes, interval: str) -> None:
    async with pool.session() as session:
        await session.execute(f"UPDATE batch_key SET used_at = now() - interval '{interval}' WHERE key = $1", key)


async def _keys(pool: Pool) -> int:
    async with pool.session() as session:
        count: int = await session.fetchval("SELECT count(*) FROM batch_key")
    return count


async def test_a_key_stands_for_the_batch_that_came_first(pool: Pool, account: int, other: int) -> None:
    store = BatchKeyStore(pool)
    assert await store.use(account, KEY, DIGEST) and await store.use(account, KEY, DIGEST)
    assert not await store.use(account, KEY, ANOTHER)
    assert await store.use(account, KEY, DIGEST), "a refused batch takes no key over"
    assert await store.use(other, KEY, ANOTHER), "keys of accounts are apart"


async def test_of_batches_at_once_under_one_key_one_is_taken(pool: Pool, account: int) -> None:
    store = BatchKeyStore(pool)
    taken = await asyncio.gather(*(store.use(account, KEY, bytes([n] * 16)) for n in range(20)))
    assert sum(taken) == 1


async def test_what_was_recorded_is_answered_to_whoever_comes_again(pool: Pool, account: int, other: int) -> None:
    store = BatchKeyStore(pool)
    assert await store.bound(account, KEY, DIGEST) == Bound(True, None)
    await store.record(account, KEY, b"")
    await store.record(other, KEY, b"of nobody")
    assert await store.bound(account, KEY, DIGEST) == Bound(True, b"")
    assert await store.bound(account, KEY, ANOTHER) == Bound(False, b"")


async def test_a_key_whose_change_was_refused_is_free_but_not_one_that_was_answered(pool: Pool, account: int) -> None:
    store = BatchKeyStore(pool)
    await store.use(account, KEY, DIGEST)
    await store.release(account, KEY)
    assert await store.use(account, KEY, ANOTHER)
    await store.record(account, KEY, b"done")
    await store.release(account, KEY)
    assert await store.bound(account, KEY, DIGEST) == Bound(False, b"done")


@pytest.mark.parametrize(("age", "new"), [("23 hours", False), ("25 hours", True)])
async def test_a_key_whose_time_is_over_is_new(pool: Pool, account: int, age: str, new: bool) -> None:
    store = BatchKeyStore(pool)
    await store.use(account, KEY, DIGEST)
    await store.record(account, KEY, b"done")
    await _age(pool, KEY, age)
    assert await store.bound(account, KEY, ANOTHER) == (Bound(True, None) if new else Bound(False, b"done"))


async def test_keys_whose_time_is_over_are_forgotten_now_and_then(
    pool: Pool, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_keys, "FORGET_EVERY", 4)
    store = BatchKeyStore(pool)
    for old in (b"a" * 16, b"b" * 16):
        await store.use(account, old, DIGEST)
        await _age(pool, old, "25 hours")
    await store.use(account, KEY, DIGEST)
    assert await _keys(pool) == 3
    await store.use(account, KEY, DIGEST)
    assert await _keys(pool) == 1


async def test_keys_whose_time_is_over_are_forgotten_by_time_too_however_many_there_are(
    pool: Pool, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_keys, "FORGOTTEN_MAX", 2)
    monkeypatch.setattr(batch_keys, "FORGET_EVERY_S", 0.01)
    store = BatchKeyStore(pool)
    following = asyncio.create_task(store.follow())
    await store.use(account, KEY, DIGEST)
    for old in (b"a" * 16, b"b" * 16, b"c" * 16, b"d" * 16, b"e" * 16):
        await store.use(account, old, DIGEST)
        await store.record(account, old, b"whom it names")
        await _age(pool, old, "25 hours")
    async with asyncio.timeout(60):
        while await _keys(pool) > 1:
            await asyncio.sleep(0.01)
    following.cancel()


async def test_one_caller_at_a_time_has_the_turn_of_a_key(database_url: str) -> None:
    async with turn_of_key(database_url, 1, KEY, 5):
        with pytest.raises(KeyInUse):
            async with turn_of_key(database_url, 1, KEY, 0.05):
                raise AssertionError("two at once")
        async with turn_of_key(database_url, 2, KEY, 0.05), turn_of_key(database_url, 1, b"x" * 16, 0.05):
            pass
        waiting = asyncio.create_task(_turn(database_url))
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 60)


async def _turn(url: str) -> None:
    async with turn_of_key(url, 1, KEY, 5):
        pass


async def test_the_turn_ends_with_an_error_of_the_change(database_url: str) -> None:
    with pytest.raises(ZeroDivisionError):
        async with turn_of_key(database_url, 1, KEY, 1):
            raise ZeroDivisionError
    async with turn_of_key(database_url, 1, KEY, 0.05):
        pass


async def test_a_database_that_is_away_is_no_key_in_use(database_url: str) -> None:
    with pytest.raises(StoreUnavailable):
        async with turn_of_key("postgresql://nobody@127.0.0.1:9/none", 1, KEY, 0.05):
            raise AssertionError("no database, no turn")
