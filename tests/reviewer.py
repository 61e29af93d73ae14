"""A scorer for tests that wants one amount reviewed, whoever pays it."""

from typing import Any, Final

from numpy.typing import NDArray

from actors.shard.local import InlineScorer
from actors.shard_client import Condition
from rules.builtin import PACK
from rules.columns import INDEX
from rules.decision import Action, StandIn

REVIEWED: Final = 777
"""The amount, in any currency."""
REASON: Final = PACK.reasons[0]


class Reviewer(InlineScorer):
    """The built-in pack otherwise."""

    def condition(self) -> Condition:
        return Condition()

    async def decide(self, payers: NDArray[Any], columns: NDArray[Any]) -> tuple[NDArray[Any], StandIn]:
        decisions, stand_in = await super().decide(payers, columns)
        asked = columns[:, INDEX["amount"]] == REVIEWED
        decisions["action"][asked], decisions["reasons"][asked] = Action.REVIEW, 1
        return decisions, stand_in
