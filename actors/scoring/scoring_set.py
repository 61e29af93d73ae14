"""The packs that run, as one immutable set. Pure.

Who decides a payment depends on the set and the payment alone.

What a decision is never depends on packs in shadow: they are asked afterwards, and only counted.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.scoring.counting import Counting
from actors.stores.deployment import Deployment
from rules.decisions.controls import NO_CONTROLS, Controls
from rules.decisions.decision import Decisions, Fallback
from rules.decisions.pack import Decider, RuleHits
from rules.decisions.split import challenged


class Decided(NamedTuple):
    """Decisions (n,) of DECISION, and which of them each pack made, with the rules that fired: the rules run once for both; under which
    `controls`."""

    decisions: Decisions
    by_pack: tuple[tuple[int, RuleHits], ...]
    controls: Controls = NO_CONTROLS


class ScoringSet:
    """A deployment with its packs compiled. `deciders`: by number, of all packs that run."""

    def __init__(self, deployment: Deployment, deciders: Mapping[int, Decider]) -> None:
        self.deployment = deployment
        self.deciders = {number: deciders[number] for number in deployment.packs}
        self._live = self.deciders[deployment.live]
        live = self._live.pack
        self.fallback = Fallback(int(live.fallback), live.number, deployment.revision)

    def decide(
        self, payers: NDArray[np.int64], columns: NDArray[np.int64], controls: Controls = NO_CONTROLS
    ) -> Decided:
        """Decide payments of these wallets (addresses, n) with columns (n, COLUMN_COUNT) under these lists and snoozes."""
        live, challenger = self.deployment.live, self.deployment.challenger
        fired = self._live.fired(columns, controls)
        if challenger is None:
            return Decided(fired.decisions, ((live, fired),), controls)
        theirs = challenged(payers, challenger, self.deployment.share)
        other = self.deciders[challenger].fired(columns[theirs], controls)
        own = fired.of(~theirs)
        fired.decisions[theirs] = other.decisions
        return Decided(fired.decisions, ((live, own), (challenger, other)), controls)

    def observe(self, columns: NDArray[np.int64], decided: Decided, counting: Counting) -> None:
        """Count what was decided, what packs in shadow would have decided, and which rules fired or had no value."""
        for number, fired in decided.by_pack:
            counting.decided(self.deciders[number], fired)
        for number in self.deployment.shadows:
            decider = self.deciders[number]
            counting.shadow(decider, decided.decisions, decider.fired(columns, decided.controls))
