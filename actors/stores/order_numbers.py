"""Merchants' own numbers of service orders: one order each, and one order a receipt.

A number is taken before the order is made, so that two requests at once cannot both make one; whoever dies in between leaves a row
that the next request judges by the journal.
"""

from collections.abc import Sequence
from typing import NamedTuple

from actors.database.pool import SQL, Pool
from actors.records.layout import Kind


class Taken(NamedTuple):
    """What stands under a number or receipt. `record`: of the order, 0 while it is not made."""

    number: str
    receipt: int
    record: int


class Taking(NamedTuple):
    """A number that an order of the past takes. `receipt`: it has none, so a number below 0 that follows from account and number."""

    account: int
    number: str
    receipt: int


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

    async def made(self, account: int, number: str, receipt: int, record: int) -> None:
        """The order is made."""
        await self._pool.fetch("order_number_made", account, number, receipt, record)

    async def find(self, account: int, number: str) -> int:
        """Address of the order with a number, 0 when there is none."""
        return await self._pool.fetchval("order_number_find", account, number, int(Kind.ORDER_CREATED)) or 0

    async def take_all(self, wanted: Sequence[Taking]) -> list[Taken | None]:
        """Take numbers for orders of the past; what stands under each, None where it is another order's. One that was taken by a request
        of long ago and has no record may have been made all the same: `receipt` is then 0."""
        columns = _columns(wanted)
        async with self._pool.session() as session, session.transaction():
            await session.execute(SQL["order_numbers_take"], *columns)
            rows = await session.fetch(SQL["order_numbers_taken"], *columns)
        mine = {
            (row["account"], row["number"]): Taken(
                row["number"], 0 if row["old"] else row["receipt"], row["record"] or 0
            )
            for row in rows
        }
        return [mine.get((each.account, each.number)) for each in wanted]

    async def made_all(self, made: Sequence[tuple[Taking, int]]) -> None:
        """These orders are made, at these addresses."""
        if made:
            accounts, numbers, _ = _columns([taking for taking, _ in made])
            await self._pool.fetch("order_numbers_made", accounts, numbers, [address for _, address in made])


def _columns(wanted: Sequence[Taking]) -> tuple[list[int], list[str], list[int]]:
    return [each.account for each in wanted], [each.number for each in wanted], [each.receipt for each in wanted]
