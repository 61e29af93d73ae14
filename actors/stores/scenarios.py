"""Credit scenarios in PostgreSQL: names with their numbers, and all versions of each.

A published version never changes. Versions and numbers are given out under the lock of all documents, one at a time.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from actors.database.connection import connect
from actors.database.pool import SQL, Pool
from actors.stores.rule_packs import VERSIONS_MAX, VersionConflict

SCENARIOS_MAX: Final = 1_000
"""Names: every front door keeps the newest version of each in memory."""
TEXT_BYTES_MAX: Final = 512 * 1024 * 4
"""Of one text: as many characters as checks take."""


class ScenariosFull(Exception):
    """There are as many scenarios as there may be."""


class StoredScenario(msgspec.Struct, frozen=True, kw_only=True):
    """One version. `made_by`: name of an account, None for the switch itself; `text` is empty in lists of versions."""

    number: int
    version: int
    name: str
    text: str
    hash: str
    made_by: str | None
    made_at: datetime

    @property
    def label(self) -> str:
        """As name@version."""
        return f"{self.name}@{self.version}"


def text_hash(text: str) -> str:
    """SHA-256 of a document, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


class ScenarioStore:
    """Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def newest(self) -> dict[int, int]:
        """Newest version by number."""
        return {row["number"]: row["version"] for row in await self._pool.fetch("scenario_newest")}

    async def versions(self, wanted: Iterable[tuple[int, int]]) -> list[StoredScenario]:
        """Versions by (number, version); those that do not exist are left out."""
        pairs = list(wanted)
        back = len(pairs) * TEXT_BYTES_MAX
        rows = await self._pool.fetch("scenario_some", [p[0] for p in pairs], [p[1] for p in pairs], back=back)
        return [_stored(row) for row in rows]

    async def one(self, name: str, version: int | None = None) -> StoredScenario | None:
        """One version, the newest when none is named."""
        row = await self._pool.fetchrow("scenario_one", name, version, back=TEXT_BYTES_MAX)
        return None if row is None else _stored(row)

    async def history(self, name: str) -> list[StoredScenario]:
        """The newest versions of a name, newest first, without their texts."""
        return [_stored(row) for row in await self._pool.fetch("scenario_versions", name, VERSIONS_MAX)]

    async def publish(self, name: str, text: str, account: int, newest: int | None) -> int:
        """The next version; gives its number. `newest`: the version that the author knows to be the newest, 0 for a first one, None if that
        does not matter. Raises VersionConflict or ScenariosFull."""
        async with self._pool.session(len(text) * 4) as session, session.transaction():
            await session.execute(SQL["documents_lock"])
            there = await session.fetchrow(SQL["scenario_last"], name)
            if newest is not None and newest != there["version"]:
                raise VersionConflict(there["version"])
            if not there["version"] and there["names"] >= SCENARIOS_MAX:
                raise ScenariosFull(f"there are {SCENARIOS_MAX} scenarios already")
            await session.execute(SQL["scenario_add"], name, text, text_hash(text), account)
            return int(there["version"]) + 1


async def publish_catalogue(url: str, texts: Mapping[str, str]) -> None:
    """See to it that a database has these scenarios. One that somebody published a version of is theirs; else a text that differs from the
    switch's own newest is its next version."""
    connection = await connect(url, name="shardpay-scenarios")
    try:
        async with connection.transaction():
            await connection.execute(SQL["documents_lock"])
            for name, text in texts.items():
                there = await connection.fetchrow(SQL["scenario_last"], name)
                if not there["version"] or (not there["theirs"] and there["hash"] != text_hash(text)):
                    await connection.execute(SQL["scenario_add"], name, text, text_hash(text), None)
    finally:
        await connection.close()


def _stored(row: Any) -> StoredScenario:
    return StoredScenario(
        number=row["number"],
        version=row["version"],
        name=row["name"],
        text=row["text"],
        hash=row["hash"],
        made_by=row["account"],
        made_at=row["made_at"],
    )
