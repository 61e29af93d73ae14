"""Work on cases in PostgreSQL: notes of many writers at a time keep their order and their bound."""

import asyncio

import pytest

from actors.database.pool import Pool
from actors.stores import case_work
from actors.stores.api_keys import KeyStore
from actors.stores.case_work import CaseWork, CaseWorkStore

CASE = CaseWork(record=256, payer=7, payee=8)


async def test_writers_at_the_same_time_get_places_of_their_own_and_no_more_than_there_are(
    pool: Pool, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_work, "NOTES_MAX", 5)
    store = CaseWorkStore(pool)
    added = await asyncio.gather(*(store.add_note(CASE, f"note {at}", account) for at in range(8)))
    assert sum(added) == 5
    assert [each.number for each in await store.notes(CASE.record)] == [1, 2, 3, 4, 5]
    assert await store.notes(512) == []


async def test_a_case_has_one_assignee_who_can_answer_it(pool: Pool, account: int) -> None:
    store, keys = CaseWorkStore(pool), KeyStore(pool)
    made = await keys.create("ann", ["analyst"])
    ann = await store.analyst("ann")
    assert ann is not None and await store.analyst("shop") is None
    await store.assign(256, ann, account)
    assert await store.assignees([256, 512]) == {256: "ann"}
    await store.assign(256, account, account)
    assert await store.assignees([256]) == {256: "shop"}
    await store.assign(256, None, account)
    assert await store.assignees([256]) == {}
    await keys.revoke(made.id)
    assert await store.analyst("ann") is None, "without a key nobody answers"
