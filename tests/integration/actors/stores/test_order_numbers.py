"""A merchant's number, and a receipt, each stand for one order; what nobody made an order of is free again after a minute."""

import asyncio

import pytest

from actors.database.pool import Pool
from actors.records.layout import Kind
from actors.stores.order_numbers import OrderNumberStore, Taken, Taking


async def _age(pool: Pool, interval: str) -> None:
    async with pool.session() as session:
        await session.execute(f"UPDATE order_number SET taken_at = taken_at - interval '{interval}'")


async def _made_of(pool: Pool, receipt: int, record: int) -> None:
    """The journal has an order of a receipt, of which its request did not come to tell the table."""
    async with pool.session() as session:
        row = "INSERT INTO credit (wallet, record, kind, about, account) VALUES (1, $1, $2, $3, 1)"
        await session.execute(row, record, int(Kind.ORDER_CREATED), receipt)


async def test_a_number_and_a_receipt_are_taken_once(pool: Pool, account: int, other: int) -> None:
    store = OrderNumberStore(pool)
    assert await store.take(account, "A-1", 500) == [Taken("A-1", 500, 0)]
    assert await store.take(account, "A-1", 500) == [Taken("A-1", 500, 0)], "the request again"
    assert await store.take(account, "A-1", 501) == [Taken("A-1", 500, 0)], "the number is taken"
    assert await store.take(account, "A-2", 500) == [Taken("A-1", 500, 0)], "the receipt is taken"
    assert await store.take(other, "A-1", 502) == [Taken("A-1", 502, 0)], "numbers of accounts are apart"
    assert await store.take(other, "B", 500) == [Taken("A-1", 500, 0)], "receipts are not"


async def test_of_requests_at_once_one_takes_the_number(pool: Pool, account: int) -> None:
    store = OrderNumberStore(pool)
    found = await asyncio.gather(*(store.take(account, "A-1", receipt) for receipt in range(1, 15)))
    assert len({tuple(each) for each in found}) == 1


async def test_a_number_is_found_by_the_order_that_was_made(pool: Pool, account: int, other: int) -> None:
    store = OrderNumberStore(pool)
    await store.take(account, "A-1", 500)
    assert await store.find(account, "A-1") == 0
    await store.made(account, "A-1", 500, 77)
    await store.made(account, "A-1", 500, 78)
    assert (await store.find(account, "A-1"), await store.find(other, "A-1"), await store.find(account, "a-1")) == (
        77,
        0,
        0,
    )
    assert await store.take(account, "A-1", 501) == [Taken("A-1", 500, 77)]


async def test_an_order_that_comes_late_is_not_told_of_under_the_receipt_that_took_its_number(
    pool: Pool, account: int
) -> None:
    store = OrderNumberStore(pool)
    await store.take(account, "A-1", 500)
    await _age(pool, "70 s")
    await store.take(account, "A-1", 501)
    await store.made(account, "A-1", 500, 77)
    assert await store.take(account, "A-1", 501) == [Taken("A-1", 501, 0)]
    await store.made(account, "A-1", 501, 78)
    assert await store.find(account, "A-1") == 78


async def test_an_order_that_nobody_came_to_tell_of_is_found_in_the_journal(pool: Pool, account: int) -> None:
    store = OrderNumberStore(pool)
    await store.take(account, "A-1", 500)
    await _made_of(pool, 500, 91)
    await _age(pool, "1 hour")
    assert await store.find(account, "A-1") == 91
    assert await store.take(account, "A-1", 501) == [Taken("A-1", 500, 91)], "it stands in the way for ever"


@pytest.mark.parametrize(("age", "free"), [("50 s", False), ("70 s", True)])
async def test_what_no_order_was_made_of_is_given_back(pool: Pool, account: int, age: str, free: bool) -> None:
    store = OrderNumberStore(pool)
    await store.take(account, "A-1", 500)
    await _age(pool, age)
    found = await store.take(account, "A-1", 501)
    assert found == [Taken("A-1", 501 if free else 500, 0)]
    assert await store.take(account, "A-1", 501) == found


async def test_orders_of_the_past_take_their_numbers_in_one_go(pool: Pool, account: int, other: int) -> None:
    store = OrderNumberStore(pool)
    await store.take(account, "A-2", 500)
    wanted = [Taking(account, f"A-{n}", -n) for n in (3, 1, 2)] + [Taking(other, "A-1", -9)]
    found = await store.take_all(wanted)
    assert found == [Taken("A-3", -3, 0), Taken("A-1", -1, 0), None, Taken("A-1", -9, 0)]
    await store.made_all([(wanted[0], 33), (wanted[3], 99)])
    await store.made_all([])
    assert await store.take_all(wanted) == [Taken("A-3", -3, 33), Taken("A-1", -1, 0), None, Taken("A-1", -9, 99)]
    assert (await store.find(account, "A-3"), await store.find(other, "A-1")) == (33, 99)
    await _age(pool, "13 hours")
    assert (await store.take_all(wanted[:2])) == [Taken("A-3", 0, 33), Taken("A-1", 0, 0)], "taken long ago"
    assert await store.take_all([]) == []


async def test_the_number_of_an_order_of_the_past_is_given_back_after_half_a_day(pool: Pool, account: int) -> None:
    """Whoever sent it may have died after it was made, and its row has no receipt by which the journal would tell; or it was refused."""
    store = OrderNumberStore(pool)
    past = Taking(account, "A-1", -5)
    assert await store.take_all([past]) == [Taken("A-1", -5, 0)]
    refused = Taking(account, "A-2", -6)
    await store.take_all([refused])
    await _age(pool, "11 hours")
    assert await store.take(account, "A-1", 500) == [Taken("A-1", -5, 0)]
    await store.made_all([(past, 77)])
    assert await store.find(account, "A-1") == 77
    await _age(pool, "2 hours")
    assert await store.take(account, "A-1", 501) == [Taken("A-1", -5, 77)]
    assert await store.take(account, "A-2", 502) == [Taken("A-2", 502, 0)]
