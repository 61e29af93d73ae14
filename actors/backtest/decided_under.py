"""Which revision of lists and snoozes each attempt was decided with.

Blocks or an export say it piece by piece. A batch is decided with one revision, rarely another one than the batch before, so only the
places are kept where it changes. An attempt that no scorer decided has that of the one before it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.records.layout import FLAG_FALLBACK, FLAG_SCORED, Records
from rules.decisions.controls import NO_CONTROLS, Controls, whole_revisions

_DECIDED: Final = FLAG_SCORED | FLAG_FALLBACK


class DecidedUnder:
    """Of one shard's attempts. `controls` know every revision; `made`: when each of them was made, in milliseconds."""

    def __init__(self, controls: Controls = NO_CONTROLS, made: Sequence[int] = ()) -> None:
        self.controls = controls
        self._made = np.array(made, np.int64)
        self._begins = [0]
        self._revisions = [0]

    def take(self, records: Records, addresses: NDArray[np.int64], bits: NDArray[np.int64]) -> None:
        """The next records (n,), in journal order, with what their blocks keep of revisions."""
        if not len(self._made):
            return
        decided = np.flatnonzero(records["flags"] & _DECIDED == FLAG_SCORED)
        revisions = whole_revisions(bits[decided], records["record_time"][decided], self._made)
        before = np.concatenate([np.array(self._revisions[-1:]), revisions[:-1]])
        for place in np.flatnonzero(revisions != before).tolist():
            self._begins.append(int(addresses[decided[place]]))
            self._revisions.append(int(revisions[place]))

    def of(self, addresses: NDArray[np.int64]) -> NDArray[np.int64]:
        """Revisions (n,) of attempts that were taken."""
        places = np.searchsorted(np.array(self._begins, np.int64), addresses, "right") - 1
        return np.array(self._revisions, np.int64)[places]
