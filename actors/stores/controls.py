"""Lists and snoozes in PostgreSQL, as changes with a revision.

Every change has the next revision and is committed before the one after it is given out, so whoever has a revision has all before it.

What is removed stays in the table: a backtest decides with what there was as of the revision that a block kept.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from actors.database.control_rows import changed_of
from actors.database.pool import SQL, Pool
from rules.decisions.controls import (
    ALWAYS,
    ENTRIES_MAX,
    NO_CONTROLS,
    REVISIONS_AN_HOUR_MAX,
    Changed,
    ControlEntry,
    Controls,
    Timed,
    What,
)

LISTS_MAX: Final = 64
"""As many as one pack can name."""
ENTRIES_OF_ONE_MAX: Final = 20_000
"""In one list, or wallets for which one rule is snoozed: a scorer makes its table anew in some milliseconds."""
ENDED_AT_ONCE: Final = 100
"""Entries that are over and make room with each that is added."""


class KeptList(msgspec.Struct, frozen=True, kw_only=True):
    """A list. `entries`: how many it has; `made_by`: an account's name."""

    name: str
    type: str
    description: str
    entries: int
    made_by: str
    made_at: datetime


class StoredEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the list `name`, or one snooze of the rule `name`: `value` is what was given; `until` None: it has no end; `revision`:
    that added it."""

    name: str
    value: str
    number: int
    reason: str
    until: datetime | None
    revision: int
    made_by: str
    made_at: datetime


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be added, in the place of what there is of the same number."""

    what: What
    name: str
    number: int
    value: str
    reason: str
    until: datetime | None


class ControlsFull(Exception):
    """There are as many as there can be. One sentence."""


class Hurried(Exception):
    """There were as many changes within an hour as there can be."""


class ControlChanges(Protocol):
    """Where changes come from."""

    async def since(self, revision: int) -> Changed:
        """As `ControlStore.since`."""


class ControlStore:
    """Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # Lists.

    async def add_list(self, name: str, type_: str, description: str, account: int) -> bool:
        """Make a list; False when there is one of this name. Raises ControlsFull."""
        async with self._pool.session() as session, session.transaction():
            await session.execute(SQL["controls_lock"])
            if await session.fetchval(SQL["kept_list_count"]) >= LISTS_MAX:
                raise ControlsFull(f"there are {LISTS_MAX} lists, and no more can be")
            return str(await session.execute(SQL["kept_list_add"], name, type_, description, account)).endswith(" 1")

    async def lists(self) -> list[KeptList]:
        """All lists, by name."""
        return [
            KeptList(
                name=row["name"],
                type=row["type"],
                description=row["description"],
                entries=row["entries"],
                made_by=row["account"],
                made_at=row["made_at"],
            )
            for row in await self._pool.fetch("kept_lists")
        ]

    async def list_types(self) -> dict[str, str]:
        """What each list holds."""
        return {row["name"]: row["type"] for row in await self._pool.fetch("kept_list_types")}

    # Entries.

    async def entry(self, what: What, name: str, number: int) -> StoredEntry | None:
        """The one that holds, expired or not."""
        row = await self._pool.fetchrow("control_entry_one", what, name, number)
        return None if row is None else _stored(row)

    async def entries(self, what: What, name: str, before: int, limit: int) -> list[StoredEntry]:
        """Those that hold and are not over, newest first, added before a revision."""
        rows = await self._pool.fetch("control_entries", what, name, before, limit)
        return [_stored(row) for row in rows]

    async def entries_of(self, what: What, names: Iterable[str], number: int) -> list[StoredEntry]:
        """Those of one number under any of these names that hold and are not over, newest first."""
        rows = await self._pool.fetch("control_entries_of", what, list(names), number)
        return [_stored(row) for row in rows]

    async def add(self, entry: NewEntry, account: int) -> int:
        """Add an entry; gives its revision. Raises ControlsFull, Hurried."""
        async with self._pool.session() as session, session.transaction():
            revision = await _next(session, account)
            await session.execute(SQL["control_entries_ended"], entry.what, entry.name, revision, ENDED_AT_ONCE)
            ended = await session.fetchval(SQL["control_entry_end"], entry.what, entry.name, entry.number, revision)
            there = await session.fetchval(SQL["control_entry_count"], entry.what, entry.name)
            if ended is None and there >= ENTRIES_OF_ONE_MAX:
                raise ControlsFull(f"{entry.name} has {ENTRIES_OF_ONE_MAX:,} entries, and no more can be")
            await session.execute(
                SQL["control_entry_add"],
                *(entry.what, entry.name, entry.number, entry.value, entry.reason, entry.until, revision),
            )
            return revision

    async def remove(self, what: What, name: str, number: int, account: int) -> int | None:
        """Remove an entry; gives the revision of that, None when there is none. Raises ControlsFull, Hurried."""
        async with self._pool.session() as session:
            transaction = session.transaction()
            await transaction.start()
            try:
                revision = await _next(session, account)
                ended = await session.fetchval(SQL["control_entry_end"], what, name, number, revision)
            except BaseException:
                await transaction.rollback()
                raise
            if ended is None:
                await transaction.rollback()
                return None
            await transaction.commit()
            return revision

    # What scorers take.

    async def since(self, revision: int) -> Changed:
        """What was added and holds, and what was removed, since a revision."""
        return changed_of(await self._pool.fetch("control_changed", revision, False))


class ControlsState:
    """What holds, as one scorer knows it: it takes changes whole, and makes new tables only of what changed."""

    def __init__(self) -> None:
        self.now = NO_CONTROLS
        self._entries: dict[tuple[What, str], dict[int, ControlEntry]] = {}
        self._tables: dict[What, dict[str, Timed]] = {what: {} for what in What}

    def take(self, changed: Changed) -> None:
        """What changed since `now`."""
        if changed.revision <= self.now.revision:
            return
        touched = {(what, entry.name) for what, entry in changed.entries}
        for what, entry in sorted(changed.entries, key=lambda each: each[1].added):
            there = self._entries.setdefault((what, entry.name), {})
            if entry.removed == ALWAYS:
                there[entry.number] = entry
            elif entry.number in there and there[entry.number].added <= entry.added:
                del there[entry.number]
        tables = {what: dict(each) for what, each in self._tables.items()}
        for what, name in touched:
            tables[what].pop(name, None)
            if self._entries[what, name]:
                tables[what][name] = Timed(self._entries[what, name].values())
        self._tables = tables
        self.now = Controls(changed.revision, tables[What.LIST], tables[What.SNOOZE])


async def _next(session: Any, account: int) -> int:
    """The revision of a change that begins."""
    await session.execute(SQL["controls_lock"])
    room = await session.fetchrow(SQL["control_room"], REVISIONS_AN_HOUR_MAX)
    if room["hurried"]:
        raise Hurried
    revision = room["revision"] + 1
    if revision >= ENTRIES_MAX:
        raise ControlsFull(f"lists and snoozes were changed {ENTRIES_MAX:,} times, and no more can be kept")
    await session.execute(SQL["control_change_add"], revision, account)
    return int(revision)


def _stored(row: Any) -> StoredEntry:
    return StoredEntry(
        name=row["name"],
        value=row["value"],
        number=row["number"],
        reason=row["reason"],
        until=row["until"],
        revision=row["added"],
        made_by=row["account"],
        made_at=row["made_at"],
    )
