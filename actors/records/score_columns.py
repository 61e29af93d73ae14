"""Columns of published scores into the fields of their rows, with what has to add up.

They are kernels: a piece of a batch takes some 0.1 ms of the event loop.
"""

from typing import Final

from actors.records.credit_layout import REASONS_MAX
from models.jit import kernel

GAP_MAX: Final = 2**15 - 1
"""Gaps and subtotals are 16 bits of a record."""
NOTHING: Final = 0
TOO_MANY: Final = 1
UNKNOWN: Final = 2
NO_GAP: Final = 3
TWICE: Final = 4


@kernel
def fill_plain(holders, as_of, scores, bands, causes, card, run, rows):
    """Write what takes no looking at into rows (n,) of SCORE_ROW: columns (n,), and `bands` by score."""
    for i in range(len(rows)):
        row = rows[i]
        row["holder"], row["as_of"], row["score"] = holders[i], as_of[i], scores[i]
        row["band"], row["cause"] = bands[scores[i]], causes[i]
        row["card"], row["run"] = card, run


@kernel
def fill_subtotals(parts, scores, subtotals):
    """Write columns (n,) of points as rows of `subtotals` (n, columns). Gives the first row whose points do not add up to its score, or do
    not fit, else -1."""
    for i in range(len(scores)):
        left = scores[i]
        for k in range(len(parts)):
            points = parts[k][i]
            if points > GAP_MAX or points < -GAP_MAX:
                return i
            left -= points
            subtotals[i, k] = points
        if left != 0:
            return i
    return -1


@kernel
def fill_reasons(counts, scored, places, points, reasons, gaps):
    """Write reasons of rows, `counts` (n,) of each, from lists of all together: `places` (m,) of their codes in the card, -1 = not there,
    and `points` (m,). A row has them in `reasons` (n, at most) by number, from 1 on, and `gaps` (n, at most). Gives what is wrong and
    where, NOTHING else: TOO_MANY, NO_GAP or TWICE in a row, UNKNOWN at a place of the lists."""
    for i in range(len(counts)):
        if counts[i] > (REASONS_MAX if scored[i] else 0):
            return TOO_MANY, i
    for k in range(len(places)):
        if places[k] < 0:
            return UNKNOWN, k
    first = 0
    for i in range(len(counts)):
        for k in range(counts[i]):
            place, gap = places[first + k], points[first + k]
            if gap < 1 or gap > GAP_MAX:
                return NO_GAP, i
            for before in range(k):
                if places[first + before] == place:
                    return TWICE, i
            reasons[i, k], gaps[i, k] = place + 1, gap
        first += counts[i]
    return NOTHING, 0
