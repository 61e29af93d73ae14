"""Back up one instant of every table; restore it in one transaction into an empty database.

Every byte is checked before a restore begins.

The manifest is written last, so a folder without one is no backup. It carries the SHA-256 of each file and of itself. The files hold
the cluster's secret and personal details: only their owner may read them.
"""

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.database.connection import (
    ALONG_THE_KEY,
    SQL,
    SQL_DIRECTORY,
    Migration,
    connect,
    load_migrations,
    take_migration_lock,
)
from actors.process.atomic_file import sync, write_whole
from actors.records.blocks import block_hash
from models.wording import counted

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
CHUNK_BYTES: Final = 1 << 20
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

Progress = Callable[[int, int], None]
"""Hears bytes done and due."""


class BackupRefused(Exception):
    """The folder or the database is not fit for it. One line for the operator; nothing was changed."""


class BackupDamaged(BackupRefused):
    """A file of the backup is not as it was written."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table: a file of PostgreSQL's binary COPY."""

    name: str
    rows: int
    bytes: int
    sha256: str


class JournalHead(msgspec.Struct, frozen=True, kw_only=True):
    """The last block of a shard's journal."""

    block: int
    hash: str


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that the database had."""

    number: int
    name: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup holds. `tables` stand in the order in which they can be filled; `sha256` is that of the manifest without it."""

    format: int
    created_at: str
    migrations: list[Applied]
    tables: list[Table]
    sequences: dict[str, int]
    heads: dict[str, JournalHead]
    sha256: str = ""


# Writing.


async def backup(url: str, output: Path, progress: Progress) -> Manifest:
    """Write all tables as of one instant into a new folder, also while the switch runs. Raises BackupRefused."""
    _new_folder(output)
    connection = await connect(url, name="shardpay-backup", **ALONG_THE_KEY)
    try:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        names = await _tables_in_order(connection)
        if "journal" not in names or "migration" not in names:
            raise BackupRefused("this database is none of shardpay's: it has no journal")
        done, due = 0, int(await connection.fetchval(SQL["backup_bytes"]))
        tables = []
        for name in names:
            sink = _Sink(_file(output, name), _from(done, due, progress))
            try:
                status = await connection.copy_from_table(name, output=sink.write, format="binary")
            finally:
                sink.close()
            tables.append(Table(name=name, rows=_rows(status), bytes=sink.bytes, sha256=sink.digest.hexdigest()))
            done += sink.bytes
        manifest = await _manifest(connection, tables)
    finally:
        connection.terminate()
    sync(output)
    write_whole(output / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    progress(due, due)
    return manifest


def _new_folder(output: Path) -> None:
    output.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if any(output.iterdir()):
        raise BackupRefused(f"{output} is not empty: a backup goes into a folder of its own")


def _from(done: int, due: int, progress: Progress) -> Callable[[int], None]:
    """Progress within one of several files."""
    return lambda size: progress(done + size, due)


class _Sink:
    """A new file of which it is known what was written."""

    def __init__(self, path: Path, wrote: Callable[[int], None]) -> None:
        self.digest = hashlib.sha256()
        self.bytes = 0
        self._wrote = wrote
        self._file = open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")

    async def write(self, data: bytes) -> None:
        """Append."""
        self.digest.update(data)
        self.bytes += self._file.write(data)
        self._wrote(self.bytes)

    def close(self) -> None:
        """Make it outlive a crash."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


async def _tables_in_order(connection: Any) -> list[str]:
    """All tables, each after those it refers to."""
    names = {row["name"] for row in await connection.fetch(SQL["backup_tables"])}
    needs: dict[str, set[str]] = {name: set() for name in names}
    for row in await connection.fetch(SQL["backup_foreign_keys"]):
        needs[row["source"]].add(row["target"])
    ordered: list[str] = []
    while len(ordered) < len(names):
        ready = sorted(name for name in names - set(ordered) if needs[name] - {name} <= set(ordered))
        assert ready, "no two tables refer to each other"
        ordered += ready
    return ordered


async def _manifest(connection: Any, tables: list[Table]) -> Manifest:
    applied = [
        Applied(number=row["number"], name=row["name"], sha256=row["sha256"].hex())
        for row in await connection.fetch(SQL["migrations_applied"])
    ]
    sequences = {row["name"]: row["value"] for row in await connection.fetch(SQL["backup_sequences"])}
    return _signed(
        Manifest(
            format=FORMAT,
            created_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            migrations=applied,
            tables=tables,
            sequences=sequences,
            heads=await _heads(connection),
        )
    )


async def _heads(connection: Any) -> dict[str, JournalHead]:
    """Heads of all shards that have a journal."""
    count = int(await connection.fetchval(SQL["cluster_value"], "shards") or b"0")
    heads = {}
    for shard in range(count):
        row = await connection.fetchrow(SQL["journal_head"], shard)
        if row is not None:
            heads[str(shard)] = JournalHead(block=row["block"], hash=block_hash(row["records"]).hex())
    return heads


def _signed(manifest: Manifest) -> Manifest:
    bare = msgspec.structs.replace(manifest, sha256="")
    return msgspec.structs.replace(manifest, sha256=hashlib.sha256(msgspec.json.encode(bare)).hexdigest())


def _file(folder: Path, table: str) -> Path:
    return folder / f"{table}.copy"


def _rows(status: str) -> int:
    return int(status.removeprefix("COPY "))


# Reading.


def check(folder: Path, progress: Progress) -> Manifest:
    """The manifest of a backup all of whose files are as they were written. Raises BackupRefused."""
    path = folder / MANIFEST
    if not path.exists():
        raise BackupRefused(f"{folder} is no backup, or one that did not finish: it has no {MANIFEST}")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BackupDamaged(f"{path} is damaged: {error}") from error
    if manifest != _signed(manifest):
        raise BackupDamaged(f"{path} is damaged: it is not what was written")
    if manifest.format != FORMAT:
        raise BackupRefused(f"{path} is of format {manifest.format}, this version reads {FORMAT}")
    done, due = 0, sum(table.bytes for table in manifest.tables)
    for table in manifest.tables:
        _check_file(_file(folder, table.name), table, _from(done, due, progress))
        done += table.bytes
    return manifest


def _check_file(path: Path, table: Table, read: Callable[[int], None]) -> None:
    if not _NAME.fullmatch(table.name):
        raise BackupDamaged(f"{path.name!r} is no name of a table's file")
    if not path.exists():
        raise BackupDamaged(f"{path} is missing")
    if path.stat().st_size != table.bytes:
        raise BackupDamaged(f"{path} is damaged: {path.stat().st_size} bytes, {table.bytes} were written")
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while data := file.read(CHUNK_BYTES):
            digest.update(data)
            size += len(data)
            read(size)
    if digest.hexdigest() != table.sha256:
        raise BackupDamaged(f"{path} is damaged: its SHA-256 is not that of what was written")


async def restore(url: str, folder: Path, manifest: Manifest) -> None:
    """Fill an empty database from a backup that `check` has passed; what fails leaves it empty. Raises BackupRefused."""
    migrations = _migrations_of(manifest)
    connection = await connect(url, name="shardpay-restore")
    try:
        async with connection.transaction():
            await take_migration_lock(connection)
            await _check_empty(connection)
            await connection.execute(SQL["migration_table"])
            for migration in migrations:
                await connection.execute(migration.text)
            await _check_tables(connection, manifest)
            for table in manifest.tables:
                await _copy_in(connection, folder, table)
            if await connection.fetchval(SQL["segments_know_timelines"]):
                await connection.execute(SQL["segments_restored"])
            for name, value in manifest.sequences.items():
                await connection.fetchval(SQL["restore_sequence"], name, value)
            if await _heads(connection) != manifest.heads:
                raise BackupDamaged(f"{folder / MANIFEST} names other heads than the journal in {folder} has")
    finally:
        await connection.close()


def _migrations_of(manifest: Manifest) -> Sequence[Migration]:
    """The migrations that made the tables of a backup. Raises BackupRefused when this version has others."""
    known = load_migrations(SQL_DIRECTORY / "migrations")
    made = [(each.number, each.sha256) for each in manifest.migrations]
    if made != [(each.number, each.sha256.hex()) for each in known[: len(made)]]:
        raise BackupRefused(
            f"the backup is of a database at migration {len(made)}, made by another version of shardpay than this one, "
            f"which knows {len(known)}: use that version or a newer one"
        )
    return known[: len(made)]


async def _check_empty(connection: Any) -> None:
    names = sorted(row["name"] for row in await connection.fetch(SQL["backup_tables"]))
    if names:
        raise BackupRefused(
            f"the database is not empty, it has {counted(len(names), 'table')}, {names[0]} among them: nothing was changed. "
            "Name a new directory with --data, or a new database with --database"
        )


async def _check_tables(connection: Any, manifest: Manifest) -> None:
    there = {row["name"] for row in await connection.fetch(SQL["backup_tables"])}
    named = {table.name for table in manifest.tables}
    if there != named:
        odd = ", ".join(sorted(there ^ named))
        raise BackupRefused(f"the backup and this version of shardpay do not have the same tables: {odd}")


async def _copy_in(connection: Any, folder: Path, table: Table) -> None:
    path = _file(folder, table.name)
    status = await connection.copy_to_table(table.name, source=path, format="binary")
    if _rows(status) != table.rows:
        raise BackupDamaged(f"{path} is damaged: {counted(_rows(status), 'row')}, {table.rows:,} were written")
