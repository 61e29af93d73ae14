"""Columns of published scores into the fields of their rows, with what has to add up.

They are kernels that read Arrow's memory: a piece of a batch takes some 0.1 ms of the event loop.

A column is its values and the bits of those that are there, as in `models.arrow_buffers`. A column of texts has a place for each row, in
the dictionary that it came with, and `numbers` by place: what records call that text, 0 where they do not know it.
"""

from typing import Final

from actors.records.credit_layout import REASONS_MAX
from models.arrow_buffers import is_there
from models.jit import kernel

GAP_MAX: Final = 2**15 - 1
"""Gaps and subtotals are 16 bits of a record."""
NOTHING: Final = 0
SCORE: Final = 1
CAUSE: Final = 2
SUBTOTALS: Final = 3
TOO_MANY: Final = 4
UNKNOWN: Final = 5
NO_GAP: Final = 6
TWICE: Final = 7


@kernel
def fill_plain(first, end, holders, as_of, score, causes, bands, rows):
    """Write holder, time, score, band and cause of the rows of SCORE_ROW from `first` to `end`. `score`: values and bits; `causes`: places,
    bits and numbers; `bands`: by score, 0 for what is none.

    Gives what is wrong and in which row, NOTHING else: SCORE, which has no band, or CAUSE, which stands where there is a score, or not
    where there is none, or is not known.
    """
    scores, scored = score
    places, named, numbers = causes
    for i in range(first, end):
        row = rows[i]
        row["holder"], row["as_of"] = holders[i], as_of[i]
        has_score, has_cause = is_there(scored, i), is_there(named, i)
        if has_score:
            points = scores[i]
            if points < 0 or points >= len(bands) or bands[points] == 0:
                return SCORE, i
            row["score"], row["band"] = points, bands[points]
        if has_score == has_cause:
            return CAUSE, i
        if has_cause:
            cause = numbers[places[i]]
            if cause == 0:
                return CAUSE, i
            row["cause"] = cause
    return NOTHING, 0


@kernel
def fill_subtotals(first, end, parts, whole, score, rows):
    """Write subtotals of the rows of SCORE_ROW from `first` to `end` from `parts`, values and bits of each, of which nothing counts where a
    row has none by `whole`, bits.

    Gives what is wrong and in which row, NOTHING else: SUBTOTALS that do not fit, or do not add up to the score, 0 where there is none.
    """
    scores, scored = score
    for i in range(first, end):
        left = scores[i] if is_there(scored, i) else 0
        has_parts, subtotals = is_there(whole, i), rows[i]["subtotals"]
        for k in range(len(parts)):
            values, given = parts[k]
            points = values[i] if has_parts and is_there(given, i) else 0
            if points > GAP_MAX or points < -GAP_MAX:
                return SUBTOTALS, i
            left -= points
            subtotals[k] = points
        if left != 0:
            return SUBTOTALS, i
    return NOTHING, 0


@kernel
def fill_reasons(first, end, lists, codes, points, scored, rows):
    """Write numbers and gaps of reasons of the rows of SCORE_ROW from `first` to `end`.

    `lists`: where each row's begins in `codes`, places and numbers, and `points`, where the last ends, and bits of rows that have one;
    `scored`: bits. Gives what is wrong and where, NOTHING else: TOO_MANY, NO_GAP or TWICE in a row, UNKNOWN at a place of the lists.
    """
    starts, given = lists
    places, numbers = codes
    for i in range(first, end):
        start = starts[i]
        count = starts[i + 1] - start if is_there(given, i) else 0
        reasons, gaps = rows[i]["reasons"], rows[i]["gaps"]
        if count > (REASONS_MAX if is_there(scored, i) else 0):
            return TOO_MANY, i
        for k in range(count):
            number, gap = numbers[places[start + k]], points[start + k]
            if number == 0:
                return UNKNOWN, start + k
            if gap < 1 or gap > GAP_MAX:
                return NO_GAP, i
            for before in range(k):
                if reasons[before] == number:
                    return TWICE, i
            reasons[k], gaps[k] = number, gap
    return NOTHING, 0
