"""Which dimensions wallet cards have: a score has no subtotal of another, whatever its row says.

A published card never changes and never goes, so what was read once stays.
"""

from collections import OrderedDict
from typing import Final

import msgspec

from actors.stores.rule_packs import PackStore
from models.scorecard import Scorecard

CARDS_MAX: Final = 1_024
"""Cards that are remembered: many more than publish scores at a time, and a few hundred bytes each."""
_NONE: Final[frozenset[str]] = frozenset()


class CardDimensions:
    """Dimensions by the number of a card. Raises StoreUnavailable where a card is not known yet and the database is away."""

    def __init__(self, packs: PackStore) -> None:
        self._packs = packs
        self._known: OrderedDict[int, frozenset[str]] = OrderedDict()

    async def of(self, number: int) -> frozenset[str]:
        """The dimensions of the card with this number; none of one that this switch does not have."""
        known = self._known.get(number)
        if known is not None:
            self._known.move_to_end(number)
            return known
        stored = await self._packs.card_numbered(number)
        if stored is None:
            return _NONE
        known = frozenset(msgspec.json.decode(stored.document, type=Scorecard).dimensions)
        self._known[number] = known
        if len(self._known) > CARDS_MAX:
            self._known.popitem(last=False)
        return known
