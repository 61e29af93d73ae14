"""Secret and number of shards are fixed by whoever serves a database first; segments are given out once each."""

import asyncio

import asyncpg
import pytest

from actors.database.connection import connect
from actors.journal.interface import JournalUnavailable
from actors.records.secret import SECRET_BYTES, Secret
from actors.stores.rule_packs import PackFacts, ensure_default
from actors.stores.topology import ClusterFacts, SegmentStore, ShardCountDiffers, cluster_facts, cluster_secret
from rules.decisions.decision import Action, Fallback

FACTS = PackFacts(name="p", hash="00", rules=("a", "b"), live=(True, False), reasons=(), fallback=Action.REVIEW)


async def test_the_first_to_serve_a_database_fixes_its_facts(database_url: str) -> None:
    first = await cluster_facts(database_url, 3)
    assert len(first.secret) == SECRET_BYTES and first.shards == 3
    assert await cluster_facts(database_url, None, default=7) == first == await cluster_facts(database_url, 3)
    with pytest.raises(ShardCountDiffers, match="made for 3 shards, not 4; leave --shards out"):
        await cluster_facts(database_url, 4)
    assert await cluster_secret(database_url) == Secret.of(first.secret)


@pytest.mark.parametrize(("shards", "default", "kept"), [(None, 1, 1), (None, 5, 5), (2, 5, 2)])
async def test_the_number_of_shards_is_the_one_named_or_the_default(
    database_url: str, shards: int | None, default: int, kept: int
) -> None:
    assert (await cluster_facts(database_url, shards, default)).shards == kept


async def test_all_who_come_first_at_once_agree(database_url: str) -> None:
    found = await asyncio.gather(*(cluster_facts(database_url, None, n) for n in range(1, 5)))
    assert len(set(found)) == 1 and isinstance(found[0], ClusterFacts)


async def test_segments_are_claimed_once_each_and_read_by_all(database_url: str) -> None:
    stores = [SegmentStore(database_url) for _ in range(2)]
    assert await stores[0].owners() == {}
    await asyncio.gather(*(store.claim(shard) for shard, store in enumerate(stores) for _ in range(5)))
    owners = await stores[0].owners()
    assert owners == await stores[1].owners() and sorted(owners) == list(range(1, 11))
    assert sorted(owners.values()) == [0] * 5 + [1] * 5
    for store in stores:
        await store.close()


async def test_on_another_timeline_what_was_claimed_is_closed_and_numbers_are_left_out(database_url: str) -> None:
    store, connection = SegmentStore(database_url), await connect(database_url, name="test")
    await store.claim(0)
    await store.claim(1)
    assert await store.closed() == frozenset()
    await connection.execute("UPDATE segment SET timeline = timeline - 1")
    assert await store.closed() == {1, 2}
    await store.claim(1)
    await store.claim(0)
    assert await store.owners() == {1: 0, 2: 1, 259: 1, 260: 0}, "what was claimed and lost is not claimed again"
    assert await store.closed() == {1, 2}
    await connection.close()
    await store.close()


async def test_the_fallback_is_that_of_the_pack_that_is_live(database_url: str) -> None:
    store = SegmentStore(database_url)
    assert await store.fallback() is None, "no pack yet"
    connection = await connect(database_url, name="test")
    await ensure_default(connection, "text", FACTS)
    assert await store.fallback() == Fallback(Action.REVIEW, 1, 1)
    await connection.close()
    await store.close()


async def test_a_session_that_ended_is_one_error_and_is_replaced(database_url: str) -> None:
    store = SegmentStore(database_url)
    await store.claim(4)
    administrator = await asyncpg.connect(database_url)
    gone = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'shardpay-topology'"
    assert await administrator.fetchval(gone)
    await administrator.close()
    try:
        found = await store.owners()
    except JournalUnavailable:  # the client may not have heard yet that its session ended
        found = await store.owners()
    assert found == {1: 4}
    await store.close()


async def test_a_database_that_is_away_is_the_journal_that_is_away() -> None:
    store = SegmentStore("postgresql://nobody@127.0.0.1:9/none")
    for asked in (store.owners(), store.claim(0), store.fallback()):
        with pytest.raises(JournalUnavailable, match="topology"):
            await asked
    await store.close()
