"""Count scores while they are at hand: by cause, score, band, and reason. Sums of counts do not depend on who counted what."""

from models.jit import kernel


@kernel
def count_scores(scores, causes, bands, worst, step, histogram, by_cause, by_band, first, named, gaps):
    """Add n scored rows with their `causes` (n,) and `bands` (n,) to counts: `histogram` of scores, `step` of them from `worst` on in each;
    rows of each cause and band; `first` (bands, reasons): where a reason is the first; `named` and `gaps` (reasons,): where it is any, and
    the points lost for it."""
    for row in range(len(causes)):
        cause = causes[row]
        by_cause[cause] += 1
        if cause != 0:
            continue
        band = bands[row]
        by_band[band] += 1
        histogram[(scores.totals[row] - worst) // step] += 1
        for place in range(len(scores.reasons)):
            reason = scores.reasons[place, row]
            if reason < 0:
                break
            if place == 0:
                first[band, reason] += 1
            named[reason] += 1
            gaps[reason] += scores.gaps[place, row]
