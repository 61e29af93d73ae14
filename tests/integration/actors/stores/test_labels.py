"""Labels in PostgreSQL: one of each payment, of who spoke last."""

from actors.database.label_rows import all_labels
from actors.database.pool import Pool
from actors.stores.labels import LabelStore


async def test_a_label_changes_hands_only_when_it_says_something_else(pool: Pool, account: int, other: int) -> None:
    store = LabelStore(pool)
    await store.put([30, 10, 20], [True, False, True], account)
    first = await store.one(10)
    assert first is not None and (first.fraud, first.made_by) == (False, "shop")
    await store.put([10, 20], [False, False], other)
    assert await store.one(10) == first
    changed = await store.one(20)
    assert changed is not None and (changed.fraud, changed.made_by) == (False, "other")
    assert [each.record for each in await store.page(10, 5)] == [20, 30]
    assert [each.record for each in await store.page(0, 2)] == [10, 20]
    async with pool.session() as session:
        addresses, frauds = await all_labels(session)
    assert (addresses.tolist(), frauds.tolist()) == ([10, 20, 30], [0, 0, 1])
    assert await store.delete(10) and not await store.delete(10)
    assert await store.one(10) is None
