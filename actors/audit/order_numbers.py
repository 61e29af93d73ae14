"""The table of merchants' numbers against the journal's orders: one a number, and one a receipt.

A row is written before its order is made, and told of it after the order is in the journal. So a row without an order says nothing yet, a
row with one has it in the journal, and an order that was made on a receipt has a row with the receipt. Unless its request was so slow
that another took its number meanwhile: then a row of that number has another receipt. Of an order whose details were erased nobody knows
the number any more, so none is missed.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from actors.database.connection import SQL
from actors.records.addresses import block_of, shard_of, slot_of
from actors.records.blocks import entries_of


class OrderMade(NamedTuple):
    """An order in the journal. `receipt`: address of the inquiry that it was made on, 0 for an order of the past."""

    address: int
    account: int
    receipt: int


class _Details(msgspec.Struct, frozen=True):
    number: str | None = None


_DECODE = msgspec.msgpack.Decoder(_Details).decode


async def check_order_numbers(connection: Any, orders: Sequence[OrderMade], differ: Callable[[str], None]) -> None:
    """Name the first row that is not as the journal says, and the first order that has none."""
    rows = [tuple(row) for row in await connection.fetch(SQL["order_number_all"])]
    made = {order.address: order for order in orders}
    for account, number, receipt, record in rows:
        if record is not None and not _fits(made.get(record), account, receipt):
            differ(
                f"table order_number: the row ({account}, {number!r}, {receipt}, {record}) is not as the journal says"
            )
            break
    receipts = {receipt for _, _, receipt, _ in rows}
    numbers = {(account, number) for account, number, _, _ in rows}
    for order in orders:
        if order.receipt and order.receipt not in receipts:
            number = await _number(connection, order.address)
            if number is not None and (order.account, number) not in numbers:
                differ(f"table order_number: there is no row of order {order.address} on receipt {order.receipt}")
                break


def _fits(order: OrderMade | None, account: int, receipt: int) -> bool:
    """Rows of orders of the past have numbers below 0 in place of receipts."""
    if order is None or order.account != account:
        return False
    return receipt == order.receipt if order.receipt else receipt < 0


async def _number(connection: Any, address: int) -> str | None:
    """The merchant's number of an order as its details have it, None when they were erased."""
    details = await connection.fetchval(SQL["journal_details"], shard_of(address), block_of(address))
    entry = entries_of(details).get(slot_of(address))
    return None if entry is None else _DECODE(entry).number
