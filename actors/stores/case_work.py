"""Who works on cases and what people write about them, in PostgreSQL beside the journal.

It can be erased. What became of a case is in the journal, and nothing here changes it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from actors.database.pool import SQL, Pool

NOTES_MAX: Final = 100
"""On one case: more than people read."""

ANALYSTS_MAX: Final = 200
"""Names that are given at once: more than one picks from."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote. `made_by`: an account's name."""

    number: int
    text: str
    made_by: str
    made_at: datetime


class CaseWork(msgspec.Struct, frozen=True, kw_only=True):
    """A case's payment: the address of its record, and of its wallets."""

    record: int
    payer: int
    payee: int


class CaseWorkStore:
    """Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def analyst(self, name: str) -> int | None:
        """The account of a name, if it could answer a case."""
        number: int | None = await self._pool.fetchval("analyst_account", name)
        return number

    async def analysts(self) -> list[str]:
        """Names of accounts that could answer a case, ANALYSTS_MAX of them at most."""
        return [row["name"] for row in await self._pool.fetch("analyst_names", ANALYSTS_MAX)]

    async def assign(self, record: int, account: int | None, by: int) -> None:
        """Give a case to somebody, or to nobody."""
        if account is None:
            await self._pool.fetch("case_unassign", record)
        else:
            await self._pool.fetch("case_assign", record, account, by)

    async def assignees(self, records: Iterable[int]) -> dict[int, str]:
        """Names of who works on cases, by address; those of nobody are left out."""
        rows = await self._pool.fetch("case_assignees", list(records))
        return {row["record"]: row["name"] for row in rows}

    async def note_counts(self, records: Iterable[int]) -> dict[int, int]:
        """How many notes cases have, by address; those without one are left out."""
        rows = await self._pool.fetch("case_note_counts", list(records))
        return {row["record"]: row["notes"] for row in rows}

    async def add_note(self, case: CaseWork, text: str, account: int) -> bool:
        """Add a note; False when the case has as many as it can have."""
        async with self._pool.session(len(text)) as session, session.transaction():
            await session.execute(SQL["case_lock"], case.record)
            added: Any = await session.fetchrow(
                SQL["case_note_add"], case.record, case.payer, case.payee, text, account, NOTES_MAX
            )
            return added is not None

    async def notes(self, record: int) -> list[Note]:
        """Notes of a case, oldest first."""
        return [
            Note(number=row["number"], text=row["text"], made_by=row["account"], made_at=row["made_at"])
            for row in await self._pool.fetch("case_notes", record)
        ]
