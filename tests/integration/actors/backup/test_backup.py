"""Backups and restores of files and tables: everything comes back, and what is damaged or does not fit is refused untouched."""

import stat
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from actors.backup import backup as module
from actors.backup.backup import BackupDamaged, BackupRefused, Manifest, backup, check, restore
from actors.database.connection import SQL_DIRECTORY, connect, load_migrations, migrate
from actors.database.pool import Pool
from actors.records.layout import Kind
from actors.stores.api_keys import KeyStore
from actors.stores.topology import SegmentStore, cluster_facts
from tests.journal_rows import journal, record


def quietly(done: int, due: int) -> None:
    assert 0 <= done


async def fill(url: str) -> str:
    """Something in most tables; gives an API key."""
    await cluster_facts(url, 2)
    pool = await Pool.open(url, name="test")
    created = await KeyStore(pool).create("checkout", ("pay", "read"))
    await pool.close()
    connection = await connect(url, name="test")
    for shard in (0, 1):
        records = [record(Kind.OPEN), *(record(Kind.TRANSFER, amount=i) for i in range(1, 130))]
        rows = [(shard, *block[:3]) for block in journal(shard, records, details={3: b"\x80"})]
        await connection.copy_records_to_table(
            "journal", columns=["shard", "block", "records", "details"], records=rows
        )
    await connection.execute("INSERT INTO reference VALUES (256, 512)")
    await connection.execute("INSERT INTO segment VALUES (1, 0, 1), (2, 1, 1)")
    await connection.execute(
        "INSERT INTO wallet_profile (account, key_hash, digest, external_id, attributes) VALUES (1, 'k', 'd', 'Zoë', '{\"a\": 1}')"
    )
    await connection.close()
    return created.key


async def contents(url: str) -> dict[str, list[Any]]:
    """Every row of every table."""
    connection = await connect(url, name="test")
    try:
        names = [
            row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        return {name: [tuple(row) for row in await connection.fetch(f"TABLE {name} ORDER BY 1, 2")] for name in names}
    finally:
        await connection.close()


@pytest.fixture
async def folder(database_url: str, tmp_path: Path) -> Path:
    await fill(database_url)
    await backup(database_url, tmp_path / "backup", quietly)
    return tmp_path / "backup"


async def test_all_comes_back(database_url: str, empty_database_url: str, folder: Path) -> None:
    await restore(empty_database_url, folder, check(folder, quietly))
    there, before = await contents(empty_database_url), await contents(database_url)
    assert there.pop("segment")[:2] == [(1, 0, -1), (2, 1, -1)] and before.pop("segment") == [(1, 0, 1), (2, 1, 1)]
    assert there == before
    assert len(there) + 1 == len(list(folder.glob("*.copy")))
    assert await migrate(empty_database_url) == 0


async def test_new_accounts_follow_those_restored(database_url: str, empty_database_url: str, folder: Path) -> None:
    await restore(empty_database_url, folder, check(folder, quietly))
    pool = await Pool.open(empty_database_url, name="test")
    try:
        await KeyStore(pool).create("another", ("read",))
    finally:
        await pool.close()
    accounts = [row[:2] for row in (await contents(empty_database_url))["account"]]
    assert len({number for number, _ in accounts}) == len(accounts) == 2


async def test_wallets_go_on_where_none_can_have_been_opened_since(empty_database_url: str, folder: Path) -> None:
    await restore(empty_database_url, folder, check(folder, quietly))
    store = SegmentStore(empty_database_url)
    owners = await store.owners()
    assert len(owners) == 3 and await store.closed() == owners.keys()
    await store.claim(1)
    (new,) = (await store.owners()).keys() - owners.keys()
    assert new > max(owners) > 2 and await store.closed() == owners.keys()
    await store.close()


async def test_the_manifest_says_what_is_there(folder: Path) -> None:
    manifest = check(folder, quietly)
    rows = {table.name: table.rows for table in manifest.tables}
    assert (rows["journal"], rows["segment"], rows["api_key"]) == (6, 2, 1)
    assert [table.name for table in manifest.tables].index("account") < [t.name for t in manifest.tables].index(
        "api_key"
    )
    assert {shard: head.block for shard, head in manifest.heads.items()} == {"0": 3, "1": 3}
    assert [each.number for each in manifest.migrations] == [
        each.number for each in load_migrations(SQL_DIRECTORY / "migrations")
    ]


async def test_only_the_owner_can_read_it(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.copy")} == {0o600}


@pytest.mark.parametrize("name", ["journal", "cluster", "migration", "reference", "api_key", "manifest"])
async def test_a_flipped_bit_is_refused_by_name(folder: Path, name: str) -> None:
    path = folder / ("manifest.json" if name == "manifest" else f"{name}.copy")
    whole = path.read_bytes()
    for place in {0, 7, len(whole) // 3, len(whole) // 2, len(whole) - 2}:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(BackupDamaged, match=path.name):
            check(folder, quietly)
    path.write_bytes(whole)
    check(folder, quietly)


async def test_what_is_cut_off_or_missing_is_refused_by_name(folder: Path) -> None:
    path = folder / "journal.copy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupDamaged, match=r"journal\.copy is damaged"):
        check(folder, quietly)
    path.unlink()
    with pytest.raises(BackupDamaged, match=r"journal\.copy is missing"):
        check(folder, quietly)


async def test_a_backup_that_did_not_finish_is_none(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    with pytest.raises(BackupRefused, match="did not finish"):
        check(folder, quietly)


async def test_a_database_with_tables_is_left_alone(database_url: str, folder: Path) -> None:
    before = await contents(database_url)
    with pytest.raises(BackupRefused, match=r"not empty.* a new directory with --data"):
        await restore(database_url, folder, check(folder, quietly))
    assert await contents(database_url) == before


def resigned(folder: Path, **changes: Any) -> Manifest:
    """The manifest with other contents and a right digest, as if it had been written so."""
    manifest: Manifest = module._signed(msgspec.structs.replace(check(folder, quietly), **changes))
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return manifest


async def test_what_fails_on_the_way_leaves_nothing(empty_database_url: str, folder: Path) -> None:
    manifest = check(folder, quietly)
    heads = {**manifest.heads, "1": msgspec.structs.replace(manifest.heads["1"], block=2)}
    with pytest.raises(BackupDamaged, match="other heads"):
        await restore(empty_database_url, folder, resigned(folder, heads=heads))
    assert await contents(empty_database_url) == {}
    await restore(empty_database_url, folder, resigned(folder, heads=manifest.heads))


async def test_a_backup_of_another_version_is_refused(empty_database_url: str, folder: Path) -> None:
    manifest = check(folder, quietly)
    newer = [*manifest.migrations, module.Applied(number=99, name="later", sha256="00")]
    with pytest.raises(BackupRefused, match="another version"):
        await restore(empty_database_url, folder, resigned(folder, migrations=newer))
    assert await contents(empty_database_url) == {}


async def test_a_backup_goes_into_a_folder_of_its_own(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "something").write_text("mine")
    with pytest.raises(BackupRefused, match="not empty"):
        await backup(database_url, tmp_path, quietly)
    assert [path.name for path in tmp_path.iterdir()] == ["something"]


async def test_a_database_of_somebody_else_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("CREATE TABLE theirs (n int)")
    await connection.close()
    with pytest.raises(BackupRefused, match="none of shardpay's"):
        await backup(empty_database_url, tmp_path / "b", quietly)
