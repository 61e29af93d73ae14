"""Labels of payments in PostgreSQL: whether each was fraud, and who said so last, and when."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from actors.database.pool import Pool


class StoredLabel(msgspec.Struct, frozen=True, kw_only=True):
    """A label of the record at an address. `made_by`: an account's name."""

    record: int
    fraud: bool
    made_by: str
    made_at: datetime


class LabelStore:
    """Raises StoreUnavailable when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(self, records: Sequence[int], frauds: Sequence[bool], account: int) -> None:
        """Label records, each once, all or none; a label that says the same already stays as it is."""
        await self._pool.fetch("labels_put", list(records), list(frauds), account)

    async def one(self, record: int) -> StoredLabel | None:
        """The label of a record."""
        row = await self._pool.fetchrow("label_one", record)
        return None if row is None else _label(row)

    async def of(self, records: Iterable[int]) -> dict[int, bool]:
        """Whether records were fraud, by address; those without a label are left out."""
        rows = await self._pool.fetch("labels_of", list(records))
        return {row["record"]: row["fraud"] for row in rows}

    async def delete(self, record: int) -> bool:
        """Remove a label; False when there is none."""
        return await self._pool.fetchval("label_delete", record) is not None

    async def page(self, after: int, limit: int) -> list[StoredLabel]:
        """Labels of records behind an address, in the order of addresses."""
        return [_label(row) for row in await self._pool.fetch("labels_page", after, limit)]


def _label(row: Any) -> StoredLabel:
    return StoredLabel(record=row["record"], fraud=row["fraud"], made_by=row["account"], made_at=row["made_at"])
