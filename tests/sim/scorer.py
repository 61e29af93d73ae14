"""What scorers say in a simulation: the small pack, and of some amounts that an analyst is to look at them."""

from typing import Any, Final

import numpy as np

from rules.decisions.decision import Action
from rules.decisions.pack import Decider
from rules.vocabulary.columns import INDEX
from tests.small_pack import PACK

_DECIDER: Final = Decider(PACK)
REVIEWED_AMOUNTS: Final = (700, 1_400, 70_000)


def decide(columns: Any) -> Any:
    """Decisions for columns."""
    decisions = _DECIDER.decide(columns)
    asked = np.isin(columns[:, INDEX["amount"]], REVIEWED_AMOUNTS) & (decisions["action"] == Action.APPROVE)
    decisions["action"][asked] = Action.REVIEW
    return decisions
