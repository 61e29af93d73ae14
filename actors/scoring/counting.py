"""What one scorer counted and nobody has written down yet, by pack.

Whatever set of packs counts, and when, nothing is counted twice or lost.
"""

from collections import Counter
from typing import Final

from rules.decisions.counting import PackCounts, count_decided, count_shadow, new_counts
from rules.decisions.decision import Decisions
from rules.decisions.pack import Decider, RuleHits

DECIDED: Final = "decided"
SHADOW: Final = "shadow"
HIT: Final = "hit"
NO_VALUE: Final = "no_value"
_KINDS: Final = (DECIDED, SHADOW, HIT, NO_VALUE)
"""In the order of PackCounts."""

Counts = Counter[tuple[int, str, int]]
"""How often, by pack, kind and item; the table pack_count has the kinds."""


class Counting:
    """Adds up what is decided."""

    def __init__(self) -> None:
        self._packs: dict[int, PackCounts] = {}

    def decided(self, decider: Decider, fired: RuleHits) -> None:
        """A pack has decided payments."""
        count_decided(self._of(decider), fired)

    def shadow(self, decider: Decider, decided: Decisions, fired: RuleHits) -> None:
        """A pack in shadow was asked of payments that others decided."""
        count_shadow(self._of(decider), decided, fired)

    def take(self) -> Counts:
        """What was counted since the last time."""
        packs, self._packs = self._packs, {}
        return Counts(
            {
                (number, kind, item): int(count)
                for number, counts in packs.items()
                for kind, array in zip(_KINDS, counts, strict=True)
                for item, count in enumerate(array.tolist())
                if count
            }
        )

    def _of(self, decider: Decider) -> PackCounts:
        pack = decider.pack
        if pack.number not in self._packs:
            self._packs[pack.number] = new_counts(len(pack.rules))
        return self._packs[pack.number]
