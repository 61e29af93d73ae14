"""Connect to PostgreSQL: named statements, numbered migrations, the lock of a live cluster.

Every SQL statement of this layer is in sql/queries.sql under a name. A migration, once released, never
changes: the database remembers the hash of each one it has run and refuses another text under its number.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec

from actors.database.record_layout import NAMES

SQL_DIRECTORY: Final = Path(__file__).parent / "sql"
SERVER_VERSION_MIN: Final = 15
ENCODING: Final = "UTF8"
CONNECT_TIMEOUT_S: Final = 5.0
LINK_BYTES_PER_S_MIN: Final = 2_000_000  # a sixth of 100 Mbit/s: several sessions, of several shards, share a link
# The server ends a session whose client's machine has said nothing for 11 s, and with it the locks that the session holds. The
# kernel's own two hours would keep the lock of a live cluster from the machine that takes over. Sockets of one machine have none of it.
KEEPALIVE: Final[Mapping[str, str]] = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
# A second `serve` waits this long, since the session of one just killed takes a moment to end.
CLUSTER_LOCK_WAIT_MS: Final = 2_000
MIGRATION_LOCK_WAIT_MS: Final = 600_000  # others may be running a long migration

_LOCK_CLASS: Final = int.from_bytes(b"shpy")
_MIGRATION_LOCK: Final = 1
_CLUSTER_LOCK: Final = 2

# Every read goes along a key. Without statistics, as after a burst of appends, the planner would rather sort all the
# rest of the journal for each page: 65-125 MB/s in place of 900 and more. A statement that sorts what it has found must be free
# to: the walk along a wallet's chain read the whole journal in its order instead, seconds for a page at ten million records.
BY_INDEX: Final = {"enable_seqscan": "off", "enable_bitmapscan": "off"}
ALONG_THE_KEY: Final = {**BY_INDEX, "enable_sort": "off"}

CONNECTION_LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, crashed, not yet ready, cancelled from outside
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # what a session answers whose last words from the server are not yet read
)
"""Errors not caused by the statement or the data: the session is gone or could not be had."""

_NO_TIMELINES: Final = (
    asyncpg.UndefinedFunctionError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.InsufficientPrivilegeError,
)
"""A server that keeps no write-ahead log of its own, as some in clouds: it has one timeline, and what it lost only blocks tell."""

UNAVAILABLE: Final = (
    *CONNECTION_LOST,
    asyncpg.InsufficientResourcesError,  # its disk or its memory is full
    asyncpg.PostgresSystemError,  # its disk fails
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a server that was made read-only when its disk was nearly full
    asyncpg.InvalidAuthorizationSpecificationError,  # the password was changed meanwhile
)
"""Errors of a server that served before: whoever waits for one that is away waits for these, too, until somebody has mended it."""


REFUSED: Final = (asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a server says no with, to a user, a password, a database or a statement. Some of CONNECTION_LOST are among them."""


class DatabaseError(Exception):
    """The database is not as this program needs it. One line for the operator."""


class UnsafeDatabase(DatabaseError):
    """The server is too old, would lose committed payments in a crash, or cannot keep every text."""


class MigrationRefused(DatabaseError):
    """The database was migrated by another version of this program."""


class DatabaseInUse(DatabaseError):
    """A live cluster holds this database."""


# --- statements


_NAMED: Final = re.compile(r"\{(\w+)\}")


def parse_queries(text: str) -> dict[str, str]:
    """The statements of a file in which each begins after a line `-- name: NAME`. A name in braces is one of record_layout.py."""
    text = _NAMED.sub(lambda named: str(NAMES[named[1]]), text)
    _, *parts = re.split(r"^-- name: *", text, flags=re.MULTILINE)
    queries: dict[str, str] = {}
    for part in parts:
        name, _, body = part.partition("\n")
        name = name.strip()
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in queries:
            raise ValueError(f"bad or repeated statement name {name!r}")
        lines = (line for line in body.splitlines() if not line.startswith("--"))
        queries[name] = "\n".join(lines).strip()
    return queries


SQL: Final[Mapping[str, str]] = parse_queries((SQL_DIRECTORY / "queries.sql").read_text(encoding="utf-8"))


# --- connections


def travel_s(size: int) -> float:
    """How long so many bytes may be on their way: what a time limit has on top for them."""
    return size / LINK_BYTES_PER_S_MIN


async def connect(url: str, *, name: str, **settings: str) -> Any:
    """A new session (asyncpg.Connection), called `name` in pg_stat_activity, with these server settings."""
    return await asyncpg.connect(
        url,
        timeout=CONNECT_TIMEOUT_S,
        server_settings={
            "application_name": name,
            "jit": "off",
            **KEEPALIVE,
            **settings,
        },
    )


async def timeline_of(connection: Any) -> int | None:
    """Of the server's log: another once a standby was promoted, and commits of the one before may be lost. 0 where the server tells none,
    None of a standby."""
    try:
        timeline: int | None = await connection.fetchval(SQL["journal_timeline"])
    except _NO_TIMELINES:
        return 0
    return timeline


async def check_server(connection: Any, *, allow_unsafe: bool = False) -> None:
    """Raise UnsafeDatabase unless the server is recent enough and keeps what it has committed."""
    row = await connection.fetchrow(SQL["server_settings"])
    if row["version"] < SERVER_VERSION_MIN * 10_000:
        raise UnsafeDatabase(
            f"PostgreSQL {row['version'] // 10_000} is too old: {SERVER_VERSION_MIN} or later is needed"
        )
    off = [setting for setting in ("fsync", "synchronous_commit") if row[setting] == "off"]
    if off and not allow_unsafe:
        raise UnsafeDatabase(f"{' and '.join(off)} off on this server: a crash would lose committed payments")


async def check_encoding(connection: Any) -> None:
    """Raise UnsafeDatabase unless the database takes every text that callers may send."""
    encoding = await connection.fetchval(SQL["server_encoding"])
    if encoding != ENCODING:
        raise UnsafeDatabase(
            f"the database is encoded in {encoding}, which does not have every letter: {ENCODING} is needed"
        )


# --- migrations


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    name: str
    sha256: bytes
    text: str


def load_migrations(directory: Path) -> list[Migration]:
    """The files NNNN_name.sql of a directory, numbered from 1 without a gap."""
    migrations = []
    for index, path in enumerate(sorted(directory.glob("*.sql")), start=1):
        number, _, name = path.stem.partition("_")
        if int(number) != index:
            raise ValueError(f"{path.name}: number {index:04} expected")
        text = path.read_bytes()
        sha256 = hashlib.sha256(text).digest()
        migrations.append(Migration(number=index, name=name, sha256=sha256, text=text.decode()))
    return migrations


async def migrate(url: str, *, directory: Path = SQL_DIRECTORY / "migrations") -> int:
    """Bring the database up to date and return how many migrations that took. Safe to run concurrently."""
    migrations = load_migrations(directory)
    connection = await connect(url, name="shardpay-migrate", lock_timeout=str(MIGRATION_LOCK_WAIT_MS))
    try:
        await check_encoding(connection)
        await take_migration_lock(connection)
        await connection.execute(SQL["migration_table"])
        applied = await connection.fetch(SQL["migrations_applied"])
        _check_history(applied, migrations)
        for migration in migrations[len(applied) :]:
            async with connection.transaction():
                await connection.execute(migration.text)
                await connection.execute(SQL["migration_record"], migration.number, migration.name, migration.sha256)
        return len(migrations) - len(applied)
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)  # which also gives back the lock


async def pending_migrations(connection: Any, *, directory: Path = SQL_DIRECTORY / "migrations") -> int:
    """How many migrations `migrate` would run here. Raises MigrationRefused when it would run none of them."""
    migrations = load_migrations(directory)
    exists = await connection.fetchval(SQL["migration_table_exists"])
    applied = await connection.fetch(SQL["migrations_applied"]) if exists else []
    _check_history(applied, migrations)
    return len(migrations) - len(applied)


async def take_migration_lock(connection: Any) -> None:
    """Wait until no other process makes tables here; the lock is given back when the session ends."""
    await connection.execute(SQL["lock_take"], _LOCK_CLASS, _MIGRATION_LOCK)


def _check_history(applied: list[Any], migrations: list[Migration]) -> None:
    if len(applied) > len(migrations):
        raise MigrationRefused(
            f"the database is at migration {len(applied)}, this version of shardpay knows {len(migrations)}: "
            "use the newer version"
        )
    for row, migration in zip(applied, migrations, strict=False):
        if (row["number"], row["sha256"]) != (migration.number, migration.sha256):
            raise MigrationRefused(
                f"migration {migration.number:04}_{migration.name} is not the one that was applied here "
                f"(as {row['number']:04}_{row['name']})"
            )


# --- the lock of a live cluster


class ClusterLock:
    """Marks this database, in a session of its own, as used by a live cluster.

    A courtesy to the operator: what keeps money safe is the journal's key.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None

    async def acquire(self, *, migrations: bool = True) -> None:
        """Take the lock, also again after its session was lost; `migrations`: wait for who only migrates. DatabaseInUse if another has
        it."""
        if self.held():
            return
        connection = await connect(self._url, name="shardpay-serve", lock_timeout=str(CLUSTER_LOCK_WAIT_MS))
        try:
            await self._take(connection, migrations)
        except asyncpg.LockNotAvailableError as error:
            holder = await connection.fetchrow(SQL["lock_holder"], _LOCK_CLASS, _CLUSTER_LOCK)
            await connection.close(timeout=CONNECT_TIMEOUT_S)
            raise DatabaseInUse(f"this database is in use by a live cluster{_describe(holder)}") from error
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    async def _take(self, connection: Any, migrations: bool) -> None:
        """Wait for who only migrates as long as for the migration itself. Raises LockNotAvailableError."""
        deadline = time.monotonic() + MIGRATION_LOCK_WAIT_MS / 1_000 * migrations
        migrated = False
        while True:
            try:
                await connection.execute(SQL["lock_take"], _LOCK_CLASS, _CLUSTER_LOCK)
                return
            except asyncpg.LockNotAvailableError:
                migrates = await connection.fetchrow(SQL["lock_holder"], _LOCK_CLASS, _MIGRATION_LOCK) is not None
                if not (migrates or migrated) or time.monotonic() > deadline:
                    raise
                migrated = migrates  # who migrated until now lets go of the lock next

    def held(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    async def look(self) -> None:
        """Find out whether the server has ended the session, and with it the lock: after a silence of the network it may not have been able
        to say so, and a session that asks nothing never hears of it."""
        if not self.held():
            return
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._connection.execute(SQL["lock_look"])
        except (TimeoutError, *UNAVAILABLE):
            self._connection.terminate()

    async def release(self) -> None:
        if self.held():
            await self._connection.close(timeout=CONNECT_TIMEOUT_S)
        self._connection = None


async def migrate_unless_in_use(url: str, *, directory: Path = SQL_DIRECTORY / "migrations") -> None:
    """Bring the database up to date, as any command but `serve` does it: never under a live switch. Raises DatabaseInUse when one runs
    that another version of this program made the tables for."""

    async def pending() -> int:
        connection = await connect(url, name="shardpay-migrate")
        try:
            return await pending_migrations(connection, directory=directory)
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT_S)

    if not await pending():
        return
    lock = ClusterLock(url)
    try:
        await lock.acquire()
        await migrate(url, directory=directory)
    except DatabaseInUse as error:
        if await pending():  # else a switch of this version has made them meanwhile
            raise DatabaseInUse(f"{error}, of another version: stop it first, or use its version") from error
    finally:
        await lock.release()


def _describe(holder: Any) -> str:
    if holder is None:  # it has just let go
        return ""
    return f" (on {holder['client'] or 'this machine'}, since {holder['backend_start']:%Y-%m-%d %H:%M:%S} UTC)"


# --- what is agreed once in a cluster


async def cluster_value(connection: Any, key: str, initial: bytes) -> bytes:
    """The cluster's value of `key`: what is there, else `initial` from now on. All who ask get the same."""
    await connection.execute(SQL["cluster_value_create"], key, initial)
    value: bytes = await connection.fetchval(SQL["cluster_value"], key)
    return value


async def allocate_segment(connection: Any, shard: int, timeline: int) -> int:
    """Give the next free segment to `shard`; any number of sessions may do so at once. `timeline`: as `timeline_of`."""
    while True:
        segment: int | None = await connection.fetchval(SQL["segment_allocate"], shard, timeline)
        if segment is not None:
            return segment
