"""A command's database is the one named, or the embedded one of its data directory, which is started for it and stopped after it."""

from pathlib import Path

import asyncpg
import pytest

from actors.database import embedded
from actors.database.connection import SQL_DIRECTORY, ClusterLock, DatabaseInUse, load_migrations, migrate
from actors.database.locate import located, opened


async def _tables(url: str) -> int:
    connection = await asyncpg.connect(url)
    count: int = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return count


async def test_the_one_named_is_taken_as_it_is_and_migrated_only_when_it_is_opened(
    empty_database_url: str, tmp_path: Path
) -> None:
    async with located(tmp_path, empty_database_url) as url:
        assert url == empty_database_url and await _tables(url) == 0
    async with opened(tmp_path, empty_database_url) as url:
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT count(*) FROM migration") == len(
            load_migrations(SQL_DIRECTORY / "migrations")
        )
        await connection.close()
    assert list(tmp_path.iterdir()) == [], "nothing is made beside it"


async def test_no_command_changes_the_tables_under_a_live_switch(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.database.connection.CLUSTER_LOCK_WAIT_MS", 50)
    switch = ClusterLock(empty_database_url)
    await switch.acquire()
    with pytest.raises(DatabaseInUse, match=r"in use by a live cluster .*, of another version: stop it first"):
        async with opened(tmp_path, empty_database_url):
            raise AssertionError("it has the tables of another version")
    assert await _tables(empty_database_url) == 0
    await migrate(empty_database_url)
    async with opened(tmp_path, empty_database_url) as url:
        assert url == empty_database_url, "beside a switch of the same version"
    await switch.release()


async def test_a_command_that_has_migrated_leaves_the_database_to_others(
    empty_database_url: str, tmp_path: Path
) -> None:
    async with opened(tmp_path, empty_database_url):
        switch = ClusterLock(empty_database_url)
        await switch.acquire()
        await switch.release()


async def test_a_directory_without_a_database_is_named_with_what_makes_one(tmp_path: Path) -> None:
    for command in (located(tmp_path, None), opened(tmp_path, None)):
        with pytest.raises(FileNotFoundError, match=rf"no database in {tmp_path}; `shardpay serve --data {tmp_path}`"):
            async with command:
                raise AssertionError("there is none")
    assert list(tmp_path.iterdir()) == []


async def test_the_embedded_one_runs_while_it_is_used_and_is_stopped_also_by_an_error(server_place: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with located(server_place, None, create=True) as url:
            assert await _tables(url) == 0
            raise ZeroDivisionError
    assert not (server_place / "postgres" / "postmaster.pid").exists()
    async with opened(server_place, None) as url:
        assert await _tables(url) > 10
        other = embedded.start(server_place)
        assert other.url == url, "one server, however many use it"
    assert await _tables(other.url) > 10, "it runs on for the other"
    other.stop()
    assert not (server_place / "postgres" / "postmaster.pid").exists()
