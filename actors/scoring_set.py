"""The packs that run, as one immutable set: who decides a payment depends on the set and the payment alone. Pure.

What a decision is never depends on packs in shadow: they are asked afterwards, and only counted.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.deployment import Deployment
from rules.decision import Action, StandIn
from rules.pack import Decider, Trace
from rules.split import challenged

DECIDED: Final = "decided"
SHADOW: Final = "shadow"
HIT: Final = "hit"
NO_VALUE: Final = "no_value"

Counts = Counter[tuple[int, str, int]]
"""How often, by pack, kind and item; the table pack_count has the kinds."""


class ScoringSet:
    """A deployment with its packs compiled. `deciders`: by number, of all packs that run."""

    def __init__(self, deployment: Deployment, deciders: Mapping[int, Decider]) -> None:
        self.deployment = deployment
        self.deciders = {number: deciders[number] for number in deployment.packs}
        self._live = self.deciders[deployment.live]
        live = self._live.pack
        self.stand_in = StandIn(int(live.fallback), live.number, deployment.revision)

    def decide(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[Any]:
        """Decisions (n,) for payments of these wallets (addresses, n) with columns (n, COLUMN_COUNT)."""
        deployment = self.deployment
        if deployment.challenger is None:
            return self._live.decide(columns)
        theirs = challenged(payers, deployment.challenger, deployment.share)
        decisions = self._live.decide(columns)
        if theirs.any():
            decisions[theirs] = self.deciders[deployment.challenger].decide(columns[theirs])
        return decisions

    def observe(self, columns: NDArray[np.int64], decisions: NDArray[Any], counts: Counts) -> None:
        """Count what was decided, what packs in shadow would have decided, and which rules fired or had no value."""
        for pack, decider in self.deciders.items():
            if pack in self.deployment.shadows:
                trace = decider.trace(columns)
                both = decisions["action"].astype(np.intp) * len(Action) + trace.decisions["action"]
                _add(counts, pack, SHADOW, np.bincount(both))
                _add_rules(counts, pack, trace)
            else:
                own = decisions["pack"] == pack
                if own.any():
                    _add(counts, pack, DECIDED, np.bincount(decisions["action"][own]))
                    _add_rules(counts, pack, decider.trace(columns if own.all() else columns[own]))


def _add_rules(counts: Counts, pack: int, trace: Trace) -> None:
    _add(counts, pack, HIT, trace.hits.sum(axis=0))
    _add(counts, pack, NO_VALUE, trace.not_evaluated)


def _add(counts: Counts, pack: int, what: str, found: NDArray[Any]) -> None:
    for item in np.flatnonzero(found).tolist():
        counts[pack, what, item] += int(found[item])
