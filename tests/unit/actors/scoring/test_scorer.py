"""A scorer changes sets whole, keeps the old one when the new one cannot be loaded, and says so."""

import asyncio

import numpy as np
import pytest

from actors.database.pool import StoreUnavailable
from actors.rpc.interface import NotReady
from actors.scoring.scorer import Activated, Scorer
from actors.stores.deployment import Deployment
from rules.decisions.controls import ALWAYS, STALE_S, Changed, ControlEntry, KeptColumn, What, snooze_name
from rules.decisions.pack import Decider
from rules.vocabulary.columns import COLUMN_COUNT, INDEX
from tests.unit.actors.scoring.deciders import packs

PAYERS, COLUMNS = np.array([65_536]), np.zeros((1, COLUMN_COUNT), np.int64)


class Store:
    """Deployments and changes in memory."""

    def __init__(self) -> None:
        self.changed = Changed(0)
        self.holds: Deployment | None = Deployment(revision=1, live=1)
        self.lost: list[Deployment] = []
        self.away = False
        self.counted: dict[tuple[int, str, int], int] = {}

    async def deployment(self) -> Deployment:
        if self.away:
            raise StoreUnavailable("away")
        if self.holds is None:
            raise LookupError("no rule pack is deployed")
        return self.holds

    async def was_deployed(self, deployment: Deployment) -> bool:
        return deployment not in self.lost

    async def since(self, revision: int) -> Changed:
        if self.away:
            raise StoreUnavailable("away")
        return self.changed

    async def count(self, counts: dict[tuple[int, str, int], int]) -> None:
        if self.away:
            raise StoreUnavailable("away")
        for key, count in counts.items():
            self.counted[key] = self.counted.get(key, 0) + count


class Loads:
    """Loads `packs()`; others cannot be compiled. Waits for `gate` when it is set."""

    def __init__(self) -> None:
        self.loaded: list[int] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, store: object, number: int) -> Decider:
        if self.gate is not None:
            await self.gate.wait()
        self.loaded.append(number)
        if number not in packs():
            raise ValueError("it cannot be compiled")
        return packs()[number]


def scorer_of(store: Store, loads: Loads) -> Scorer:
    return Scorer(store, loads, store)  # type: ignore[arg-type]


def pack_that_decides(scorer: Scorer) -> int:
    return int(scorer.decide(PAYERS, COLUMNS)[0]["pack"][0])


async def test_before_there_is_a_deployment_it_is_not_ready() -> None:
    store = Store()
    store.holds = None
    scorer = scorer_of(store, Loads())
    assert await scorer.activate() == Activated(revision=0, error="no rule pack is deployed")
    with pytest.raises(NotReady):
        scorer.decide(PAYERS, COLUMNS)


async def test_the_old_set_decides_until_the_new_one_is_whole_and_what_is_there_is_not_loaded_again() -> None:
    store, loads = Store(), Loads()
    scorer = scorer_of(store, loads)
    assert await scorer.activate() == Activated(revision=1)
    store.holds = Deployment(revision=2, live=2, shadows=(1, 3))
    loads.gate = asyncio.Event()
    changing = asyncio.create_task(scorer.activate())
    await asyncio.sleep(0)
    assert pack_that_decides(scorer) == 1
    loads.gate.set()
    assert await changing == Activated(revision=2)
    assert pack_that_decides(scorer) == 2
    assert loads.loaded == [1, 2, 3]


async def test_a_set_that_cannot_be_loaded_leaves_the_old_one_and_is_told() -> None:
    store = Store()
    scorer = scorer_of(store, Loads())
    await scorer.activate()
    store.holds = Deployment(revision=2, live=1, shadows=(99,))
    assert await scorer.activate() == Activated(revision=1, error="ValueError: it cannot be compiled")
    assert pack_that_decides(scorer) == 1
    store.holds = Deployment(revision=3, live=2)
    assert await scorer.activate() == Activated(revision=3)
    assert pack_that_decides(scorer) == 2


async def test_where_a_standby_that_is_behind_took_over_its_deployment_is_taken_and_all_packs_loaded_anew() -> None:
    store, loads = Store(), Loads()
    scorer = scorer_of(store, loads)
    lost = store.holds = Deployment(revision=5, live=2, shadows=(1,))
    await scorer.activate()
    store.holds, store.lost = Deployment(revision=4, live=1), [lost]
    assert await scorer.activate() == Activated(revision=4)
    assert pack_that_decides(scorer) == 1
    assert loads.loaded == [2, 1, 1], "pack 1 may be another one now"


@pytest.mark.parametrize("revision", [5, 6])
async def test_the_deployment_that_follows_on_a_lost_one_is_taken_under_the_same_revision_and_a_later_one(
    revision: int,
) -> None:
    store, loads = Store(), Loads()
    scorer = scorer_of(store, loads)
    lost = store.holds = Deployment(revision=5, live=2, shadows=(1,))
    await scorer.activate()
    store.holds, store.lost = Deployment(revision=revision, live=1, shadows=(2,)), [lost]
    assert await scorer.activate() == Activated(revision=revision)
    assert pack_that_decides(scorer) == 1
    assert loads.loaded == [2, 1, 1, 2]


async def test_who_decides_with_a_lost_deployment_because_the_next_cannot_be_loaded_says_that_it_has_none() -> None:
    store = Store()
    scorer = scorer_of(store, Loads())
    lost = store.holds = Deployment(revision=5, live=2)
    await scorer.activate()
    store.holds, store.lost = Deployment(revision=5, live=99), [lost]
    assert await scorer.activate() == Activated(revision=0, error="ValueError: it cannot be compiled")
    assert pack_that_decides(scorer) == 2
    store.holds = lost
    assert await scorer.activate() == Activated(revision=5), "it is back: nothing was lost"
    store.holds = Deployment(revision=6, live=1)
    assert await scorer.activate() == Activated(revision=6)


async def test_what_went_wrong_with_a_deployment_that_was_lost_is_told_no_more() -> None:
    store = Store()
    scorer = scorer_of(store, Loads())
    held = store.holds = Deployment(revision=5, live=2)
    await scorer.activate()
    store.holds = Deployment(revision=6, live=99)
    assert (await scorer.activate()).error is not None
    store.holds = held
    assert await scorer.activate() == Activated(revision=5)


async def test_without_the_database_it_goes_on_and_counts_are_kept_until_it_is_back() -> None:
    store = Store()
    scorer = scorer_of(store, Loads())
    await scorer.activate()
    store.away = True
    assert (await scorer.activate()).revision == 1
    pack_that_decides(scorer)
    await asyncio.sleep(0)
    await scorer.write_counts()
    assert store.counted == {}
    store.away = False
    pack_that_decides(scorer)
    await asyncio.sleep(0)
    await scorer.write_counts()
    assert store.counted == {(1, "decided", 0): 2}
    await scorer.write_counts()
    assert store.counted == {(1, "decided", 0): 2}


async def test_changes_are_taken_with_the_deployment_and_said_with_every_decision() -> None:
    store = Store()
    scorer = scorer_of(store, Loads())
    assert await scorer.activate() == Activated(revision=1)
    assert scorer.decide(PAYERS, COLUMNS)[0]["controls"][0] == 0
    snooze = ControlEntry(snooze_name(packs()[1].pack.name, "none"), 5, ALWAYS, 65_537, ALWAYS)
    store.changed = Changed(65_537, [(What.SNOOZE, snooze)])
    assert await scorer.activate() == Activated(revision=1, controls=65_537)
    assert scorer.decide(PAYERS, COLUMNS)[0]["controls"][0] == 1, "sixteen bits of it"
    store.holds = Deployment(revision=2, live=2)
    assert await scorer.activate() == Activated(revision=2, controls=65_537), "they hold for every set of packs"


async def test_who_could_not_ask_for_changes_for_long_decides_no_more_until_it_could(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store()
    scorer = scorer_of(store, Loads())
    await scorer.activate()
    store.away = True
    now = scorer._loop.time()
    monkeypatch.setattr(scorer._loop, "time", lambda: now + STALE_S - 1)
    await scorer.activate()
    pack_that_decides(scorer)
    monkeypatch.setattr(scorer._loop, "time", lambda: now + STALE_S + 1)
    with pytest.raises(NotReady, match="later changes"):
        pack_that_decides(scorer)
    store.away = False
    await scorer.activate()
    pack_that_decides(scorer)


async def test_where_a_standby_that_is_behind_took_over_all_changes_are_taken_anew() -> None:
    store = Store()
    scorer = scorer_of(store, Loads())
    entries = [(What.LIST, ControlEntry("mules", number, ALWAYS, number, ALWAYS)) for number in (1, 2, 3)]
    store.changed = Changed(3, entries)
    assert (await scorer.activate()).controls == 3
    store.changed = Changed(2, entries[:2])
    assert (await scorer.activate()).controls == 2
    store.changed = Changed(3, [(What.LIST, ControlEntry("mules", 9, ALWAYS, 3, ALWAYS))])
    assert (await scorer.activate()).controls == 3
    columns = np.zeros((4, COLUMN_COUNT), np.int64)
    columns[:, INDEX["payer"]] = (1, 2, 3, 9)
    wide = scorer._controls.now.with_lists(columns, [KeptColumn("mules", INDEX["payer"])], 3)
    assert (wide[:, COLUMN_COUNT] == columns[:, INDEX["payer"]]).tolist() == [True, True, False, True]
