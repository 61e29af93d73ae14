"""Lists and snoozes in PostgreSQL: each change has the next revision, also of many at a time, and whoever follows has what all have."""

import asyncio

import numpy as np
import pytest

from actors.database.control_rows import all_controls
from actors.database.pool import Pool
from actors.stores import controls
from actors.stores.controls import ControlsFull, ControlsState, ControlStore, Hurried, NewEntry
from rules.decisions.controls import ALWAYS, KeptColumn, What, snooze_name
from rules.vocabulary.columns import COLUMN_COUNT, INDEX


@pytest.fixture
async def store(pool: Pool, account: int) -> ControlStore:
    store = ControlStore(pool)
    assert await store.add_list("mules", "wallet", "", account)
    return store


def entry(number: int, name: str = "mules", what: What = What.LIST, **more: object) -> NewEntry:
    given = {"value": str(number), "reason": "r", "until": None, **more}
    return NewEntry(what=what, name=name, number=number, **given)  # type: ignore[arg-type]


def listed(state: object, number: int, revision: int | None = None) -> bool:
    columns = np.zeros((1, COLUMN_COUNT), np.int64)
    columns[0, INDEX["payer"]] = number
    as_of = state.revision if revision is None else revision  # type: ignore[attr-defined]
    wide = state.with_lists(columns, [KeptColumn("mules", INDEX["payer"])], as_of)  # type: ignore[attr-defined]
    return bool(wide[0, COLUMN_COUNT] == number)


async def test_changes_at_the_same_time_have_revisions_without_a_gap_and_followers_agree(
    store: ControlStore, pool: Pool, account: int
) -> None:
    state = ControlsState()

    async def follow() -> None:
        for _ in range(20):
            state.take(await store.since(state.now.revision))
            await asyncio.sleep(0)

    added = asyncio.gather(*(store.add(entry(number), account) for number in range(1, 31)))
    await asyncio.gather(added, follow())
    assert sorted(added.result()) == list(range(1, 31))
    assert await store.remove(What.LIST, "mules", 7, account) == 31
    assert await store.remove(What.LIST, "mules", 7, account) is None
    assert await store.add(entry(8, reason="again"), account) == 32
    state.take(await store.since(state.now.revision))
    fresh = ControlsState()
    fresh.take(await store.since(0))
    for each in (state.now, fresh.now):
        assert each.revision == 32 and listed(each, 8) and not listed(each, 7) and not listed(each, 99)
    async with pool.session() as session:
        every, made = await all_controls(session)
    assert len(made) == 32 and made == sorted(made)
    assert listed(every, 7, 30) and not listed(every, 7, 31), "what was removed is known as it was"


async def test_a_name_that_has_no_entry_left_is_forgotten_and_snoozes_are_beside_lists(
    store: ControlStore, account: int
) -> None:
    state = ControlsState()
    name = snooze_name("p", "r")
    await store.add(entry(5, name, What.SNOOZE), account)
    await store.add(entry(5), account)
    state.take(await store.since(0))
    assert state.now.any_snoozed and listed(state.now, 5)
    await store.remove(What.SNOOZE, name, 5, account)
    await store.remove(What.LIST, "mules", 5, account)
    state.take(await store.since(state.now.revision))
    assert not state.now.any_snoozed and not listed(state.now, 5)
    before = state.now
    state.take(await store.since(before.revision))
    assert state.now is before


async def test_what_is_full_says_so_and_what_is_over_makes_room(
    store: ControlStore, pool: Pool, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controls, "ENTRIES_OF_ONE_MAX", 2)
    await store.add(entry(1), account)
    await store.add(entry(2), account)
    with pytest.raises(ControlsFull, match="2 entries"):
        await store.add(entry(3), account)
    assert (await store.since(0)).revision == 2, "a refusal makes no revision"
    assert await store.add(entry(2, reason="changed"), account) == 3
    async with pool.session() as session:
        await session.execute("UPDATE control_entry SET until = now() - interval '2 days' WHERE number = 1")
    assert await store.add(entry(3), account) == 4, "the one that was over has made room"
    found = await store.entries(What.LIST, "mules", ALWAYS, 9)
    assert [(each.number, each.reason, each.revision) for each in found] == [(3, "r", 4), (2, "changed", 3)]
    monkeypatch.setattr(controls, "REVISIONS_AN_HOUR_MAX", 4)
    with pytest.raises(Hurried):
        await store.remove(What.LIST, "mules", 3, account)
    monkeypatch.setattr(controls, "REVISIONS_AN_HOUR_MAX", 5)
    assert await store.remove(What.LIST, "mules", 3, account) == 5
    monkeypatch.setattr(controls, "ENTRIES_MAX", 6)
    monkeypatch.setattr(controls, "REVISIONS_AN_HOUR_MAX", 60)
    with pytest.raises(ControlsFull, match="6 times"):
        await store.add(entry(4), account)
    monkeypatch.setattr(controls, "LISTS_MAX", 1)
    with pytest.raises(ControlsFull):
        await store.add_list("second", "device", "", account)


async def test_a_list_is_made_once(store: ControlStore, account: int) -> None:
    assert not await store.add_list("mules", "device", "another", account)
    assert await store.list_types() == {"mules": "wallet"}
    (kept,) = await store.lists()
    assert (kept.name, kept.entries, kept.made_by) == ("mules", 0, "shop")
