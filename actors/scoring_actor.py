"""A stateless scoring actor, and the pool of them as a shard sees it."""

import itertools
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from rules.builtin import PACKS
from rules.pack import Decider


class ScoringActor:
    """Decides batches with a pack. Runs as a Ray actor; safe to kill at any time."""

    def __init__(self, pack: int) -> None:
        self._decider = Decider(PACKS[pack])

    def decide(self, columns: NDArray[Any]) -> NDArray[Any]:
        """Decisions (n,) of dtype DECISION for feature columns (n, COLUMN_COUNT)."""
        return self._decider.decide(columns)

    def ready(self) -> int:
        """The pack's number, once kernels are compiled."""
        return self._decider.pack.number


class RayScorerPool:
    """Asks scoring actors in turn; when one fails, the next. Raises the last failure when none answers."""

    def __init__(self, actors: Sequence[Any]) -> None:
        self._actors = list(actors)
        self._turn = itertools.count()

    async def decide(self, columns: NDArray[Any]) -> NDArray[Any]:
        """As `ScoringActor.decide`."""
        failure: Exception | None = None
        for _ in self._actors:
            actor = self._actors[next(self._turn) % len(self._actors)]
            try:
                decisions: NDArray[Any] = await actor.decide.remote(columns)
            except Exception as error:
                failure = error
            else:
                return decisions
        raise failure or LookupError("there are no scoring actors")
