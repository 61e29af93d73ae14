"""What a supervisor does with its database before it serves."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from actors.database.connection import ClusterLock, DatabaseInUse
from switch.node.settings import Settings
from switch.node.sizing import sessions_for
from switch.node.supervisor import Supervisor


async def test_a_switch_that_may_not_start_has_changed_no_table(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.database.connection.CLUSTER_LOCK_WAIT_MS", 50)
    older = ClusterLock(empty_database_url)
    await older.acquire()
    stated: list[str] = []
    newer = Supervisor(Settings(data=tmp_path, database=empty_database_url), stated.append)
    with pytest.raises(DatabaseInUse):
        await newer.run(None)
    await older.release()
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()
    assert stated == []


async def test_the_embedded_server_takes_the_sessions_of_all_shards(server_place: Path) -> None:
    supervisor = Supervisor(Settings(data=server_place, shards=32, front_doors=3), print)
    connection = await asyncpg.connect(await supervisor._database())
    room = int(await connection.fetchval("SHOW max_connections"))
    await connection.close()
    assert supervisor._postgres is not None
    await asyncio.to_thread(supervisor._postgres.stop)
    assert room == sessions_for(shards=32, scorers=1, front_doors=3) > 64
