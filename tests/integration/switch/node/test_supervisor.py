"""A second `serve` on a database that is in use leaves it as it is."""

from pathlib import Path

import asyncpg
import pytest

from actors.database.connection import ClusterLock, DatabaseInUse
from switch.node.settings import Settings
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
