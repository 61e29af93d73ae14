"""The log of what administrators do, in PostgreSQL.

A call is written down before it changes anything, its entry before it is answered. A process that dies in between leaves the call, which
becomes an entry of unknown outcome; so no change is without an entry, and no call has two unless it took longer than UNFINISHED. Entries
are appended under one lock, taken last in a transaction, so their hashes make one chain.
"""

import getpass
import platform
import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, Literal

import msgspec

from actors.database.admin_rows import call_of, entry_of
from actors.database.pool import SQL, Pool
from actors.records.admin_entries import (
    NO_HASH,
    SALT_BYTES,
    UNKNOWN,
    AdminCall,
    AdminEntry,
    Sent,
    entry_hash,
    sent,
)
from actors.stores.api_keys import Also

UNFINISHED: Final = timedelta(minutes=10)
"""A call that was begun so long ago was not finished by a process that works: the longest ends within a few minutes."""
LAST: Final = (1 << 63) - 1
"""Before this number are all entries."""
COMMAND_DONE: Final = 200
"""Status of a command: its entry is in the transaction of what it changes."""


Outcome = Literal["done", "refused", "unknown"]


def outcome_of(entry: AdminEntry) -> Outcome:
    """`refused`: nothing was changed; `unknown`: something may have been."""
    return "done" if entry.status // 100 == 2 else "refused" if entry.status // 100 == 4 else "unknown"


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is about to change something."""

    id: uuid.UUID
    call: AdminCall
    sent: Sent


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The same once its outcome is known; `resource` perhaps with the id of what it made. `logged` False: it changed nothing, since it was
    answered before."""

    begun: Begun
    resource: str
    status: int
    code: str
    logged: bool = True


class StoredEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with its hash, the account's name and what is left of what was sent; `salt` None: it is erased."""

    entry: AdminEntry
    name: str | None
    hash: bytes
    salt: bytes | None
    body: bytes | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are looked for; None: any. `resource`: itself and all below it; times in milliseconds, `until_ms` excluded."""

    account: int | None = None
    call: str | None = None
    resource: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    outcome: Outcome | None = None


class AdminLogStore:
    """Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, calls: Sequence[Begun]) -> None:
        """Write down calls that are about to change something."""
        rows = [
            (each.id, *msgspec.structs.astuple(each.call), each.sent.digest, each.sent.salt, each.sent.body)
            for each in calls
        ]
        async with self._pool.session(sum(len(each.sent.body or b"") for each in calls)) as session:
            await session.execute(SQL["admin_calls_begin"], *_columns(rows))

    async def end(self, calls: Sequence[Ended]) -> None:
        """Append an entry for each that is to have one; none of them is under way any more."""
        size = sum(len(each.begun.sent.body or b"") for each in calls)
        async with self._pool.session(size) as session, session.transaction():
            await session.execute(SQL["admin_calls_end"], [each.begun.id for each in calls])
            await _append(
                session,
                [
                    (
                        msgspec.structs.replace(each.begun.call, resource=each.resource),
                        each.status,
                        each.code,
                        each.begun.sent,
                    )
                    for each in calls
                    if each.logged
                ],
            )

    async def finish_left(self, after: timedelta = UNFINISHED) -> int:
        """Entries of unknown outcome for calls that were begun so long ago and not ended; gives how many."""
        async with self._pool.session() as session, session.transaction():
            left = await session.fetch(SQL["admin_calls_left"], after)
            rows = sorted(left, key=lambda row: row["began_at"])
            await _append(session, [(call_of(row), UNKNOWN, "", _sent_of(row)) for row in rows])
            return len(rows)

    async def page(self, wanted: Wanted, before: int, limit: int) -> list[StoredEntry]:
        """Entries newest first, those before a number."""
        rows = await self._pool.fetch(
            "admin_log_page",
            *(
                before,
                wanted.account,
                wanted.call,
                wanted.resource,
                wanted.since_ms,
                wanted.until_ms,
                wanted.outcome,
                limit,
            ),
        )
        return [
            StoredEntry(entry=entry_of(row), name=row["name"], hash=row["hash"], salt=row["salt"], body=row["body"])
            for row in rows
        ]

    async def account(self, name: str) -> int | None:
        """The number of an account."""
        number: int | None = await self._pool.fetchval("admin_log_account", name)
        return number


def by_command(command: str, given: Any) -> Also:
    """The entry of a command about a key, in the transaction of what it changes; `given`: what it was told, as JSON."""

    async def append(session: Any, identity: str) -> None:
        call = AdminCall(
            account=0,
            key="",
            origin=f"command {getpass.getuser()}@{platform.node()}",
            request=str(uuid.uuid4()),
            call=f"shardpay {command}",
            resource=f"/v1/keys/{identity}",
        )
        await append_command(session, call, msgspec.json.encode(given))

    return append


async def append_command(session: Any, call: AdminCall, given: bytes) -> None:
    """The entry of a command, in the transaction of what it changes; `given`: what it was told, kept as it is."""
    await _append(session, [(call, COMMAND_DONE, "", sent(secrets.token_bytes(SALT_BYTES), given, kept=True))])


async def _append(session: Any, entries: Sequence[tuple[AdminCall, int, str, Sent]]) -> None:
    """Append entries in this order, at the end of the transaction that `session` is in: others wait until it is over."""
    if not entries:
        return
    await session.execute(SQL["admin_log_lock"])
    end = await session.fetchrow(SQL["admin_log_end"])
    number, hash_ = end["number"], end["hash"] or NO_HASH
    rows = []
    for call, status, code, what in entries:
        number += 1
        entry = AdminEntry(number=number, at_ms=end["at_ms"], call=call, status=status, code=code, digest=what.digest)
        hash_ = entry_hash(hash_, entry)
        rows.append(
            (
                number,
                entry.at_ms,
                *msgspec.structs.astuple(call),
                status,
                code,
                what.digest,
                hash_,
                what.salt,
                what.body,
            )
        )
    await session.execute(SQL["admin_log_append"], *_columns(rows))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _sent_of(row: Any) -> Sent:
    return Sent(digest=row["digest"], salt=row["salt"], body=row["body"])
