"""A scorer for tests that wants one amount reviewed, whoever pays it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.rpc.interface import Condition
from actors.shard.in_process import InlineScorer
from rules.builtin import PACK
from rules.decisions.decision import Action, Decisions, Fallback
from rules.vocabulary.columns import INDEX

REVIEWED: Final = 777
"""The amount, in any currency."""
REASON: Final = PACK.reasons[0]


class Reviewer(InlineScorer):
    """The built-in pack otherwise."""

    def condition(self) -> Condition:
        return Condition()

    async def preview(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        return await self.decide(payers, columns)

    async def decide(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        decisions, fallback = await super().decide(payers, columns)
        asked = columns[:, INDEX["amount"]] == REVIEWED
        decisions["action"][asked], decisions["reasons"][asked] = Action.REVIEW, 1
        return decisions, fallback
