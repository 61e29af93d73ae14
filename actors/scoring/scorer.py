"""One scorer: it holds the deployed set of packs and replaces it between two batches.

The change is one assignment.

A new set is loaded whole beside the old one; when that fails, the old one goes on and whoever published gets the reason. Nothing here
compiles: `load` finds the kernels on disk (`actors.scoring.pack_compiler`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.database.pool import StoreUnavailable
from actors.rpc.interface import NotReady
from actors.scoring.counting import Counting, Counts
from actors.scoring.scoring_set import ScoringSet
from actors.stores.controls import ControlChanges, ControlsState
from actors.stores.deployment import Deployment
from actors.stores.rule_packs import PackStore
from rules.decisions.controls import STALE_S
from rules.decisions.decision import Decisions, Fallback
from rules.decisions.pack import Decider

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
"""A deployment of which nobody informed this scorer (the front door died) is found so late; counts are written down as often."""

Load = Callable[[PackStore, int], Awaitable[Decider]]


class Activated(msgspec.Struct, frozen=True, kw_only=True):
    """What a scorer answers to a deployment: the revision it has now, and what went wrong with another one. 0: it has none, or one that
    the database has lost. `controls`: the revision of lists and snoozes that it has."""

    revision: int
    error: str | None = None
    controls: int = 0


class ScorerClient(Protocol):
    """A scorer, as a front door sees it."""

    async def activate(self) -> Activated:
        """Take the deployment that holds now. Raises NotReady or CallLost."""


class Scorer:
    """Decides with the deployed packs of a store. `load` gives a pack by number, ready to decide."""

    def __init__(self, store: PackStore, load: Load, changes: ControlChanges) -> None:
        self._store = store
        self._changes = changes
        self._controls = ControlsState()
        self._load = load
        self._set: ScoringSet | None = None
        self._error: str | None = None
        self._failed: Deployment | None = None
        self._lost = False
        self._changing = asyncio.Lock()
        self._counting = Counting()
        self._unwritten = Counts()
        self._loop = asyncio.get_running_loop()
        self._asked_at = self._loop.time()

    @property
    def revision(self) -> int:
        """Of the deployment that decides here; 0 before there is one."""
        return 0 if self._set is None else self._set.deployment.revision

    def decide(
        self, payers: NDArray[np.int64], columns: NDArray[np.int64], *, counted: bool = True
    ) -> tuple[Decisions, Fallback]:
        """Decisions (n,) for payments of these wallets (addresses, n) with columns (n, COLUMN_COUNT), and what decides when no scorer
        answers. `counted`: they are payments, which counts and packs in shadow see. Raises NotReady."""
        chosen = self._set
        if chosen is None:
            raise NotReady("this scorer has no packs yet")
        if self._loop.time() - self._asked_at > STALE_S:
            raise NotReady("this scorer knows nothing of later changes of lists and snoozes")
        decided = chosen.decide(payers, columns, self._controls.now)
        if counted:
            self._loop.call_soon(chosen.observe, columns, decided, self._counting)  # once the answer has left
        return decided.decisions, chosen.fallback

    async def activate(self) -> Activated:
        """Take the deployment that holds now, and lists and snoozes as they are."""
        async with self._changing:
            try:
                await self._follow_changes()
                await self._follow_deployments()
            except (StoreUnavailable, LookupError) as error:
                return self._activated(str(error))
        return self._activated(self._error)

    def _activated(self, error: str | None) -> Activated:
        revision = 0 if self._lost else self.revision
        return Activated(revision=revision, error=error, controls=self._controls.now.revision)

    async def _follow_deployments(self) -> None:
        """Take the deployment that holds, if it is another one. Where the one that decides here was lost, a standby that is behind has
        taken over: numbers of its packs may mean others now, and all are loaded anew."""
        deployment = await self._store.deployment()
        if self._set is None:
            await self._change(deployment, {})
        elif deployment == self._set.deployment:
            self._error, self._lost = None, False
        else:
            self._lost = not await self._store.was_deployed(self._set.deployment)
            if self._lost:
                self._counting.take()
                self._unwritten = Counts()  # of packs that may be others now
            await self._change(deployment, {} if self._lost else self._set.deciders)

    async def _follow_changes(self) -> None:
        """Take changes of lists and snoozes, all of a revision at once; they hold for every set of packs. Where there are fewer than are
        known here, a standby that is behind has taken over: all are taken anew."""
        asked_at = self._loop.time()
        changed = await self._changes.since(self._controls.now.revision)
        if changed.revision < self._controls.now.revision:
            changed, self._controls = await self._changes.since(0), ControlsState()
        self._controls.take(changed)
        self._asked_at = asked_at

    async def _change(self, deployment: Deployment, there: Mapping[int, Decider]) -> None:
        """`there`: deciders that need not be loaded."""
        try:
            deciders = {n: there[n] if n in there else await self._load(self._store, n) for n in deployment.packs}
        except Exception as error:
            if deployment != self._failed:
                log.exception("deployment %d cannot be loaded: the one before goes on", deployment.revision)
            self._failed = deployment
            self._error = f"{type(error).__name__}: {error}"
            return
        self._set = ScoringSet(deployment, deciders)
        self._error, self._lost = None, False
        log.info("deployment %d decides: packs %s", deployment.revision, deployment.packs)

    async def run(self) -> None:
        """Look for deployments and write down what was counted, until cancelled."""
        while True:
            await self.activate()
            await self.write_counts()
            await asyncio.sleep(LOOK_EVERY_S)

    async def write_counts(self) -> None:
        """Write down what was counted since the last time."""
        self._unwritten.update(self._counting.take())
        counts, self._unwritten = self._unwritten, Counts()
        if counts:
            try:
                await self._store.count(counts)
            except StoreUnavailable:
                self._unwritten.update(counts)
