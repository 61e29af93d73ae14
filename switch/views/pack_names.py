"""Names of packs and of their reasons for answers: records keep numbers.

A published pack never changes, so what is known stays known.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from actors.database.pool import StoreUnavailable
from actors.stores.rule_packs import PackNames, PackStore

log = logging.getLogger(__name__)

UNSCORED: Final = 0
"""What stands in place of a number where no pack decided."""

Names = Mapping[int, PackNames]


class PackCatalogue:
    """What one front door knows of packs, by number."""

    def __init__(self, store: PackStore) -> None:
        self._store = store
        self._known: dict[int, PackNames] = {}

    async def names(self, numbers: Iterable[int]) -> Names:
        """Names of these packs, and perhaps of others. Raises StoreUnavailable."""
        unknown = {number for number in numbers if number != UNSCORED} - self._known.keys()
        if unknown:
            self._known.update(await self._store.names(unknown))
        return self._known

    async def names_after(self, number: int) -> Names:
        """Names of the pack that decided what is already done: an answer without them is better than none."""
        if number == UNSCORED or number in self._known:
            return self._known
        try:
            return await self.names((number,))
        except StoreUnavailable:
            log.warning("the database cannot say what pack %d is called", number)
            return self._known
