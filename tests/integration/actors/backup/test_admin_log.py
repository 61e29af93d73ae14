"""The log of administrators after a restore: whole, repeated by the journal, accused of nothing, and going on.

A backup is one instant of every table; PostgreSQL's own recovery stops at one of its log. In both the log is never behind the journal.
"""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np

from actors.audit.audit import audit_database
from actors.backup.backup import backup, check, restore
from actors.database import embedded
from actors.database.connection import connect, migrate
from actors.records.admin_entries import LOG_SENDER
from actors.records.blocks import records_of
from actors.records.layout import SENDER, Kind
from actors.shard.channels import cursor_of
from actors.stores.admin_log import LAST, AdminLogStore, StoredEntry, Wanted
from tests.front_door import RunningSwitch, running_switch

CALLS = 12
REPEATED_WITHIN_S = 20.0


def quietly(done: int, due: int) -> None:
    assert done <= due or due == 0


async def entries(switch: RunningSwitch) -> list[StoredEntry]:
    """What the log has, oldest first."""
    return (await AdminLogStore(switch.pool).page(Wanted(), LAST, 100_000))[::-1]


async def call_some(switch: RunningSwitch, count: int = CALLS) -> None:
    """Calls of an administrator at once, each with an entry."""
    calls = [switch.call("PUT", f"/v1/lists/l{number}", {"type": "device"}) for number in range(count)]
    assert {each.status for each in await asyncio.gather(*calls)} <= {200, 201}


@asynccontextmanager
async def calling(switch: RunningSwitch) -> AsyncIterator[None]:
    """Calls all the time; at the end all are answered."""
    over = asyncio.Event()

    async def work() -> None:
        while not over.is_set():
            await call_some(switch)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        over.set()
        await task


async def until_repeated(switch: RunningSwitch) -> None:
    """The journal of shard 0 names the newest entry, by its number and hash."""
    newest = (await entries(switch))[-1]
    async with asyncio.timeout(REPEATED_WITHIN_S):
        while True:
            async with switch.pool.session() as session:
                rows = await session.fetch("SELECT records FROM journal WHERE shard = 0 ORDER BY block")
            records = np.concatenate([records_of(row["records"]) for row in rows])
            found = records[(records["kind"] == Kind.CURSOR) & (records[SENDER] == LOG_SENDER)]
            if len(found) and (last := cursor_of(found[-1])).block == newest.entry.number:
                assert last.hash == newest.hash[:16]
                return
            await asyncio.sleep(0.05)


async def audited(url: str) -> int:
    """Entries of a log of which nothing is wrong."""
    report = await audit_database(url)
    assert report.differences == []
    return report.admin_entries


async def goes_on(url: str, before: list[StoredEntry]) -> None:
    """A switch on a restored database appends behind what is there, and the audit stays clean."""
    async with running_switch(url) as switch:
        await call_some(switch)
        await until_repeated(switch)
        found = await entries(switch)
    assert found[: len(before)] == before and len(found) == len(before) + CALLS
    assert [each.entry.number for each in found] == list(range(1, len(found) + 1))
    assert await audited(url) == len(found)


async def test_a_restored_log_is_whole_and_goes_on(database_url: str, empty_database_url: str, tmp_path: Path) -> None:
    async with running_switch(database_url) as switch:
        await call_some(switch)
        await until_repeated(switch)
        before = await entries(switch)
        await backup(database_url, tmp_path / "backup", quietly)
        await call_some(switch)
        await until_repeated(switch)
    await restore(empty_database_url, tmp_path / "backup", check(tmp_path / "backup", quietly))
    assert await audited(empty_database_url) == len(before) == CALLS
    await goes_on(empty_database_url, before)


async def test_at_no_instant_does_the_journal_name_what_the_log_has_not(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    """Copies while calls are under way; of such a call the outcome is unknown afterwards, and that is what its entry says."""
    async with running_switch(database_url) as switch:
        async with calling(switch):
            for number in range(5):
                await backup(database_url, tmp_path / f"{number}", quietly)
                await asyncio.sleep(0.2 * number)
    ends = []
    connection = await connect(empty_database_url, name="test")
    try:
        for number in range(5):
            folder = tmp_path / f"{number}"
            await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            await restore(empty_database_url, folder, check(folder, quietly))
            ends.append(await audited(empty_database_url))
    finally:
        await connection.close()
    assert ends == sorted(ends) and ends[-1] > ends[0]
    async with running_switch(empty_database_url) as switch:
        store = AdminLogStore(switch.pool)
        async with switch.pool.session() as session:
            under_way = await session.fetchval("SELECT count(*) FROM admin_call")
        assert await store.finish_left(timedelta()) == under_way
        found = await entries(switch)
        assert [each.entry.status for each in found[ends[-1] :]] == [0] * under_way
        await call_some(switch)
        await until_repeated(switch)
    assert await audited(empty_database_url) == ends[-1] + under_way + CALLS


@asynccontextmanager
async def _server(data: Path, *settings: str) -> AsyncIterator[str]:
    """A server of a folder, stopped at the end; `settings` are altered and hold from the next start on."""
    server = await asyncio.to_thread(embedded.start, data)
    try:
        connection = await connect(server.url, name="test")
        try:
            for each in settings:
                await connection.execute(f"ALTER SYSTEM SET {each}")
        finally:
            await connection.close()
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)


async def _is_promoted(url: str) -> None:
    """A server that recovers answers before it has come to the end, and is promoted then."""
    connection = await connect(url, name="test")
    try:
        async with asyncio.timeout(60):
            while await connection.fetchval("SELECT pg_is_in_recovery()"):
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def test_a_recovery_to_a_point_in_time_cuts_log_and_journal_at_the_same_place(server_place: Path) -> None:
    """PostgreSQL's own: a base backup, an archive of its log, and a stop in the middle of calls."""
    data, copy, archive = (server_place / name for name in ("data", "copy", "archive"))
    archive.mkdir()
    archive.chmod(0o777)
    async with _server(data, "archive_mode = on", f"archive_command = 'cp %p {archive}/%f'") as url:
        await migrate(url)
    copy.mkdir()
    await asyncio.to_thread(lambda: subprocess.run(["cp", "-a", data / "postgres", copy / "postgres"], check=True))
    async with _server(data) as url:
        async with running_switch(url) as switch:
            await call_some(switch)
            await until_repeated(switch)
            async with calling(switch):
                await asyncio.sleep(0.5)
                async with switch.pool.session() as session:
                    await session.execute("SELECT pg_create_restore_point('in the middle')")
                await asyncio.sleep(0.5)
            whole = await entries(switch)
            async with switch.pool.session() as session:
                await session.execute("SELECT pg_switch_wal()")
        assert await audited(url) == len(whole)
    auto = copy / "postgres" / "postgresql.auto.conf"
    with open(auto, "a") as file:
        file.write(
            f"archive_mode = off\nrestore_command = 'cp {archive}/%f %p'\nrecovery_target_name = 'in the middle'\n"
            "recovery_target_action = promote\n"
        )
    signal = copy / "postgres" / "recovery.signal"
    signal.touch()
    owner = auto.stat()
    shutil.chown(signal, owner.st_uid, owner.st_gid)
    async with _server(copy) as url:
        await _is_promoted(url)
        count = await audited(url)
        assert CALLS < count < len(whole)
        await goes_on(url, whole[:count])
