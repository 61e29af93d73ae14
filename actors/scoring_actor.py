"""A stateless scoring actor, and the pool of them as a shard sees it."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.calls import Caller, CallServer
from actors.process import settle
from rules.builtin import PACKS
from rules.columns import COLUMN_COUNT
from rules.decision import DECISION
from rules.pack import Decider


class ScoringActor:
    """Decides batches with a pack. Runs as a Ray actor; safe to kill at any time."""

    def __init__(self, pack: int, sockets: str | None) -> None:
        self._decider = Decider(PACKS[pack])
        self._calls = CallServer(sockets, {"decide": self.decide})
        settle()

    async def socket_path(self) -> str | None:
        """As `CallServer.path`."""
        return await self._calls.path()

    async def decide(self, columns: bytes) -> bytes:
        """Decisions (n,) of DECISION for feature columns (n, COLUMN_COUNT), both as bytes."""
        return self._decider.decide(np.frombuffer(columns, np.int64).reshape(-1, COLUMN_COUNT)).tobytes()


class ScorerPool:
    """Asks scoring actors in turn; when one fails, the next. Raises the last failure when none answers."""

    def __init__(self, actors: Sequence[Any]) -> None:
        self._callers = [Caller(actor) for actor in actors]
        self._turn = itertools.count()

    async def decide(self, columns: NDArray[Any]) -> NDArray[Any]:
        """Decisions (n,) for feature columns (n, COLUMN_COUNT)."""
        data = columns.tobytes()
        failure: Exception | None = None
        for _ in self._callers:
            caller = self._callers[next(self._turn) % len(self._callers)]
            try:
                decisions = await caller.call("decide", data)
            except Exception as error:
                failure = error
            else:
                return np.frombuffer(decisions, DECISION)
        raise failure or LookupError("there are no scoring actors")
