"""What can go wrong between a shard and PostgreSQL: ended sessions, late answers, failovers, a server that would lose commits."""

import asyncio
import contextlib
import functools
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from actors.database import embedded
from actors.database.connection import SQL, UnsafeDatabase, migrate
from actors.journal.interface import (
    Block,
    BlockConflict,
    Journal,
    JournalRewound,
    JournalUnavailable,
    OutcomeUnknown,
)
from actors.journal.postgres import NUMBER_MAX, PostgresJournal, writer_name
from actors.records.blocks import block_hash
from tests.journal_blocks import NEW, OLD, blocks, read, stored
from tests.slow_link import slow_link

LINK_BYTES_PER_S = 12_000_000


@pytest.fixture
async def administrator(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def journal(database_url: str) -> AsyncIterator[PostgresJournal]:
    journal = PostgresJournal(database_url, shard=1, writer=OLD, append_timeout_s=1.0)
    yield journal
    await journal.close()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():  # each look is a round trip to the server
            pass


async def writer_pid(administrator: Any) -> int | None:
    pid: int | None = await administrator.fetchval(
        "SELECT pid FROM pg_stat_activity WHERE application_name = $1", writer_name(1, OLD)
    )
    return pid


async def store(journal: Journal, batch: list[Block]) -> None:
    """Send the same bytes until they are there, as a shard does."""
    async with asyncio.timeout(30):
        while True:
            try:
                await journal.append(batch)
            except BlockConflict:
                return
            except (OutcomeUnknown, JournalUnavailable):
                await asyncio.sleep(0)
            else:
                return


async def test_a_session_ended_during_an_append_leaves_all_or_nothing(
    journal: PostgresJournal, administrator: Any
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    outcomes = {"stored": 0, "nothing": 0}
    number = 0
    for _ in range(40):
        await store(journal, blocks(number, 1))
        batch = blocks(number + 1, choose.choice([1, 20, 300]), size=8_000)
        batch[0] = Block(
            shard=1,
            number=number + 1,
            records=b"x",
            details=None,
            references=((1, number + 1),) * choose.randrange(2),
        )
        pid = await writer_pid(administrator)
        append = asyncio.create_task(journal.append(batch))
        for _ in range(choose.randrange(12)):
            await asyncio.sleep(0)
        await administrator.execute("SELECT pg_terminate_backend($1)", pid)
        [error] = await asyncio.gather(append, return_exceptions=True)
        assert error is None or isinstance(error, OutcomeUnknown), repr(error)
        await until(functools.partial(_gone, administrator, pid))
        found = await journal.read(1, number + 1, 1_000)
        assert len(found) in (0, len(batch))
        assert found or error is not None, "a commit that was answered is lost"
        assert (number + 1 in await journal.references(1)) == bool(found and batch[0].references)
        outcomes["stored" if found else "nothing"] += 1
        await store(journal, batch)
        assert [block.number for block in await journal.read(1, number, 1_000)] == list(
            range(number, number + 1 + len(batch))
        )
        number += 1 + len(batch)
    print(outcomes)


async def _gone(administrator: Any, pid: int | None) -> bool:
    return not await administrator.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", pid)


async def test_a_server_that_does_not_answer_in_time_leaves_the_outcome_unknown(
    database_url: str, administrator: Any
) -> None:
    journal = PostgresJournal(database_url, shard=1, writer=OLD, append_timeout_s=0.2)
    await journal.append(blocks(0, 1))
    pid = await writer_pid(administrator)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(OutcomeUnknown):
            await journal.append(blocks(1, 1))
    finally:
        os.kill(pid, signal.SIGCONT)
    await store(journal, blocks(1, 1))
    assert await stored(journal) == blocks(0, 2)
    assert await writer_pid(administrator) != pid
    await journal.close()


async def test_the_time_limit_of_an_append_follows_its_size(database_url: str) -> None:
    """12 MB over a link of 12 MB/s, where a base of 0.4 s alone would give up, and be wrong for ever."""
    async with slow_link(database_url, LINK_BYTES_PER_S) as link:
        journal = PostgresJournal(link.url, shard=1, writer=OLD, append_timeout_s=0.4)
        written = blocks(0, 8, details=random.Random(1).randbytes(1_500_000))
        await journal.append(written)
        assert 12_000_000 < link.sent < 12_500_000
        await journal.close()
    journal = PostgresJournal(database_url, shard=1, writer=OLD)
    assert await stored(journal) == written
    await journal.close()


async def test_whoever_reads_records_waits_for_no_details(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Details of 2.7 MB a block, the most there can be, over a link that would take 4.5 s for them."""
    monkeypatch.setattr("actors.journal.postgres.READ_TIMEOUT_S", 1.0)
    fast = PostgresJournal(database_url, shard=1, writer=OLD)
    written = blocks(0, 20, size=8_000, details=random.Random(1).randbytes(2_700_000))
    await fast.append(written)
    await fast.close()
    async with slow_link(database_url, LINK_BYTES_PER_S) as link:
        journal = PostgresJournal(link.url, shard=1, writer=OLD)
        assert await journal.read(1, 0, 512) == read(written)
        assert await journal.head(1) == read(written)[-1]
        assert await journal.block(1, 3) == read(written)[3]
        assert [block async for page in journal.scan(1, 0) for block in page] == [(*b, None) for b in read(written)]
        assert link.received < 500_000
        await journal.close()


async def test_a_key_that_another_session_holds_back_is_reported_as_busy(database_url: str, administrator: Any) -> None:
    journal = PostgresJournal(database_url, shard=1, writer=OLD, append_timeout_s=0.5)
    async with administrator.transaction():
        await administrator.execute("INSERT INTO journal (shard, block, records) VALUES (1, 0, 'other')")
        with pytest.raises(JournalUnavailable):
            await journal.append(blocks(0, 2))
        assert await journal.head(1) is None
    await journal.close()
    patient = PostgresJournal(database_url, shard=1, writer=OLD)
    with pytest.raises(BlockConflict):
        await patient.append(blocks(0, 2))
    await patient.close()


async def test_a_read_does_not_wait_behind_an_append(journal: PostgresJournal, administrator: Any) -> None:
    await journal.append(blocks(0, 1))
    pid = await writer_pid(administrator)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    append = asyncio.create_task(journal.append(blocks(1, 1)))
    try:
        assert await journal.head(1) == read(blocks(0, 1))[0]
        assert not append.done()
    finally:
        os.kill(pid, signal.SIGCONT)
    await append


async def test_a_cancelled_append_gives_up_its_session(journal: PostgresJournal, administrator: Any) -> None:
    await journal.append(blocks(0, 1))
    pid = await writer_pid(administrator)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    append = asyncio.create_task(journal.append(blocks(1, 1)))
    try:
        await asyncio.sleep(0)
        append.cancel()
        with pytest.raises(asyncio.CancelledError):
            await append
    finally:
        os.kill(pid, signal.SIGCONT)
    await store(journal, blocks(1, 1))
    assert await stored(journal) == blocks(0, 2)


async def test_an_error_that_is_not_the_journals_own_goes_up(journal: PostgresJournal, administrator: Any) -> None:
    taken = Block(shard=1, number=0, records=b"x", details=None, references=((1, 2), (1, 2)))
    with pytest.raises(asyncpg.UniqueViolationError):
        await journal.append([taken])
    assert await stored(journal) == []
    await administrator.execute("ALTER TABLE journal RENAME TO elsewhere")
    with pytest.raises(asyncpg.UndefinedTableError):
        await journal.append(blocks(0, 1))


@pytest.mark.parametrize("state", ["53100", "53200", "58030", "25006"])
async def test_a_server_without_room_stores_the_same_blocks_once_it_has_some(
    journal: PostgresJournal, administrator: Any, state: str
) -> None:
    """Its disk is full, its memory, its disk fails, it is read-only: it says so of each append until somebody mends it."""
    await store(journal, blocks(0, 1))
    await administrator.execute(
        f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE 'no room' USING ERRCODE = '{state}'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION refuse()"""
    )
    for _ in range(2):
        with pytest.raises((OutcomeUnknown, JournalUnavailable), match="no room"):
            await journal.append(blocks(1, 1))
        assert await stored(journal) == blocks(0, 1)
    await administrator.execute("DROP TRIGGER refuse ON journal")
    await journal.append(blocks(1, 1))
    assert await stored(journal) == blocks(0, 2)


async def test_a_database_that_is_made_read_only_is_waited_for(journal: PostgresJournal, administrator: Any) -> None:
    name = await administrator.fetchval("SELECT current_database()")
    await administrator.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with pytest.raises((OutcomeUnknown, JournalUnavailable), match="read-only"):
        await journal.append(blocks(0, 1))
    await administrator.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    await journal.append(blocks(0, 1))
    assert await stored(journal) == blocks(0, 1)


async def test_a_user_whom_the_server_does_not_let_in_is_waited_for(database_url: str) -> None:
    """As after its password was changed: a session that ends is not given again until somebody mends it."""
    journal = PostgresJournal(database_url.replace("postgres@", "nobody@"), shard=1, writer=OLD)
    with pytest.raises(JournalUnavailable, match="nobody"):
        await journal.append(blocks(0, 1))
    with pytest.raises(JournalUnavailable, match="nobody"):
        await journal.head(1)


async def test_a_lost_session_is_replaced_at_the_next_use(journal: PostgresJournal, administrator: Any) -> None:
    await journal.append(blocks(0, 1))
    await journal.head(1)
    await administrator.execute(
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name ~ '^shardpay-'"
    )
    with contextlib.suppress(JournalUnavailable):  # the client may not have heard yet: at most one call fails
        await journal.head(1)
    assert await journal.head(1) == read(blocks(0, 1))[0]
    await store(journal, blocks(1, 1))
    assert await stored(journal) == blocks(0, 2)


@pytest.mark.parametrize("another", [False, True], ids=["a hole", "another's block"])
async def test_a_writer_whose_blocks_a_failover_lost_appends_nothing(
    journal: PostgresJournal, administrator: Any, another: bool
) -> None:
    await journal.append(blocks(0, 2))
    newest = read(blocks(1, 1))[0].number
    await administrator.execute("DELETE FROM journal WHERE shard = 1 AND block = $1", newest)
    if another:
        row = "INSERT INTO journal (shard, block, records) VALUES (1, $1, 'x')"
        await administrator.execute(row, newest)
    await administrator.execute(
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name ~ '^shardpay-'"
    )
    for _ in range(2):  # the client may not have heard yet that its session ended
        with pytest.raises((JournalUnavailable, OutcomeUnknown, JournalRewound)) as caught:
            await journal.append(blocks(2, 1))
        if caught.type is JournalRewound:
            break
    assert caught.type is JournalRewound
    assert await administrator.fetchval("SELECT max(block) FROM journal WHERE shard = 1") == newest - (not another)


@pytest.mark.parametrize("there", [None, b"another's", b"r" * 50], ids=["a hole", "another's block", "its own"])
async def test_a_new_session_appends_only_to_the_block_that_the_writer_knows(
    journal: PostgresJournal, administrator: Any, there: bytes | None
) -> None:
    if there is not None:
        await administrator.execute("INSERT INTO journal (shard, block, records) VALUES (1, 7, $1)", there)
    (block,) = blocks(8, 1)
    block = msgspec.structs.replace(block, previous=block_hash(b"r" * 50))
    if there == b"r" * 50:
        await journal.append([block])
        return
    with pytest.raises(JournalRewound, match="block 7 of shard 1"):
        await journal.append([block])
    assert await administrator.fetchval("SELECT max(block) FROM journal WHERE shard = 1 AND block > 7") is None


async def test_a_takeover_ends_the_older_sessions_of_this_shard_only(database_url: str, administrator: Any) -> None:
    keys = [(1, OLD), (1, NEW), (11, OLD)]
    journals = [PostgresJournal(database_url, shard=shard, writer=writer) for shard, writer in keys]
    for (shard, _), journal, number in zip(keys, journals, range(3), strict=True):
        await journal.append(blocks(number, 1, shard=shard))
    await journals[1].takeover(1, NEW)
    names = await administrator.fetch(
        "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
    )
    left = {row[0] for row in names if row[0].startswith("shardpay-shard-")}
    assert left == {writer_name(1, NEW), writer_name(11, OLD)}
    for journal in journals:
        await journal.close()


async def test_an_unreachable_server_is_unavailable(tmp_path: Path) -> None:
    journal = PostgresJournal(f"postgresql://postgres@/postgres?host={tmp_path}", shard=1, writer=OLD)
    with pytest.raises(JournalUnavailable):
        await journal.append(blocks(0, 1))
    with pytest.raises(JournalUnavailable):
        await journal.head(1)
    with pytest.raises(JournalUnavailable):
        await anext(aiter(journal.scan(1, 0)))
    await journal.close()


async def test_a_scan_whose_session_ends_is_cut_off(database_url: str) -> None:
    journal = PostgresJournal(database_url, shard=1, writer=OLD)
    await journal.append(blocks(0, 3_000, size=8_000))
    scan = journal.scan(1, 0)
    assert (await anext(scan))[0][0] == 0
    administrator = await asyncpg.connect(database_url)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'shardpay-read-%-scan'"
    assert await administrator.fetchval(ended)
    with pytest.raises(JournalUnavailable):
        async for _ in scan:
            pass
    await administrator.close()
    await journal.close()


async def test_commits_survive_a_server_that_is_killed_and_restarted(server_place: Path) -> None:
    server = embedded.start(server_place)
    await migrate(server.url)
    journal = PostgresJournal(server.url, shard=1, writer=OLD)
    await journal.append(blocks(0, 300, size=8_000))
    append = asyncio.create_task(journal.append(blocks(300, 300, size=8_000)))
    await asyncio.sleep(0)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    [error] = await asyncio.gather(append, return_exceptions=True)
    assert error is None or isinstance(error, OutcomeUnknown), repr(error)
    while server.is_alive():  # the signal takes its time
        pass
    assert await asyncio.to_thread(server.restart_if_dead)
    assert len(await stored(journal)) in ((600,) if error is None else (300, 600))
    await store(journal, blocks(300, 300, size=8_000))
    assert await stored(journal) == blocks(0, 600, size=8_000)
    await journal.close()
    await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit"])
async def test_a_server_that_would_lose_commits_is_refused_unless_asked_for(
    database_url: str, postgres_url: str, administrator: Any, setting: str
) -> None:
    async def value() -> str:
        fresh = await asyncpg.connect(database_url)
        try:
            return str(await fresh.fetchval(f"SHOW {setting}"))
        finally:
            await fresh.close()

    async def is_set_to(wanted: str) -> bool:
        return await value() == wanted

    refused = PostgresJournal(database_url, shard=1, writer=OLD)
    allowed = PostgresJournal(database_url, shard=1, writer=NEW, allow_unsafe=True)
    await administrator.execute(f"ALTER SYSTEM SET {setting} = off")
    await administrator.execute("SELECT pg_reload_conf()")
    try:
        await until(lambda: is_set_to("off"))
        with pytest.raises(UnsafeDatabase, match=setting):
            await refused.append(blocks(0, 1))
        assert await stored(allowed) == []
        await allowed.append(blocks(0, 1))
    finally:
        await administrator.execute(f"ALTER SYSTEM RESET {setting}")
        await administrator.execute("SELECT pg_reload_conf()")
        await until(lambda: is_set_to("on"))
    await refused.append(blocks(1, 1))
    await refused.close()
    await allowed.close()


async def test_an_old_server_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.database.connection.SERVER_VERSION_MIN", 99)
    journal = PostgresJournal(database_url, shard=1, writer=OLD)
    with pytest.raises(UnsafeDatabase, match="too old"):
        await journal.append(blocks(0, 1))
    await journal.close()


async def test_reads_go_along_the_key_whatever_the_planner_thinks(journal: PostgresJournal) -> None:
    """With 100,000 fresh blocks of 8 KB and no statistics it would sort them all for each page of a scan."""
    await journal.head(1)
    for method in ("seqscan", "bitmapscan", "sort"):
        assert await journal._reader.fetchval(f"SHOW enable_{method}") == "off"
    plan = await journal._reader.fetch(f"EXPLAIN {SQL['journal_read']}", 1, 0, NUMBER_MAX, 2_000)
    assert "Index Scan using journal_pkey" in plan[1][0], plan
