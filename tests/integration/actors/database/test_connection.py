"""Statements, migrations, the cluster lock and what a cluster agrees on once."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from actors.database import connection as connection_module
from actors.database import embedded
from actors.database.connection import (
    _LOCK_CLASS,
    _MIGRATION_LOCK,
    KEEPALIVE,
    SQL,
    SQL_DIRECTORY,
    ClusterLock,
    DatabaseInUse,
    MigrationRefused,
    UnsafeDatabase,
    allocate_segment,
    cluster_value,
    connect,
    load_migrations,
    migrate,
    parse_queries,
)
from actors.database.pool import Pool
from tests.conftest import new_database


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """A directory with the real migrations and one more, to be changed by tests."""
    for file in (SQL_DIRECTORY / "migrations").glob("*.sql"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    further = len(load_migrations(tmp_path)) + 1
    (tmp_path / f"{further:04}_further.sql").write_text("CREATE TABLE further (n int);")
    return tmp_path


def rewrite(directory: Path, name: str, text: str) -> None:
    [file] = directory.glob(f"{name}*.sql")
    file.write_text(text)


def test_statements_are_found_by_name() -> None:
    text = "-- about\n\n-- name: one\n-- why\nSELECT 1\n\n-- name: two\nSELECT\n  2\n"
    assert parse_queries(text) == {"one": "SELECT 1", "two": "SELECT\n  2"}


@pytest.mark.parametrize("text", ["-- name: a\nx\n-- name: a\ny", "-- name: \nx", "-- name: A b\nx"])
def test_a_bad_or_repeated_statement_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="statement name"):
        parse_queries(text)


def test_every_statement_is_used() -> None:
    root = SQL_DIRECTORY.parents[2]
    sources = "".join(path.read_text() for layer in ("actors", "switch") for path in (root / layer).rglob("*.py"))
    defined = {name for file in SQL_DIRECTORY.glob("*.sql") for name in parse_queries(file.read_text())}
    assert set(re.findall(r'SQL\["(\w+)"\]', sources)) <= defined
    assert {name for name in defined if f'"{name}"' not in sources} == set()


async def test_migrating_again_does_nothing(database_url: str, connection: Any) -> None:
    assert await migrate(database_url) == 0
    applied = await connection.fetch("SELECT number, name FROM migration ORDER BY number")
    expected = [(migration.number, migration.name) for migration in load_migrations(SQL_DIRECTORY / "migrations")]
    assert [tuple(row) for row in applied] == expected


async def test_of_many_that_migrate_at_once_one_does_it(database_url: str, migrations: Path) -> None:
    done = await asyncio.gather(*(migrate(database_url, directory=migrations) for _ in range(6)))
    assert sorted(done) == [0, 0, 0, 0, 0, 1]


async def test_a_changed_migration_is_refused(database_url: str, connection: Any, migrations: Path) -> None:
    rewrite(migrations, "0001", "SELECT 1")
    with pytest.raises(MigrationRefused, match="0001_initial"):
        await migrate(database_url, directory=migrations)
    assert await connection.fetchval("SELECT to_regclass('further')") is None


async def test_a_database_of_a_newer_version_is_refused(database_url: str, migrations: Path) -> None:
    await migrate(database_url, directory=migrations)
    with pytest.raises(MigrationRefused, match="newer"):
        await migrate(database_url)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_does_not_have_every_letter_is_refused(postgres_url: str, encoding: str) -> None:
    made = f"template0 ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C'"
    async with new_database(postgres_url, made) as url:
        with pytest.raises(UnsafeDatabase, match=f"encoded in {encoding}.*UTF8 is needed"):
            await migrate(url)
        session = await asyncpg.connect(url)
        assert await session.fetchval("SELECT to_regclass('migration')") is None
        await session.close()


async def test_a_migration_that_fails_leaves_nothing(database_url: str, connection: Any, migrations: Path) -> None:
    rewrite(migrations, "*_further", "CREATE TABLE further (n int); SELECT 1 / 0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database_url, directory=migrations)
    assert await connection.fetchval("SELECT to_regclass('further')") is None
    rewrite(migrations, "*_further", "CREATE TABLE further (n int);")
    assert await migrate(database_url, directory=migrations) == 1


def test_migrations_are_numbered_without_a_gap(migrations: Path) -> None:
    (migrations / "0999_late.sql").write_text("SELECT 1")
    with pytest.raises(ValueError, match="0999_late"):
        load_migrations(migrations)


async def test_records_are_kept_in_the_row(connection: Any) -> None:
    query = "SELECT attname, attstorage FROM pg_attribute WHERE attrelid = 'journal'::regclass AND attnum > 0"
    storage = {row["attname"]: row["attstorage"] for row in await connection.fetch(query)}
    assert (storage["records"], storage["details"]) == (b"p", b"x")


async def test_a_second_cluster_is_told_who_has_the_database(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.database.connection.CLUSTER_LOCK_WAIT_MS", 50)
    first, second = ClusterLock(database_url), ClusterLock(database_url)
    await first.acquire()
    await first.acquire()
    with pytest.raises(DatabaseInUse, match="this machine, since"):
        await second.acquire()
    assert (first.held(), second.held()) == (True, False)
    await first.release()
    await second.acquire()
    assert (first.held(), second.held()) == (False, True)
    await second.release()


async def test_the_cluster_lock_is_taken_again_after_its_session_was_lost(database_url: str, connection: Any) -> None:
    lock = ClusterLock(database_url)
    await lock.acquire()
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = 'shardpay-serve'"
    )
    async with asyncio.timeout(60):
        while lock.held():
            await connection.fetchval("SELECT 1")
    await lock.acquire()
    assert lock.held()
    await lock.release()


async def _reached_by_tcp(place: Path) -> tuple[embedded.PostgresServer, str]:
    """An embedded server, which by itself has unix sockets alone, and its URL by TCP, at an address of this process."""
    address = f"127.{os.getpid() >> 16 & 0xFF}.{os.getpid() >> 8 & 0xFF}.{os.getpid() & 0xFF or 1}"
    server = await asyncio.to_thread(embedded.start, place)
    connection = await asyncpg.connect(server.url)
    await connection.execute(f"ALTER SYSTEM SET listen_addresses = '{address}'")
    hba = Path(await connection.fetchval("SHOW hba_file"))
    own = hba.with_name("own_hba.conf")
    own.write_text(hba.read_text() + "host all all 127.0.0.0/8 trust\n")
    own.chmod(0o644)
    await connection.execute(f"ALTER SYSTEM SET hba_file = '{own}'")
    await connection.close()
    await asyncio.to_thread(server.stop)
    server = await asyncio.to_thread(embedded.start, place)
    return server, f"postgresql://postgres@{address}/postgres"


async def test_the_server_asks_within_seconds_whether_the_machine_of_a_session_is_still_there(
    server_place: Path,
) -> None:
    server, url = await _reached_by_tcp(server_place)
    try:
        lock = ClusterLock(url)
        await lock.acquire()
        asked = [await lock._connection.fetchval(f"SHOW {name}") for name in KEEPALIVE]
        await lock.release()
        pool = await Pool.open(url, name="shardpay-test")
        async with pool.session() as session:
            asked += [await session.fetchval(f"SHOW {name}") for name in KEEPALIVE]
        await pool.close()
    finally:
        await asyncio.to_thread(server.stop)
    idle, interval, count = (int(value) for value in asked[:3])
    assert idle + interval * count <= 15 and asked[3:] == asked[:3]


async def test_a_lock_whose_session_the_server_ended_while_the_network_was_silent_is_found_lost(
    database_url: str,
) -> None:
    place = parse_qs(urlsplit(database_url).query)["host"][0]
    passing, ends = asyncio.Event(), list[asyncio.StreamWriter]()
    passing.set()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            if passing.is_set():
                sink.write(data)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, to_server = await asyncio.open_unix_connection(f"{place}/.s.PGSQL.5432")
        ends.extend((to_server, writer))
        await asyncio.gather(pump(reader, to_server), pump(upstream, writer))

    listening = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    lock = ClusterLock(f"postgresql://postgres@127.0.0.1:{port}{urlsplit(database_url).path}")
    await lock.acquire()
    await lock.look()
    assert lock.held()
    passing.clear()
    ends[0].close()  # the server's end is gone, and the client does not hear of it
    other = ClusterLock(database_url)
    await other.acquire()
    assert lock.held(), "it says so, and has it no more"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connection_module, "CONNECT_TIMEOUT_S", 0.2)
        await lock.look()
    assert not lock.held()
    await other.release()
    listening.close()
    for each in ends:
        each.close()
        with contextlib.suppress(OSError):
            await each.wait_closed()


async def test_who_only_migrates_is_waited_for(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while it has migrated and not let go of the lock yet: who looked at that moment was refused."""
    monkeypatch.setattr(connection_module, "CLUSTER_LOCK_WAIT_MS", 500)
    command, switch = ClusterLock(database_url), ClusterLock(database_url)
    await command.acquire()
    migrating = await connect(database_url, name="shardpay-migrate")
    await migrating.execute(SQL["lock_take"], _LOCK_CLASS, _MIGRATION_LOCK)
    waiting = asyncio.create_task(switch.acquire())
    await asyncio.sleep(1.2)
    assert not waiting.done()
    await migrating.close()
    await asyncio.sleep(0.3)  # its wait of that moment ends
    await command.release()
    await waiting
    with pytest.raises(DatabaseInUse):
        await command.acquire()
    await switch.release()


async def test_all_who_ask_for_a_cluster_value_get_the_same(database_url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        connections = [await asyncpg.connect(database_url) for _ in range(4)]
        for connection in connections:
            stack.push_async_callback(connection.close)
        asked = (cluster_value(connection, "id_secret", bytes([n] * 16)) for n, connection in enumerate(connections))
        values = await asyncio.gather(*asked)
    assert len(set(values)) == 1


async def test_segments_allocated_at_once_are_all_different(database_url: str, connection: Any) -> None:
    async def allocate(shard: int) -> list[int]:
        session = await asyncpg.connect(database_url)
        segments = [await allocate_segment(session, shard, 1) for _ in range(15)]
        await session.close()
        return segments

    allocated = await asyncio.gather(*(allocate(shard) for shard in range(4)))
    assert sorted(segment for segments in allocated for segment in segments) == list(range(1, 61))
    rows = await connection.fetch(
        "SELECT shard, array_agg(segment ORDER BY segment) FROM segment GROUP BY 1 ORDER BY 1"
    )
    assert [row[1] for row in rows] == allocated
