"""The scenarios as a front door has them: read, checked, ready to be asked.

A published version never changes, so what was read once stays; which version is the newest is asked of the database once a second at
most, and only while somebody needs it.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from actors.database.pool import StoreUnavailable
from actors.stores.scenarios import ScenarioStore, StoredScenario
from rules.scenarios.cases import columns_of
from rules.scenarios.document import Scenario, read_scenario
from rules.scenarios.evaluation import Evaluator

log = logging.getLogger(__name__)

FRESH_S: Final = 1.0
"""So long after its publication a version may not yet decide."""
OLDER_MAX: Final = 1_024
"""Versions that are not the newest and are kept for answers about earlier decisions."""


class LoadedScenario(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One version, ready."""

    stored: StoredScenario
    scenario: Scenario
    evaluator: Evaluator


class ScenarioCatalogue:
    """Raises StoreUnavailable where nothing is known yet and the database is away. `clock` counts seconds."""

    def __init__(self, store: ScenarioStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._newest: dict[int, LoadedScenario] = {}
        self._by_name: dict[str, LoadedScenario] = {}
        self._older: OrderedDict[tuple[int, int], LoadedScenario] = OrderedDict()
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def current(self) -> Mapping[str, LoadedScenario]:
        """The newest version of each scenario, by name."""
        if self._clock() - self._asked_at >= FRESH_S:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
                self._asking.add_done_callback(self._asked)
            await asyncio.shield(self._asking)
        return self._by_name

    async def newest(self, number: int) -> LoadedScenario | None:
        """The newest version of the scenario with this number."""
        await self.current()
        return self._newest.get(number)

    async def version(self, number: int, version: int) -> LoadedScenario | None:
        """One version, by the numbers that records keep."""
        newest = self._newest.get(number)
        if newest is not None and newest.stored.version == version:
            return newest
        known = self._older.get((number, version))
        if known is None:
            found = await self._store.versions([(number, version)])
            if not found:
                return None
            known = (await asyncio.to_thread(_loaded, found))[0]
            self._older[number, version] = known
            if len(self._older) > OLDER_MAX:
                self._older.popitem(last=False)
        return known

    async def is_covered(self, loaded: LoadedScenario, version: int) -> bool:
        """Whether a consent to a version of this scenario, 0 = any, covers the data that this version uses."""
        if version in (0, loaded.stored.version):
            return True
        agreed = await self.version(loaded.stored.number, version)
        return agreed is not None and set(loaded.scenario.data) <= set(agreed.scenario.data)

    def expire(self) -> None:
        """Somebody published: whoever asks next sees it."""
        self._asked_at = float("-inf")

    def _asked(self, task: "asyncio.Task[None]") -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # whoever waited has met it

    async def _ask(self) -> None:
        asked_at = self._clock()
        try:
            versions = await self._store.newest()
            wanted = [
                (number, version)
                for number, version in versions.items()
                if number not in self._newest or self._newest[number].stored.version != version
            ]
            found = await asyncio.to_thread(_loaded, await self._store.versions(wanted)) if wanted else []
        except StoreUnavailable:
            if not self._newest:
                raise
            log.warning("the database cannot say which scenarios are the newest")
            return
        for each in found:
            self._newest[each.stored.number] = each
            self._by_name[each.stored.name] = each
        self._asked_at = asked_at


def _loaded(stored: list[StoredScenario]) -> list[LoadedScenario]:
    """Versions read and asked once, so that the kernel is there before anybody waits for it. In a thread: it may take long."""
    loaded = []
    for each in stored:
        scenario = read_scenario(each.text, stored=True)
        evaluator = scenario.evaluator()
        evaluator.evaluate(columns_of([{}], scenario.terms.cap))
        loaded.append(LoadedScenario(stored=each, scenario=scenario, evaluator=evaluator))
    return loaded
