"""Count scores while they are at hand.

Sums of counts do not depend on who counted what.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.jit import kernel


class Counts(NamedTuple):
    """Rows by `cause`; of those that have a score, `histogram`, with `step` scores from `worst` on in each place, and rows by `band`;
    `first` (bands, reasons): where a reason is the first; `named` and `gaps` (reasons,): where it is any, and the points lost for it."""

    worst: int
    step: int
    cause: NDArray[np.int64]
    histogram: NDArray[np.int64]
    band: NDArray[np.int64]
    first: NDArray[np.int64]
    named: NDArray[np.int64]
    gaps: NDArray[np.int64]


@kernel
def count_scores(scores, causes, bands, counts):
    """Add n scored rows with their `causes` (n,) and `bands` (n,)."""
    for row in range(len(causes)):
        cause = causes[row]
        counts.cause[cause] += 1
        if cause != 0:
            continue
        band = bands[row]
        counts.band[band] += 1
        counts.histogram[(scores.totals[row] - counts.worst) // counts.step] += 1
        if len(scores.reasons) != 0 and scores.reasons[0, row] >= 0:
            counts.first[band, scores.reasons[0, row]] += 1
        for place in range(len(scores.reasons)):
            reason = scores.reasons[place, row]
            if reason >= 0:
                counts.named[reason] += 1
                counts.gaps[reason] += scores.gaps[place, row]
