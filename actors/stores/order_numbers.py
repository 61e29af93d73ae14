"""Merchants' own numbers of service orders: one order each, and one order a receipt.

A number is taken before the order is made, so that two requests at once cannot both make one; whoever dies in between leaves a row
that the next request judges by the journal.
"""

from typing import NamedTuple

from actors.database.pool import SQL, Pool
from actors.records.layout import Kind


class Taken(NamedTuple):
    """What stands under a number or receipt. `record`: of the order, 0 while it is not made."""

    number: str
    receipt: int
    record: int


class OrderNumberStore:
    """Numbers in PostgreSQL, for all front doors. Raises StoreUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take(self, account: int, number: str, receipt: int) -> list[Taken]:
        """Take a number and a receipt for one order, if both are free; gives who has them now, the caller itself perhaps."""
        kind = int(Kind.ORDER_CREATED)
        async with self._pool.session() as session, session.transaction():
            await session.execute(SQL["order_number_free"], account, number, receipt, kind)
            await session.execute(SQL["order_number_take"], account, number, receipt)
            rows = await session.fetch(SQL["order_number_taken"], account, number, receipt, kind)
        return [Taken(row["number"], row["receipt"], row["record"] or 0) for row in rows]

    async def made(self, account: int, number: str, record: int) -> None:
        """The order is made."""
        await self._pool.fetch("order_number_made", account, number, record)

    async def find(self, account: int, number: str) -> int:
        """Address of the order with a number, 0 when there is none."""
        return await self._pool.fetchval("order_number_find", account, number, int(Kind.ORDER_CREATED)) or 0
