"""Statements have as long as their bytes take; a database that is away is one error, and a deadlock is tried again."""

import asyncio
import contextlib
from random import Random
from typing import Any

import asyncpg
import pytest

from actors.database.pool import (
    DEADLOCK_TRIES,
    SESSIONS_MAX,
    SQL,
    Deadlock,
    Pool,
    StoreUnavailable,
    size_of,
    without_deadlock,
)
from actors.stores.rule_packs import PackFacts, PackStore
from rules.decisions.decision import Action
from tests.slow_link import slow_link

LINK_BYTES_PER_S = 12_000_000
FACTS = PackFacts(name="large", hash="00" * 32, rules=(), live=(), reasons=(), fallback=Action.APPROVE)


async def test_the_time_limit_of_a_statement_follows_its_size_in_both_directions(database_url: str) -> None:
    """6 MB over a link of 12 MB/s, where a base of 0.3 s alone would give up, and give up again at each try."""
    files = {"list.txt": Random(1).randbytes(3_000_000).hex()}
    async with slow_link(database_url, LINK_BYTES_PER_S) as link:
        pool = await Pool.open(link.url, name="test", timeout_s=0.3)
        async with pool.session() as session:
            account = await session.fetchval(SQL["key_account"], "tests")
        store = PackStore(pool)
        await store.add_pack("text", files, FACTS, account, None)
        assert link.sent > 6_000_000
        stored = await store.pack("large")
        assert stored is not None and stored.files == files
        assert link.received > 6_000_000
        assert (await store.pack_of_text("large", "text", files)) == stored
        await pool.close()


@pytest.mark.parametrize(
    ("value", "size"), [(b"12345", 5), ("abc", 3), (7, 8), (None, 8), ([], 0), ([b"12", ["abc", 1], ()], 2 + 3 + 8)]
)
def test_the_size_of_a_value_is_about_that_of_its_bytes(value: Any, size: int) -> None:
    assert size_of(value) == size


async def test_a_database_that_is_away_is_one_error_and_one_that_is_back_is_used_again(database_url: str) -> None:
    away = await Pool.open("postgresql://nobody@127.0.0.1:9/none", name="test", timeout_s=1.0)
    with pytest.raises(StoreUnavailable):
        await away.fetchval("pool_check")
    await away.close()
    pool, administrator = await Pool.open(database_url, name="test-pool"), await asyncpg.connect(database_url)
    assert await pool.fetchval("pool_check") == 1
    ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'test-pool'"
    assert await administrator.fetchval(ended)
    with contextlib.suppress(StoreUnavailable):  # the client may not have heard yet: at most one call fails
        await pool.fetchval("pool_check")
    assert await pool.fetchval("pool_check") == 1
    await administrator.close()
    await pool.close()


async def test_a_session_that_is_lost_within_a_transaction_is_a_database_that_is_away(database_url: str) -> None:
    """The pool takes a lost session back at once; that it answers nothing any more is no error of the statement."""
    pool, administrator = await Pool.open(database_url, name="test"), await asyncpg.connect(database_url)
    for again in range(2):
        with pytest.raises(StoreUnavailable):
            async with pool.session() as session, session.transaction():
                process = await session.fetchval("SELECT pg_backend_pid()")
                await administrator.execute("SELECT pg_terminate_backend($1, 5000)", process)
                await asyncio.sleep(0.05 * again)  # known already, or met by the statement
                await session.execute("SELECT 1")
    assert await pool.fetchval("pool_check") == 1
    await pool.close()
    await administrator.close()


@pytest.mark.parametrize("state", ["53100", "58030", "25006"])
async def test_a_server_without_room_or_made_read_only_is_a_database_that_is_away(
    database_url: str, state: str
) -> None:
    pool = await Pool.open(database_url, name="test")
    with pytest.raises(StoreUnavailable, match="no room"):
        async with pool.session() as session:
            await session.execute(f"DO $$ BEGIN RAISE 'no room' USING ERRCODE = '{state}'; END $$")
    assert await pool.fetchval("pool_check") == 1
    await pool.close()


async def test_a_statement_that_takes_too_long_is_given_up_and_its_session_serves_others(database_url: str) -> None:
    pool = await Pool.open(database_url, name="test", timeout_s=0.2)
    for _ in range(SESSIONS_MAX + 1):
        with pytest.raises(StoreUnavailable):
            async with pool.session() as session:
                await session.execute("SELECT pg_sleep(30)")
        assert await pool.fetchval("pool_check") == 1
    await pool.close()


async def test_an_error_of_the_statement_or_its_values_is_no_database_that_is_away(database_url: str) -> None:
    pool = await Pool.open(database_url, name="test")
    async with pool.session() as session:
        with pytest.raises(asyncpg.UndefinedTableError):
            await session.execute("SELECT * FROM nowhere")
    with pytest.raises(asyncpg.InterfaceError):
        await pool.fetch("segment_owners", 1, 2, 3)
    with pytest.raises(KeyError):
        await pool.fetch("no_such_statement")
    assert await pool.segment_owners() == {}
    await pool.close()


async def test_of_a_circle_of_transactions_all_are_done_in_the_end(database_url: str) -> None:
    pool = await Pool.open(database_url, name="test")
    async with pool.session() as session:
        await session.execute(
            "CREATE TABLE pair (n int PRIMARY KEY, count int); INSERT INTO pair VALUES (1, 0), (2, 0)"
        )
        name = await session.fetchval("SELECT quote_ident(current_database())")
        await session.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '20ms'")
    await pool.close()
    pool = await Pool.open(database_url, name="test")
    both, done, tries = asyncio.Barrier(2), asyncio.Event(), [0, 0]

    async def change(mine: int, order: tuple[int, int]) -> None:
        tries[mine] += 1
        if tries[mine] > 1:
            await done.wait()
        async with pool.session() as session, session.transaction():
            await session.execute("UPDATE pair SET count = count + 1 WHERE n = $1", order[0])
            if tries[mine] == 1:
                await both.wait()
            await session.execute("UPDATE pair SET count = count + 1 WHERE n = $1", order[1])
        done.set()

    await asyncio.gather(without_deadlock(lambda: change(0, (1, 2))), without_deadlock(lambda: change(1, (2, 1))))
    async with pool.session() as session:
        assert [tuple(row) for row in await session.fetch("SELECT n, count FROM pair ORDER BY n")] == [(1, 2), (2, 2)]
    assert sorted(tries) == [1, 2], "one of them was ended and came again"
    await pool.close()


async def test_a_deadlock_that_does_not_end_is_an_error_after_so_many_tries() -> None:
    tried: list[int] = []

    async def always() -> None:
        tried.append(1)
        raise Deadlock("again")

    with pytest.raises(Deadlock):
        await without_deadlock(always)
    assert len(tried) == DEADLOCK_TRIES
