"""Rule packs, scorecards and deployments in PostgreSQL.

A published version never changes, so whatever was read once holds for ever.

Versions, numbers and revisions are given out under one lock, one at a time: publishing is rare.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from actors.database.pool import SQL, Pool, size_of
from actors.stores.deployment import Deployment
from rules.decisions.decision import Action
from rules.language.problems import Problem

VERSIONS_MAX: Final = 100
"""Versions of one document that are listed with it."""
VERSION_BYTES_MAX: Final = 16 << 20
"""Text and files of a version at most, as JSON: files have 8 MiB together."""


class PackFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a checked pack says of itself. `rules`, which of them are `live` (else in shadow) and `reasons` by bit; `card`: name and version
    of the scorecard that it names; `hash`: SHA-256 of its text and files, in hex; `kept`: lists of the switch that it looks into, with the
    type of what is looked for, and `notes`: what may be meant otherwise, both where it was checked just now."""

    name: str
    hash: str
    rules: tuple[str, ...]
    live: tuple[bool, ...]
    reasons: tuple[str, ...]
    fallback: Action
    card: tuple[str, int] | None = None
    kept: tuple[tuple[str, str], ...] = ()
    notes: tuple[Problem, ...] = ()


class StoredPack(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a pack: its text and that of the files it names. `made_by`: name of an account, None for the switch itself."""

    number: int
    version: int
    text: str
    files: dict[str, str]
    facts: PackFacts
    made_by: str | None
    made_at: datetime


class StoredCard(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a scorecard; `document` is its canonical JSON."""

    name: str
    version: int
    document: str
    hash: str
    made_by: str | None
    made_at: datetime


class PackNames(msgspec.Struct, frozen=True):
    """What answers need to know of a pack."""

    label: str
    rules: tuple[str, ...]
    reasons: tuple[str, ...]


class VersionConflict(Exception):
    """Another version was published meanwhile; `newest` is its number, 0 when there is none."""

    def __init__(self, newest: int) -> None:
        super().__init__(f"the newest version is {newest}")
        self.newest = newest


class PackStore:
    """Documents and deployments. Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # Packs.

    async def newest_packs(self, after: int, limit: int) -> list[tuple[int, StoredPack]]:
        """The newest version of each pack, in the order of first versions, each with the number of that."""
        return [(row["first"], _pack(row)) for row in await self._pool.fetch("pack_newest", after, limit)]

    async def versions_of_pack(self, name: str) -> list[StoredPack]:
        """The newest versions of a pack, newest first, without their texts."""
        return [_pack(row) for row in await self._pool.fetch("pack_versions", name, VERSIONS_MAX)]

    async def pack(self, name: str, version: int | None = None) -> StoredPack | None:
        """One version of a pack, the newest when none is named."""
        row = await self._pool.fetchrow("pack_one", name, version, back=VERSION_BYTES_MAX)
        return None if row is None else _pack(row)

    async def pack_of_text(self, name: str, text: str, files: Mapping[str, str]) -> StoredPack | None:
        """The newest version of a pack that has this text and these files."""
        row = await self._pool.fetchrow("pack_of_text", name, text, _files_text(files), back=VERSION_BYTES_MAX)
        return None if row is None else _pack(row)

    async def packs(self, numbers: Sequence[int]) -> dict[int, StoredPack]:
        """Packs by number; those that do not exist are left out."""
        rows = await self._pool.fetch("pack_numbered", list(numbers), back=len(numbers) * VERSION_BYTES_MAX)
        return {row["number"]: _pack(row) for row in rows}

    async def names(self, numbers: Iterable[int]) -> dict[int, PackNames]:
        """What answers need to know of packs, by number."""
        rows = await self._pool.fetch("pack_names", list(numbers))
        return {
            row["number"]: PackNames(f"{row['name']}@{row['version']}", tuple(row["rules"]), tuple(row["reasons"]))
            for row in rows
        }

    async def add_pack(
        self, text: str, files: Mapping[str, str], facts: PackFacts, account: int, newest: int | None
    ) -> int:
        """Publish a version; gives its number among those of its name. `newest`: the version that the author knows to be the newest, 0 for
        a first one, None if that does not matter. Raises VersionConflict."""
        size = size_of([text, *files.values()])
        async with self._pool.session(size) as session, session.transaction():
            await session.execute(SQL["documents_lock"])
            _check_newest(await session.fetchval(SQL["pack_last_version"], facts.name), newest)
            return int((await _add_pack(session, text, files, facts, account))["version"])

    # Scorecards.

    async def newest_cards(self, after: int, limit: int) -> list[tuple[int, StoredCard]]:
        """As `newest_packs`."""
        return [(row["first"], _card(row)) for row in await self._pool.fetch("card_newest", after, limit)]

    async def versions_of_card(self, name: str) -> list[StoredCard]:
        """The newest versions of a scorecard, newest first, without their documents."""
        return [_card(row) for row in await self._pool.fetch("card_versions", name, VERSIONS_MAX)]

    async def card(self, name: str, version: int | None = None) -> StoredCard | None:
        """One version of a scorecard, the newest when none is named."""
        row = await self._pool.fetchrow("card_one", name, version, back=VERSION_BYTES_MAX)
        return None if row is None else _card(row)

    async def card_numbered(self, number: int) -> StoredCard | None:
        """The version of a scorecard that has a number."""
        row = await self._pool.fetchrow("card_numbered", number, back=VERSION_BYTES_MAX)
        return None if row is None else _card(row)

    async def card_number(self, name: str, version: int) -> tuple[int, StoredCard] | None:
        """One version of a scorecard, with the number by which records name it."""
        row = await self._pool.fetchrow("card_one", name, version, back=VERSION_BYTES_MAX)
        return None if row is None else (row["number"], _card(row))

    async def users_of_card(self, name: str, version: int) -> list[str]:
        """The packs, as name@version, that name a version of a scorecard."""
        return [f"{row['name']}@{row['version']}" for row in await self._pool.fetch("card_users", name, version)]

    async def add_card(self, name: str, version: int, document: str, hash_: str, account: int) -> None:
        """Publish a version, which must be the next one. Raises VersionConflict."""
        async with self._pool.session(len(document)) as session, session.transaction():
            await session.execute(SQL["documents_lock"])
            _check_newest(await session.fetchval(SQL["card_last_version"], name), version - 1)
            await session.execute(SQL["card_add"], name, version, document, hash_, account)

    # Deployments.

    async def deployment(self) -> Deployment:
        """The one that holds. Raises LookupError when there is none yet."""
        row = await self._pool.fetchrow("deployment_last")
        if row is None:
            raise LookupError("no rule pack is deployed")
        return _deployment(row)

    async def was_deployed(self, deployment: Deployment) -> bool:
        """Whether this deployment, as it was read, is one of those there ever were. It is not where a standby that lacks it took over."""
        row = await self._pool.fetchrow("deployment_one", deployment.revision)
        return row is not None and _deployment(row) == deployment

    async def changes(self, limit: int) -> list[Deployment]:
        """The last deployments, newest first."""
        return [_deployment(row) for row in await self._pool.fetch("deployment_changes", limit)]

    async def deploy(self, deployment: Deployment, account: int) -> None:
        """Let a deployment hold, if it follows on the one that does. Raises VersionConflict."""
        async with self._pool.session() as session, session.transaction():
            await session.execute(SQL["documents_lock"])
            there = await session.fetchrow(SQL["deployment_last"])
            if there["revision"] != deployment.revision - 1:
                raise VersionConflict(there["revision"])
            await _deploy(session, deployment, account)

    # Counts.

    async def count(self, counts: Mapping[tuple[int, str, int], int]) -> None:
        """Add to what was counted, by pack, kind and item."""
        keys = list(counts)
        columns = ([key[column] for key in keys] for column in range(3))
        await self._pool.fetch("pack_count_add", *columns, [counts[key] for key in keys])

    async def counts(self, packs: Sequence[int]) -> dict[tuple[int, str, int], int]:
        """What was counted of packs, by pack, kind and item."""
        rows = await self._pool.fetch("pack_counts", list(packs))
        return {(row["pack"], row["what"], row["item"]): row["count"] for row in rows}


async def ensure_default(connection: Any, text: str, facts: PackFacts) -> None:
    """In a database without packs, publish the one that a new switch starts with, as number 1, and make it live."""
    async with connection.transaction():
        await connection.execute(SQL["documents_lock"])
        if not await connection.fetchval(SQL["pack_any"]):
            row = await _add_pack(connection, text, {}, facts, None)
            await _deploy(connection, Deployment(revision=1, live=row["number"]), None)


def _files_text(files: Mapping[str, str]) -> str:
    return msgspec.json.encode(files, order="deterministic").decode()


async def _add_pack(session: Any, text: str, files: Mapping[str, str], facts: PackFacts, account: int | None) -> Any:
    card_name, card_version = facts.card or (None, None)
    return await session.fetchrow(
        SQL["pack_add"],
        facts.name,
        text,
        _files_text(files),
        facts.hash,
        card_name,
        card_version,
        list(facts.rules),
        list(facts.live),
        list(facts.reasons),
        int(facts.fallback),
        account,
    )


async def _deploy(session: Any, deployment: Deployment, account: int | None) -> None:
    await session.execute(
        SQL["deployment_add"],
        deployment.revision,
        deployment.live,
        deployment.challenger,
        deployment.share,
        list(deployment.shadows),
        account,
    )


def _check_newest(found: int, newest: int | None) -> None:
    if newest is not None and newest != found:
        raise VersionConflict(found)


def _pack(row: Any) -> StoredPack:
    card = None if row["card_name"] is None else (row["card_name"], row["card_version"])
    facts = PackFacts(
        name=row["name"],
        hash=row["hash"],
        rules=tuple(row["rules"]),
        live=tuple(row["live"]),
        reasons=tuple(row["reasons"]),
        fallback=Action(row["fallback"]),
        card=card,
    )
    return StoredPack(
        number=row["number"],
        version=row["version"],
        text=row["text"],
        files=msgspec.json.decode(row["files"], type=dict[str, str]),
        facts=facts,
        made_by=row["account"],
        made_at=row["made_at"],
    )


def _card(row: Any) -> StoredCard:
    return StoredCard(
        name=row["name"],
        version=row["version"],
        document=row["document"],
        hash=row["hash"],
        made_by=row["account"],
        made_at=row["made_at"],
    )


def _deployment(row: Any) -> Deployment:
    return Deployment(
        revision=row["revision"],
        live=row["live"],
        challenger=row["challenger"],
        share=row["share"],
        shadows=tuple(row["shadows"]),
        made_by=row["account"],
        made_at=row["made_at"],
    )
